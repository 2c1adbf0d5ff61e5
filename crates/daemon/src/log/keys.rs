//! The keys of `[log]`.

use crate::config::{Key, Kind, Purpose};

/// The facilities of syslog(3) that a daemon may use.
pub(super) const FACILITIES: [(&str, u8); 10] = [
    ("mail", 2),
    ("daemon", 3),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];

const FACILITY_NAMES: &[&str] = &[
    "mail", "daemon", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7",
];

/// `[log]`.
pub(crate) const KEYS: &[Key] = &[
    Key::new(
        "level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "What is logged: this level and those before it. `dovetail debug NAME on` raises it for a \
         while without touching this key.",
    ),
    Key::new(
        "to",
        Kind::Choice(&["auto", "stderr", "journal", "syslog", "file"]),
        "\"auto\"",
        "Where lines go. auto: to `file` if that is set; else to systemd's journal with every field \
         a field of its own, if the service manager gave the daemon a journal for standard error; \
         else to standard error. syslog: to /dev/log, as syslog(3) does.",
    )
    .restart(),
    Key::new(
        "format",
        Kind::Choice(&["text", "json"]),
        "\"text\"",
        "Lines of text or of JSON, with the same fields. The journal's messages are text always: \
         there the fields are the journal's.",
    )
    .restart(),
    Key::optional(
        "file",
        Kind::Path(Purpose::AppendFile),
        "A file to log to, opened again on SIGUSR1. Its folder must be the daemon's own to write.",
    )
    .restart(),
    Key::optional(
        "info_file",
        Kind::Path(Purpose::AppendFile),
        "Where lines of level info go, and below it; warnings and errors stay in `file`. Default: \
         `file`. Dovecot's info_log_path.",
    )
    .restart(),
    Key::optional(
        "debug_file",
        Kind::Path(Purpose::AppendFile),
        "Where lines of level debug and trace go. Default: `info_file`. Dovecot's debug_log_path.",
    )
    .restart(),
    Key::new(
        "facility",
        Kind::Choice(FACILITY_NAMES),
        "\"mail\"",
        "The facility that syslog and the journal are told: what sorts lines into mail.log.",
    )
    .restart(),
    Key::optional(
        "socket",
        Kind::Path(Purpose::ConnectSocket),
        "The log's socket, where it isn't the usual one: /run/systemd/journal/socket for the \
         journal, /dev/log for syslog.",
    )
    .restart(),
];
