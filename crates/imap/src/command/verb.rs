//! What a command is called, for whoever shows what a session does. UID forms are called like the others.

use super::Command;

impl Command {
    /// In upper case: `SELECT`.
    #[must_use]
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Capability => "CAPABILITY",
            Self::Noop => "NOOP",
            Self::Logout => "LOGOUT",
            Self::Id(_) => "ID",
            Self::StartTls => "STARTTLS",
            Self::Authenticate { .. } => "AUTHENTICATE",
            Self::Login { .. } => "LOGIN",
            Self::Enable(_) => "ENABLE",
            Self::Select(_) => "SELECT",
            Self::Examine(_) => "EXAMINE",
            Self::Create { .. } => "CREATE",
            Self::Delete(_) => "DELETE",
            Self::Rename { .. } => "RENAME",
            Self::Subscribe(_) => "SUBSCRIBE",
            Self::Unsubscribe(_) => "UNSUBSCRIBE",
            Self::List(_) => "LIST",
            Self::Lsub { .. } => "LSUB",
            Self::Namespace => "NAMESPACE",
            Self::Status { .. } => "STATUS",
            Self::Idle => "IDLE",
            Self::Check => "CHECK",
            Self::Close => "CLOSE",
            Self::Unselect => "UNSELECT",
            Self::Expunge(_) => "EXPUNGE",
            Self::Search(_) => "SEARCH",
            Self::Fetch(_) => "FETCH",
            Self::Store(_) => "STORE",
            Self::Copy { .. } => "COPY",
            Self::Move { .. } => "MOVE",
        }
    }
}
