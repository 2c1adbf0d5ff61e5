//! The keys of `smtpd.toml`, each defined here and nowhere else.

use daemon::{Key, Kind, Purpose, keys};

/// The keys of `[listener.NAME]`.
const LISTENER: &[Key] = &[
    keys::ADDRESS,
    keys::OWNER,
    keys::GROUP,
    keys::MODE,
    keys::PEERS,
    keys::LISTENER_TLS,
    Key::new(
        "role",
        Kind::Choice(&["mx", "submission", "internal", "sendmail"]),
        "\"mx\"",
        "Who comes here. mx: other mail servers (port 25). submission: mail programs, which must \
         log in under TLS (587 with tls = \"starttls\", 465 with \"implicit\"). internal: LMTP, for \
         mail that Dovetail itself makes; everything is believed and goes to the queue. sendmail: \
         programs of this machine's users (a Unix socket, mode \"0666\"), who may send to anywhere; \
         their user stands in Received.",
    ),
];

/// All of them.
pub(super) const KEYS: &[Key] = &[
    Key::optional("listener", Kind::Tables(LISTENER), "The sockets that smtpd listens on.")
        .restart(),
    keys::TLS,
    Key::optional(
        "mynetworks",
        Kind::List(&Kind::Text),
        "Clients that may relay without a login: \"127.0.0.0/8\", \"[::1]/128\". Empty: none.",
    ),
    Key::new(
        "auth_client",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/authd/client.sock\"",
        "Where logins are asked about (Dovecot's auth client protocol).",
    ),
    Key::new(
        "auth_userdb",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/authd/userdb.sock\"",
        "Where recipients are asked about (Dovecot's auth master protocol).",
    ),
    Key::optional(
        "lmtp",
        Kind::Path(Purpose::ConnectSocket),
        "The LMTP socket for mail that goes straight in; default: local_lmtp of domains.toml.",
    ),
    Key::new(
        "queue",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/qmgrd/lmtp.sock\"",
        "The queue's LMTP socket, for everything else.",
    ),
    Key::optional(
        "virtual_alias_maps",
        Kind::List(&Kind::Path(Purpose::ReadFile)),
        "Virtual alias tables in Postfix's text format. Read again when they change: no postmap.",
    ),
    Key::new(
        "catch_all",
        Kind::Choice(&["dovetail", "postfix"]),
        "\"dovetail\"",
        "When an entry `@domain` counts. dovetail: for addresses that are no mailbox. postfix: \
         before mailboxes are asked about, so each mailbox needs an entry of its own.",
    ),
    Key::new(
        "alias_depth_limit",
        Kind::count(1, 10_000),
        "1000",
        "How deep aliases may nest (Postfix's virtual_alias_recursion_limit).",
    ),
    Key::new(
        "alias_expansion_limit",
        Kind::count(1, 100_000),
        "1000",
        "How many addresses one recipient may become (virtual_alias_expansion_limit).",
    ),
    Key::new(
        "straight_in",
        Kind::Bool,
        "true",
        "Whether mail for one mailbox here is delivered while the sender waits, who then hears of a \
         full or missing mailbox at once. false: everything goes through the queue.",
    ),
    Key::new(
        "straight_in_wait",
        Kind::seconds(1, 600),
        "\"60s\"",
        "How long delivery may take before the message goes to the queue instead. Longer than \
         lmtpd's work_limit.",
    ),
    Key::new(
        "queue_wait",
        Kind::seconds(1, 600),
        "\"60s\"",
        "How long the queue may take to store a message before the client is told to come again.",
    ),
    Key::new(
        "hop_connections",
        Kind::count(1, 100_000),
        "500",
        "Connections to lmtpd, and as many to the queue, that may be open at a time.",
    ),
    Key::new(
        "hop_wait",
        Kind::seconds(0, 300),
        "\"10s\"",
        "How long a message waits for one of them to be free; then the client must come again.",
    ),
    Key::new(
        "body_in_memory",
        Kind::Size { min: 0, max: 1 << 30 },
        "\"64K\"",
        "A message that goes straight in is kept until it is delivered: so much of it in memory, a \
         larger one in `scratch`.",
    ),
    Key::new(
        "scratch",
        Kind::Path(Purpose::WriteFolder),
        "\"/var/lib/dovetail/smtpd\"",
        "A folder for bodies while they pass. The files have no name and end with the process.",
    ),
    Key::optional(
        "trusted_ids",
        Kind::List(&Kind::User),
        "Users (names or numbers) whose trace ids are believed on the internal listener.",
    ),
    Key::optional(
        "authorized_submit_users",
        Kind::List(&Kind::User),
        "Users (names or numbers) whose programs may send by a sendmail listener; []: nobody's; unset: \
         everybody's (Postfix's authorized_submit_users).",
    ),
    Key::new(
        "max_connections_per_uid",
        Kind::count(0, 100_000),
        "50",
        "Sessions at a time that one user's programs may have at a sendmail listener; further ones wait \
         and try again. 0: any number. Root's are not counted.",
    ),
    Key::new(
        "max_messages_per_uid",
        Kind::count(0, 1_000_000),
        "0",
        "Messages a minute that one user's programs may send at a sendmail listener; the next one is to \
         be tried later. 0: any number. Root's are not counted.",
    ),
    Key::new(
        "max_recipients",
        Kind::count(100, 100_000),
        "1000",
        "Recipients a message may have (Postfix's smtpd_recipient_limit).",
    ),
    Key::new(
        "hop_limit",
        Kind::count(1, 1000),
        "50",
        "Received fields a message may bring along; more mean a loop (Postfix's hopcount_limit).",
    ),
    Key::new(
        "idle",
        Kind::seconds(1, 3600),
        "\"5m\"",
        "How long a client may be silent, and how long a command may take from its first octet to its last \
         (Postfix's smtpd_timeout; RFC 5321 asks for 5 minutes).",
    ),
    Key::new(
        "write_time",
        Kind::seconds(1, 3600),
        "\"5m\"",
        "How long a client may take to take a reply.",
    ),
    Key::new(
        "handshake_time",
        Kind::seconds(1, 600),
        "\"1m\"",
        "How long a TLS handshake may take (Postfix's smtpd_starttls_timeout).",
    ),
    Key::new(
        "min_data_rate",
        Kind::count(0, 1 << 30),
        "500",
        "Octets a second that a message must come with on the whole, beyond `idle` (Postfix's \
         smtpd_min_data_rate); 0: however slowly.",
    ),
    keys::max_connections_per_address("50"),
    keys::max_connections_per_user("20"),
    keys::UNLIMITED_NETWORKS,
    Key::new(
        "max_connections",
        Kind::count(1, 1_000_000),
        "1000",
        "Connections at a time, for each listener.",
    ),
];
