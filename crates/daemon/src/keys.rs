//! Keys that more than one file or daemon has, each defined here and nowhere else.

use crate::config::{Key, Kind, Purpose};

const MODES: Kind = Kind::Mode;

/// `address` of a listener.
pub const ADDRESS: Key = Key::optional(
    "address",
    Kind::Address,
    "Where to listen. An inherited descriptor (socket activation) with the listener's name takes \
     its place.",
);
/// `owner` of a listener's Unix socket.
pub const OWNER: Key = Key::optional(
    "owner",
    Kind::Text,
    "Who owns the Unix socket: a user's name or number. Only root can give it away; default: the \
     user that the daemon runs as.",
);
/// `group` of a listener's Unix socket.
pub const GROUP: Key = Key::optional(
    "group",
    Kind::Text,
    "The Unix socket's group: a name or number; default: the group that the daemon runs as, and \
     `dovetail-admin` for [listener.admin] where that group exists.",
);
/// `mode` of a listener's Unix socket.
pub const MODE: Key =
    Key::new("mode", MODES, "\"0660\"", "The Unix socket's access bits: who may connect.");
/// `peers` of a listener's Unix socket.
pub const PEERS: Key = Key::optional(
    "peers",
    Kind::List(&Kind::User),
    "Users that may connect to the Unix socket, besides what its mode says; []: every one whom the \
     mode admits. Unset it is that too, but where whoever connects is believed: qmgrd's socket is \
     dvsmtpd's, relayd's is dvqueue's, smtpd's internal one is dvqueue's and vmail's, as far as these \
     users exist.",
);
/// `tls` of a listener that speaks to mail programs.
pub const LISTENER_TLS: Key = Key::new(
    "tls",
    Kind::Choice(&["none", "starttls", "implicit"]),
    "\"none\"",
    "Whether the connection is in clear, may change to TLS, or is TLS from the first byte.",
);

/// The keys that every listener has. A daemon whose listeners have more lists these and its own.
pub const LISTENER: &[Key] = &[ADDRESS, OWNER, GROUP, MODE, PEERS];

/// `[listener.NAME]` with the common keys only.
pub const LISTENERS: Key = Key::optional(
    "listener",
    Kind::Tables(LISTENER),
    "The sockets that the daemon listens on. [listener.admin] is the operator's; without it the \
     daemon makes /run/dovetail/NAME/admin.sock if it can.",
)
.restart();

/// `max_connections_per_address`, with the daemon's default.
#[must_use]
pub const fn max_connections_per_address(default: &'static str) -> Key {
    Key::new(
        "max_connections_per_address",
        Kind::count(0, 1_000_000),
        default,
        "Connections at a time from one IPv4 address, or from one IPv6 network of 64 bits; 0: any \
         number. Unix sockets and unlimited_networks are not counted.",
    )
}

/// `max_connections_per_user`, with the daemon's default.
#[must_use]
pub const fn max_connections_per_user(default: &'static str) -> Key {
    Key::new(
        "max_connections_per_user",
        Kind::count(0, 1_000_000),
        default,
        "Sessions at a time that a user may have from one address (Dovecot's \
         mail_max_userip_connections); 0: any number. Unix sockets and unlimited_networks are not \
         counted.",
    )
}

/// `unlimited_networks`.
pub const UNLIMITED_NETWORKS: Key = Key::new(
    "unlimited_networks",
    Kind::List(&Kind::Text),
    "[\"127.0.0.0/8\", \"[::1]/128\"]",
    "Clients that may have any number of connections within max_connections: webmail on this machine, \
     a proxy, monitoring.",
);

/// `[tls]`: certificates and how they are shown. [`crate::tls::from_table`] reads it.
pub const TLS: Key = crate::tls::TLS;

/// `[health] warn_free`.
pub const WARN_FREE: Key = Key::new(
    "warn_free",
    Kind::Size { min: 0, max: 1 << 50 },
    "\"1G\"",
    "Less free disk than this in a folder of the daemon's is a warning in `dovetail health`.",
);
/// `[health] min_free`.
pub const MIN_FREE: Key = Key::new(
    "min_free",
    Kind::Size { min: 0, max: 1 << 50 },
    "\"64M\"",
    "Less than this is bad: mail will soon be refused.",
);
/// `[health] warn_free_inodes`.
pub const WARN_FREE_INODES: Key = Key::new(
    "warn_free_inodes",
    Kind::count(0, 1 << 40),
    "10000",
    "Fewer free inodes (files that can still be made) than this are a warning; a file system that \
     doesn't count them isn't asked.",
);
/// `[health] min_free_inodes`.
pub const MIN_FREE_INODES: Key =
    Key::new("min_free_inodes", Kind::count(0, 1 << 40), "1000", "Fewer than this are bad.");
/// `[health] descriptors_percent`.
pub const DESCRIPTORS_PERCENT: Key = Key::new(
    "descriptors_percent",
    Kind::count(1, 100),
    "80",
    "So much of max_descriptors in use is a warning: at all of it no connection is accepted.",
);

/// `[health] certificate_days`.
pub const CERTIFICATE_DAYS: Key = Key::new(
    "certificate_days",
    Kind::count(0, 3650),
    "14",
    "A certificate that is served and ends within fewer days is a warning; one that has ended is \
     bad.",
);

