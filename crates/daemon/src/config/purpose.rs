//! What a daemon does at a path that a key names. It is said once, with the key: `config check`
//! tries it, the sandbox allows it, and the manual tells it.

/// What a daemon does at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Reads a file, again whenever it changes, and after a rename over it.
    ReadFile,
    /// Appends to a file, and makes it where it is missing.
    AppendFile,
    /// Makes, changes and removes files in a folder.
    WriteFolder,
    /// Goes through a folder to the mail below it, which it makes and changes there.
    MailRoot,
    /// Connects to a Unix socket.
    ConnectSocket,
    /// Listens on a Unix socket: its folder must be there. Who binds it (root, a socket unit, the
    /// daemon itself) is another matter.
    ListenSocket,
}

impl Purpose {
    /// What stands there, for the sample file and the manual.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::ReadFile => "a file that the daemon reads",
            Self::AppendFile => "a file that the daemon writes",
            Self::WriteFolder => "a folder that the daemon writes in",
            Self::MailRoot => "a folder that mail lies below",
            Self::ConnectSocket => "a Unix socket that the daemon connects to",
            Self::ListenSocket => "a Unix socket that the daemon listens on",
        }
    }

    /// Whether the path itself is a folder; otherwise its parent is what a sandbox allows, so that
    /// a file renamed over it is seen.
    #[must_use]
    pub const fn is_folder(self) -> bool {
        matches!(self, Self::WriteFolder | Self::MailRoot)
    }

    /// Whether something is made or changed there.
    #[must_use]
    pub const fn writes(self) -> bool {
        matches!(self, Self::AppendFile | Self::WriteFolder | Self::MailRoot)
    }
}
