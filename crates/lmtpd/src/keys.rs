//! The keys of lmtpd.toml, each defined once.

use daemon::{Key, Kind, Purpose, keys};

pub(crate) const DOC: &str = "lmtpd delivers into mailboxes: LMTP in, Maildir out.";

pub(crate) const KEYS: &[Key] = &[
    Key::new(
        "auth_userdb",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/authd/userdb.sock\"",
        "Where recipients are asked about (Dovecot's auth master protocol).",
    ),
    Key::new(
        "detail_mailbox",
        Kind::Bool,
        "false",
        "Mail for user+detail goes into the mailbox \"detail\" if the user has one, else into INBOX \
         (Dovecot's lmtp_save_to_detail_mailbox). What separates the detail is recipient_delimiter of \
         domains.toml.",
    ),
    Key::new(
        "autocreate",
        Kind::Bool,
        "false",
        "With detail_mailbox: make the mailbox if the user lacks it (Dovecot's lda_mailbox_autocreate).",
    ),
    Key::optional(
        "trusted_ids",
        Kind::List(&Kind::User),
        "Users whose processes may name a message's trace id: a message that they offer again under \
         the same id is stored once. lmtpd's own user always may. For others the id is only logged, as \
         origin=.",
    ),
    Key::new(
        "instances",
        Kind::Template(Purpose::ConnectSocket),
        "\"/run/dovetail/lmtpd@%i/lmtp.sock\"",
        "Where mail of users with another uid is passed on to: the LMTP socket of that uid's own lmtpd, \
         %i being the uid. `dovetail units sync` makes them. Where nobody is there, mail for these users \
         waits (451): nothing is ever written under a wrong uid.",
    ),
    Key::new(
        "minimum_uid",
        Kind::count(1, 4_294_967_294),
        "100",
        "A user whose uid the userdb says is below this gets no mail (451), as with Postfix's \
         virtual_minimum_uid: the uids of the system own no mailboxes. Root never does.",
    ),
    Key::new(
        "front",
        Kind::User,
        "\"vmail\"",
        "For an instance (lmtpd --instance UID): the one user that may connect, and whose trace ids \
         count; the user that the lmtpd in front of it runs as.",
    ),
    Key::new(
        "idle_exit",
        Kind::seconds(1, 86_400),
        "\"5m\"",
        "An instance that systemd started for a connection ends when there was none for this long; the \
         next connection starts it again.",
    ),
    Key::new(
        "work_limit",
        Kind::seconds(1, 3600),
        "\"50s\"",
        "How long the deliveries of a message may take before the rest is answered with 451. smtpd's \
         straight_in_wait must be longer, so that it doesn't give up on work that is being done.",
    ),
    Key::new(
        "delivered_table",
        Kind::count(1000, 10_000_000),
        "100000",
        "How many deliveries are remembered, so that one offered again is known. Behind it the mailbox \
         itself is searched.",
    ),
    Key::new(
        "body_in_memory",
        Kind::Size { min: 0, max: 64 << 20 },
        "\"256K\"",
        "Messages up to this size are kept in memory until they are complete; larger ones in the tmp \
         folder of the first recipient's mailbox.",
    ),
    Key::new("max_connections", Kind::count(1, 100_000), "500", "Connections at a time.").restart(),
    keys::max_connections_per_address("0"),
    keys::UNLIMITED_NETWORKS,
    Key::new("max_recipients", Kind::count(1, 100_000), "1000", "Recipients of one message."),
    Key::new(
        "idle",
        Kind::seconds(1, 86_400),
        "\"10m\"",
        "How long a client may be silent. Ours keep connections for the next message.",
    ),
];
