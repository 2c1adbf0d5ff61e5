//! The keys of relayd.toml, each defined once.

use daemon::{Key, Kind};

use crate::tls::Policy;

pub(crate) const DOC: &str = "relayd delivers to the rest of the world: LMTP in, SMTP out.";

pub(crate) const KEYS: &[Key] = &[
    Key::optional(
        "resolver",
        Kind::List(&Kind::Address),
        "Name servers: [\"127.0.0.1:53\"]. Default: those of /etc/resolv.conf.",
    ),
    Key::optional(
        "routes",
        Kind::Map(&Kind::Text),
        "Where a domain's mail goes instead of what the DNS says: \"[host]:port\" is that host, \
         \"domain:port\" the mail servers of that domain; the domain \"*\" stands for all others.",
    ),
    Key::new(
        "port",
        Kind::Integer { min: 1, max: 65535 },
        "25",
        "The port of routes that name none.",
    ),
    Key::new(
        "tls",
        Kind::Choice(Policy::WORDS),
        "\"may\"",
        "\"may\": STARTTLS where it is offered, in clear where the handshake fails; \"encrypt\": TLS or \
         nothing; \"none\": never. No certificate is verified yet: TLS against listeners only.",
    ),
    Key::optional("helo", Kind::Text, "The name said in EHLO; default: hostname of domains.toml."),
    Key::new("connect_timeout", Kind::seconds(1, 600), "\"30s\"", "For connecting to one address."),
    Key::new(
        "helo_timeout",
        Kind::seconds(1, 3600),
        "\"5m\"",
        "For the greeting and the reply to EHLO.",
    ),
    Key::new(
        "command_timeout",
        Kind::seconds(1, 3600),
        "\"5m\"",
        "For the reply to MAIL, RCPT and the like.",
    ),
    Key::new(
        "data_timeout",
        Kind::seconds(1, 3600),
        "\"3m\"",
        "For the reply to DATA and each write of content.",
    ),
    Key::new(
        "final_dot_timeout",
        Kind::seconds(1, 3600),
        "\"10m\"",
        "For the reply to the final dot.",
    ),
    Key::new(
        "max_time",
        Kind::seconds(1, 7200),
        "\"11m\"",
        "For a whole transaction. qmgrd's `wait` must be longer, so that it doesn't give up on work that \
         is being done.",
    ),
    Key::new(
        "max_addresses",
        Kind::count(1, 50),
        "5",
        "Addresses tried in one transaction (Postfix's smtp_mx_address_limit).",
    ),
    Key::new("max_connections", Kind::count(1, 100_000), "100", "Transactions at a time."),
];
