//! The keys of `[tls]`.

use crate::config::{Key, Kind, Purpose};

const NAME_KEYS: &[Key] = &[
    Key::required(
        "certificate",
        Kind::Path(Purpose::ReadFile),
        "The certificate for this name and its chain, PEM.",
    ),
    Key::optional(
        "key",
        Kind::Path(Purpose::ReadFile),
        "Its private key, PEM; default: it stands in the certificate's file.",
    ),
];

const KEYS: &[Key] = &[
    Key::optional(
        "certificate",
        Kind::Path(Purpose::ReadFile),
        "The certificate and its chain, PEM, shown to clients that name no host, or one without a \
         certificate of its own. A new one is taken up within seconds, by itself.",
    ),
    Key::optional(
        "key",
        Kind::Path(Purpose::ReadFile),
        "The certificate's private key, PEM; default: it stands in the certificate's file, as \
         `dovetail tls copy` makes them.",
    ),
    Key::new(
        "min_protocol",
        Kind::Choice(&["TLSv1.2", "TLSv1.3"]),
        "\"TLSv1.2\"",
        "The oldest version of TLS that clients may use.",
    ),
    Key::new(
        "client_certificates",
        Kind::Choice(&["no", "ask"]),
        "\"no\"",
        "Whether clients are asked for a certificate (Postfix's smtpd_tls_ask_ccert). What they \
         show is logged and stands in Received; nobody is refused for it.",
    ),
    Key::optional(
        "client_ca",
        Kind::Path(Purpose::ReadFile),
        "Authorities whose clients' certificates count as verified, PEM; default: none do.",
    ),
    Key::new(
        "resumption",
        Kind::Bool,
        "true",
        "Whether a client that comes again may do without a full handshake. Tickets' keys live in \
         memory alone and change every six hours.",
    ),
    Key::new(
        "session_cache",
        Kind::count(0, 1 << 20),
        "1024",
        "TLSv1.2 sessions kept for clients that don't take tickets.",
    ),
    Key::new(
        "log_handshakes",
        Kind::Bool,
        "false",
        "Whether each handshake has a line at `info` (Postfix's smtpd_tls_loglevel = 1) rather \
         than at `debug`.",
    ),
    Key::optional(
        "name",
        Kind::Tables(NAME_KEYS),
        "Further certificates by the host that a client names (SNI): [tls.name.\"mail.example.org\"], \
         or [tls.name.\"*.example.org\"] for all hosts one label below.",
    ),
];

/// `[tls]`.
pub(crate) const TLS: Key = Key::optional("tls", Kind::Table(KEYS), "What TLS clients are shown.");
