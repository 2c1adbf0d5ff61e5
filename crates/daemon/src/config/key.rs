//! The one definition of each key: name, kind with its limits, default, paragraph. The check, the
//! sample file and the manual all come from it.

use std::time::Duration;

use super::purpose::Purpose;
use crate::keys;

/// One key of a file or of a table in it.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the file.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// Its value when it isn't set, as TOML; none for optional and required keys, lists and tables.
    pub default: Option<&'static str>,
    /// Whether its absence is an error.
    pub required: bool,
    /// A paragraph for the sample file and the manual.
    pub doc: &'static str,
    /// Whether a running daemon keeps the old value at a reload: only a restart takes up a new one.
    pub restart: bool,
}

impl Key {
    /// A key with a default, written as TOML: `"\"5d\""`, `"100"`, `"true"`, `"[\"PLAIN\"]"`.
    #[must_use]
    pub const fn new(
        name: &'static str,
        kind: Kind,
        default: &'static str,
        doc: &'static str,
    ) -> Self {
        Self { name, kind, default: Some(default), required: false, doc, restart: false }
    }

    /// A key that may be absent. Lists, maps and tables are then empty.
    #[must_use]
    pub const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, default: None, required: false, doc, restart: false }
    }

    /// A key that must be set wherever its table stands.
    #[must_use]
    pub const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, default: None, required: true, doc, restart: false }
    }

    /// The same key, but only a restart takes a new value up.
    #[must_use]
    pub const fn restart(mut self) -> Self {
        self.restart = true;
        self
    }
}

/// What a key may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number between the two, both included.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Any text without control characters.
    Text,
    /// An absolute path, and what the daemon does there.
    Path(Purpose),
    /// An absolute path with variables (`/etc/vmail/%d/passwd`), kept as text.
    Template(Purpose),
    /// `"5d"`, `"300s"`, `"1h30m"`, between the two, both included.
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// `"50M"` or a number of octets, between the two, both included.
    Size {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// Access bits as octal text: `"0660"`.
    Mode,
    /// A user by number or name; a name that the system doesn't know is an error, but in a default.
    User,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `"127.0.0.1:25"`, `"[::]:25"`, `"*:25"`, `"unix:/path"`.
    Address,
    /// An array of one kind.
    List(&'static Kind),
    /// A table whose keys are free: `[routes]`, `"example.org" = "/run/x.sock"`.
    Map(&'static Kind),
    /// A table with these keys: `[tls]`.
    Table(&'static [Key]),
    /// Named tables, each with these keys: `[listener.smtps]`.
    Tables(&'static [Key]),
}

impl Kind {
    /// A duration between two numbers of seconds.
    #[must_use]
    pub const fn seconds(min: u64, max: u64) -> Self {
        Self::Duration { min: Duration::from_secs(min), max: Duration::from_secs(max) }
    }

    /// A whole number between the two, for counts.
    #[must_use]
    pub const fn count(min: i64, max: i64) -> Self {
        Self::Integer { min, max }
    }
}

/// One file and its keys.
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// The file's name without `.toml`.
    pub name: &'static str,
    /// A paragraph for the head of the sample file.
    pub doc: &'static str,
    /// Its keys, in the order of the sample file.
    pub keys: Vec<Key>,
}

impl FileSpec {
    /// A daemon's own file: its keys, and after them those that every daemon has (`[log]`, `user`,
    /// `drain` …). `[listener.NAME]` is among them unless the daemon's own keys define it, with
    /// more keys than [`keys::LISTENER`] has.
    #[must_use]
    pub fn daemon(name: &'static str, doc: &'static str, own: &[Key]) -> Self {
        let mut all = own.to_vec();
        for common in keys::COMMON {
            if !own.iter().any(|key| key.name == common.name) {
                all.push(*common);
            }
        }
        Self { name, doc, keys: all }
    }

    /// A file that several daemons read.
    #[must_use]
    pub fn shared(name: &'static str, doc: &'static str, keys: &[Key]) -> Self {
        Self { name, doc, keys: keys.to_vec() }
    }
}
