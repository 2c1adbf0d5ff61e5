//! The keys of `[sandbox]`.

use crate::config::{Key, Kind};

const KEYS: &[Key] = &[
    Key::new(
        "landlock",
        Kind::Bool,
        "true",
        "The daemon may use only the folders that its configuration names, and those that every program \
         needs; it can't listen on further TCP ports, nor connect to ports that it doesn't need.",
    )
    .restart(),
    Key::new(
        "seccomp",
        Kind::Bool,
        "true",
        "System calls that the daemon never makes are refused: programs can't be executed, other processes \
         not be looked into; a daemon that needs no network can't make internet sockets.",
    )
    .restart(),
    Key::new(
        "self_test",
        Kind::Bool,
        "false",
        "`dovetail sandbox test` may have the daemon try what it mustn't do. Leave it off otherwise.",
    )
    .restart(),
];

/// `[sandbox]`.
pub(crate) const SANDBOX: Key = Key::optional(
    "sandbox",
    Kind::Table(KEYS),
    "What the daemon forbids itself once it has started.",
);
