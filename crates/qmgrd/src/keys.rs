//! The keys of qmgrd.toml, each defined once.

use std::time::Duration;

use daemon::{Key, Kind, Purpose, keys};

pub(crate) const DOC: &str =
    "qmgrd keeps mail that is not delivered yet: LMTP in, LMTP out, retries, delivery reports.";

const GIB: u64 = 1 << 30;
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
/// The shortest waits are for tests.
const WAIT: Kind = Kind::Duration { min: Duration::from_millis(10), max: YEAR };
const LIFETIME: Kind = Kind::Duration { min: Duration::ZERO, max: YEAR };

const HEALTH: &[Key] = &[
    Key::new(
        "queue_age",
        LIFETIME,
        "\"4d\"",
        "A message that waits longer is a warning; below `lifetime`, so that there is time to act.",
    ),
    Key::new(
        "queue_messages",
        Kind::count(0, 1 << 40),
        "5000",
        "More messages in the queue are a warning.",
    ),
    keys::WARN_FREE,
    keys::MIN_FREE,
    keys::WARN_FREE_INODES,
    keys::MIN_FREE_INODES,
    keys::DESCRIPTORS_PERCENT,
    keys::CERTIFICATE_DAYS,
];

pub(crate) const KEYS: &[Key] = &[
    Key::optional("health", Kind::Table(HEALTH), keys::HEALTH_DOC),
    Key::new(
        "spool",
        Kind::Path(Purpose::WriteFolder),
        "\"/var/spool/dovetail\"",
        "Where the messages are kept. One qmgrd a spool.",
    )
    .restart(),
    Key::new(
        "outgoing",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/smtpd/internal.sock\"",
        "The LMTP socket that delivery reports are handed to: smtpd's internal listener, or beside a \
         Postfix that stays a relayd whose one route leads there.",
    ),
    Key::new(
        "trusted_ids",
        Kind::List(&Kind::User),
        "[\"dvsmtpd\"]",
        "Users whose trace ids (XFORWARD IDENT) are kept; qmgrd's own always is. Other peers' ids are \
         logged as origin=, and a fresh one is made.",
    ),
    Key::new(
        "retry_min",
        WAIT,
        "\"5m\"",
        "The shortest wait before another try (Postfix's minimal_backoff_time), and how long a \
         destination that failed rests. A message is tried again after as long as it is old.",
    ),
    Key::new(
        "retry_max",
        WAIT,
        "\"4000s\"",
        "The longest wait before another try (maximal_backoff_time).",
    ),
    Key::new(
        "lifetime",
        LIFETIME,
        "\"5d\"",
        "How long a message is tried before it is returned (maximal_queue_lifetime); \"0s\": once.",
    ),
    Key::new(
        "bounce_lifetime",
        LIFETIME,
        "\"5d\"",
        "The same for messages with the null sender (bounce_queue_lifetime).",
    ),
    Key::new(
        "delay_warning",
        LIFETIME,
        "\"0s\"",
        "How old a message must be before its sender is told of the delay (delay_warning_time); \
         \"0s\": only who asked for it with NOTIFY=DELAY is told, at the first delay.",
    ),
    Key::new(
        "bounce_failures_to",
        Kind::Choice(&["drop", "postmaster"]),
        "\"drop\"",
        "What becomes of a message with the null sender that can't be delivered: a log line only, or \
         a report to the postmaster.",
    ),
    Key::new(
        "bounce_size_limit",
        Kind::Size { min: 0, max: GIB },
        "\"50000\"",
        "How much of a message goes back with a report; of a larger one the header does.",
    ),
    Key::new(
        "min_free_space",
        Kind::Size { min: 0, max: 1 << 50 },
        "\"64M\"",
        "Below so much free disk nothing is taken: 452 4.3.1 at MAIL.",
    ),
    Key::new(
        "max_sessions",
        Kind::count(1, 100_000),
        "100",
        "Messages taken in at a time; above, 451 4.3.2 at MAIL.",
    ),
    Key::new(
        "max_recipients",
        Kind::count(1, spool::MAX_RECIPIENTS as i64),
        "2000",
        "Recipients of one message; above, 452 4.5.3 at RCPT.",
    ),
    Key::new(
        "destination_concurrency",
        Kind::count(1, 1000),
        "20",
        "Deliveries at a time to one domain (default_destination_concurrency_limit).",
    ),
    Key::new(
        "initial_concurrency",
        Kind::count(1, 1000),
        "5",
        "The same before anything is known of the domain (initial_destination_concurrency).",
    ),
    Key::new(
        "destination_recipients",
        Kind::count(1, 1000),
        "50",
        "Recipients of one delivery (default_destination_recipient_limit).",
    ),
    Key::new("max_deliveries", Kind::count(1, 10_000), "100", "Deliveries at a time in all."),
    Key::new(
        "max_active",
        Kind::count(100, 10_000_000),
        "20000",
        "Recipients held in memory: those due soonest. The others stay on disk alone \
         (qmgr_message_active_limit).",
    ),
    Key::new(
        "wait",
        Kind::seconds(1, 24 * 3600),
        "\"15m\"",
        "How long the next hop may take for a reply. Longer than relayd's max_time and lmtpd's \
         work_limit, so that nobody gives up on work that is being done.",
    ),
];
