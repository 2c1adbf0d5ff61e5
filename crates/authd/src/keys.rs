//! The keys of authd.toml.

use std::time::Duration;

use daemon::keys::{ADDRESS, GROUP, MODE, OWNER, PEERS};
use daemon::{FileSpec, Key, Kind, Purpose};

const LISTENER: &[Key] = &[
    ADDRESS,
    OWNER,
    GROUP,
    MODE,
    PEERS,
    Key::optional(
        "role",
        Kind::Choice(&["client", "userdb"]),
        "What is asked here: client, whether a login is good (Postfix's smtpd_sasl_path, smtpd, \
         imapd); userdb, who a user is (lmtpd, doveadm). Default: what the listener's name says. A \
         userdb socket of mode 0666 answers strangers about themselves only, as Dovecot's does.",
    ),
];

const DEFAULT_FIELDS: Key = Key::new(
    "default_fields",
    Kind::Text,
    "\"\"",
    "Fields that a user has unless the file says otherwise: KEY=VALUE, blanks between them, with \
     the variables %u %n %d %s %h %l %r.",
);
const OVERRIDE_FIELDS: Key = Key::new(
    "override_fields",
    Kind::Text,
    "\"\"",
    "Fields that a user has whatever the file says.",
);
const ORDER: Key = Key::new(
    "order",
    Kind::Integer { min: -1000, max: 1000 },
    "0",
    "Lower numbers are asked first; equal ones in the order of the file.",
);
const USERNAME_FORMAT: Key = Key::new(
    "username_format",
    Kind::Text,
    "\"%u\"",
    "What is looked up in the file: %u the whole name, %n the part before the @.",
);

const PASSDB: &[Key] = &[
    Key::new("driver", Kind::Choice(&["passwd-file"]), "\"passwd-file\"", "Where passwords stand."),
    Key::required(
        "path",
        Kind::Template(Purpose::ReadFile),
        "The file, in Dovecot's passwd-file format. May hold variables: /etc/vmail/%d/passwd. It \
         is read again when it changes.",
    ),
    Key::new(
        "scheme",
        Kind::Text,
        "\"CRYPT\"",
        "The scheme of passwords that name none: CRYPT takes $5$, $6$, $2a$, $2b$ and $2y$.",
    ),
    USERNAME_FORMAT,
    DEFAULT_FIELDS,
    OVERRIDE_FIELDS,
    ORDER,
];

const USERDB: &[Key] = &[
    Key::new(
        "driver",
        Kind::Choice(&["passwd-file", "static"]),
        "\"passwd-file\"",
        "passwd-file: each user has a line; static: all users have the same fields.",
    ),
    Key::optional(
        "path",
        Kind::Template(Purpose::ReadFile),
        "passwd-file: the file, as in [passdb.NAME].",
    ),
    USERNAME_FORMAT,
    Key::optional(
        "fields",
        Kind::Text,
        "static: the fields, such as uid=vmail gid=vmail home=/var/vmail/%d/%n.",
    ),
    Key::new(
        "allow_all_users",
        Kind::Bool,
        "false",
        "static: take every name for a user's. Otherwise the passdbs are asked whether it is one.",
    ),
    DEFAULT_FIELDS,
    OVERRIDE_FIELDS,
    ORDER,
];

const KEYS: &[Key] = &[
    Key::new(
        "mechanisms",
        Kind::List(&Kind::Choice(&["PLAIN", "LOGIN"])),
        "[\"PLAIN\", \"LOGIN\"]",
        "The SASL mechanisms on offer.",
    ),
    Key::new(
        "username_chars",
        Kind::Text,
        "\"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01234567890.-_@\"",
        "The characters a user's name may hold. Empty: all.",
    ),
    Key::new(
        "username_format",
        Kind::Text,
        "\"%Lu\"",
        "What is looked up, of what the client said: %Lu in lower case, %Ln without the domain.",
    ),
    Key::new(
        "default_realm",
        Kind::Text,
        "\"\"",
        "The domain given to names that have none. Empty: none.",
    ),
    Key::new(
        "failure_delay",
        Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(8) },
        "\"2s\"",
        "How long a failed login waits for its answer. Those of one address are answered one after \
         the other, none later than 8.9 seconds, since Postfix gives up at 10.",
    ),
    Key::optional(
        "hash_threads",
        Kind::count(1, 256),
        "How many passwords are hashed at a time; default: the machine's processors.",
    ),
    Key::new(
        "hash_queue",
        Kind::count(1, 100_000),
        "1024",
        "How many logins may wait for a hash or have one. More wait for hash_wait, and fail for now.",
    ),
    Key::new(
        "hash_wait",
        Kind::Duration { min: Duration::ZERO, max: Duration::from_secs(8) },
        "\"5s\"",
        "How long a login waits for a place in the queue.",
    ),
    Key::new(
        "max_connections",
        Kind::count(1, 100_000),
        "4096",
        "Connections at a time, for each listener. Each of Postfix's smtpd processes has one.",
    ),
    Key::new(
        "log_passwords",
        Kind::Choice(&["no", "sha1", "plain"]),
        "\"no\"",
        "What is logged of the password of a login that is refused as user or password is wrong: \
         nothing; its SHA-1 without salt; or the password itself. Mostly these are good passwords \
         mistyped, or of another account: switch it on to find a fault, for minutes. authd warns \
         of it at each start and reload. Dovecot's auth_verbose_passwords.",
    ),
    Key::optional("passdb", Kind::Tables(PASSDB), "Where passwords are. The first right one wins."),
    Key::optional(
        "userdb",
        Kind::Tables(USERDB),
        "Where users are. The first that knows one wins.",
    ),
    Key::optional(
        "listener",
        Kind::Tables(LISTENER),
        "The sockets. [listener.client] and [listener.userdb] are the usual ones; more of either \
         kind say their role. [listener.admin] is the operator's.",
    )
    .restart(),
];

/// The file's definition.
pub(crate) fn spec() -> FileSpec {
    FileSpec::daemon("authd", "who a user is, and whether the password is right.", KEYS)
}