/// The keys that every `[health]` has. A daemon that has more lists these and its own.
pub const HEALTH_KEYS: &[Key] = &[
    WARN_FREE,
    MIN_FREE,
    WARN_FREE_INODES,
    MIN_FREE_INODES,
    DESCRIPTORS_PERCENT,
    CERTIFICATE_DAYS,
];

/// `[health]` with the common keys only.
pub const HEALTH: Key = Key::optional("health", Kind::Table(HEALTH_KEYS), HEALTH_DOC);

/// What `[health]` is for.
pub const HEALTH_DOC: &str = "From where on /v1/health, `dovetail health` and `dovetail status` \
     complain. Nothing else changes by it.";

/// The keys that every daemon's own file has.
pub const COMMON: &[Key] = &[
    Key::optional(
        "user",
        Kind::Text,
        "Started as root, the daemon becomes this user for good once its sockets are bound; \
         default: the daemon's own user.",
    )
    .restart(),
    Key::optional("group", Kind::Text, "Started as root, its group; default: the user's own.")
        .restart(),
    Key::new(
        "groups",
        Kind::List(&Kind::Text),
        "[\"dovetail\"]",
        "Started as root, its further groups. `dovetail` lets it read the shared configuration.",
    )
    .restart(),
    Key::optional(
        "pid_file",
        Kind::Path(Purpose::AppendFile),
        "Where the process writes its number, started by hand; systemd's RUNTIME_DIRECTORY goes before. A \
         second process that names a file in use doesn't start.",
    )
    .restart(),
    Key::new(
        "drain",
        Kind::seconds(0, 3600),
        "\"10s\"",
        "On SIGTERM, how long connections may go on before they are cut.",
    ),
    Key::new(
        "max_descriptors",
        Kind::count(64, 1 << 24),
        "65536",
        "File descriptors: the limit is raised to this, or to what the system allows.",
    )
    .restart(),
    LISTENERS,
    HEALTH,
    crate::confine::SANDBOX,
    Key::optional("log", Kind::Table(crate::log::KEYS), "Where and how to log."),
];

/// `domains.toml`, which smtpd, qmgrd, relayd and lmtpd share. [`crate::Domains`] reads it.
pub const DOMAINS: &[Key] = &[
    Key::optional(
        "hostname",
        Kind::Text,
        "This system's name in greetings and headers; default: the machine's.",
    ),
    Key::optional(
        "myorigin",
        Kind::Text,
        "The domain put to addresses without one; default: hostname.",
    ),
    Key::optional(
        "postmaster",
        Kind::Text,
        "Where mail for the postmaster goes; default: postmaster@myorigin.",
    ),
    Key::optional("mailbox_domains", Kind::List(&Kind::Text), "Domains whose mailboxes are here."),
    Key::new(
        "recipient_delimiter",
        Kind::Text,
        "\"+\"",
        "What separates the user from a detail: user+detail@domain. Empty: nothing.",
    ),
    Key::new(
        "message_size_limit",
        Kind::Size { min: 1024, max: 1 << 40 },
        "\"50M\"",
        "The largest message taken, in octets. Hops between the daemons allow 64K more for headers.",
    ),
    Key::new(
        "local_lmtp",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/lmtpd/lmtp.sock\"",
        "The LMTP socket that mail for mailbox_domains goes to.",
    ),
    Key::new(
        "remote_lmtp",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/relayd/lmtp.sock\"",
        "The LMTP socket that mail for other domains goes to.",
    ),
    Key::optional(
        "routes",
        Kind::Map(&Kind::Path(Purpose::ConnectSocket)),
        "Domains that go to an LMTP socket of their own.",
    ),
];

const MAILBOX_KEYS: &[Key] = &[
    Key::optional(
        "special_use",
        Kind::Choice(&[
            "\\All",
            "\\Archive",
            "\\Drafts",
            "\\Flagged",
            "\\Junk",
            "\\Sent",
            "\\Trash",
        ]),
        "What the mailbox is for (RFC 6154).",
    ),
    Key::new(
        "auto",
        Kind::Choice(&["no", "create", "subscribe"]),
        "\"no\"",
        "Whether it is made, and subscribed to, for a user who lacks it.",
    ),
];

/// `mail.toml`, which lmtpd, imapd and pop3d share. [`crate::Mail`] reads it.
pub const MAIL: &[Key] = &[
    Key::new(
        "mail_location",
        Kind::Text,
        "\"maildir:~/Maildir\"",
        "Where a user's mail is: the format, a colon, the path; ~ is the home, %u %n %d %h as Dovecot has them.",
    ),
    Key::new(
        "separator",
        Kind::Choice(&["/", "."]),
        "\"/\"",
        "What separates a mailbox's name from its parent's.",
    ),
    Key::optional(
        "mail_roots",
        Kind::List(&Kind::Path(Purpose::MailRoot)),
        "Every folder below which users' homes and mail lie. A user whose home or mail lies elsewhere \
         can't log in, and mail for them is answered with 451; so it is below a root that isn't there, \
         or on a mount point of /etc/fstab that isn't mounted. `dovetail units sync` opens these folders, and no others, in the \
         units' sandbox. Empty: anywhere.",
    ),
    Key::optional(
        "mailbox",
        Kind::Tables(MAILBOX_KEYS),
        "Mailboxes with a purpose: [mailbox.Drafts].",
    ),
];
