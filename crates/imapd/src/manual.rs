//! What imapd's manual page says of it.

use daemon::{Manual, ManualSocket};

pub(crate) const MANUAL: Manual = Manual {
    summary: "lets users read their mail by IMAP",
    description: &[
        "`imapd` speaks IMAP4rev1 with users' mail programs (ports 143 and 993). It stands where Dovecot's imap \
         stood, and reads and writes the same Maildirs, with the same UIDs, flags, folders and subscriptions: \
         Dovecot may have written them, may use them at the same time, and may have them back.",
        "dovetail-authd(8) is asked whether a login is good, and where the user's mail is; dovetail-mail.toml(5) \
         says how it lies there. imapd serves users whose uid is its own (`vmail`); others hear \
         `NO [UNAVAILABLE]`.",
        "A port is open once its socket unit is enabled and the configuration has a listener of that name, as in \
         `systemctl enable dovetail-imapd-imap.socket && systemctl restart dovetail-imapd`. TLS wants a \
         certificate, in `[tls]`; dovetail-tls(1) copies those that only root may read. Without one, only \
         clients on this machine may log in.",
    ],
    sockets: &[
        ManualSocket {
            listener: "imap",
            place: "port 143",
            unit: "dovetail-imapd-imap.socket",
            what: "Users' mail programs: in clear, or STARTTLS where `tls` says so. Off until you enable it.",
        },
        ManualSocket {
            listener: "imaps",
            place: "port 993",
            unit: "dovetail-imapd-imaps.socket",
            what: "Users' mail programs, TLS from the first byte. Off until you enable it.",
        },
    ],
    files: &[
        ("/var/vmail/", "Mail, where the userdb names no other place."),
        (
            "/var/lib/dovetail/tls/imapd/",
            "Copies of certificates and keys that `dovetail tls copy` made.",
        ),
    ],
    see_also: &[
        "dovetail-who(1)",
        "dovetail-kick(1)",
        "dovetail-tls(1)",
        "dovetail-authd(8)",
        "dovetail-lmtpd(8)",
    ],
};
