//! Debian's Dovecot and Postfix, in private instances on loopback: what we compare ourselves with.
//!
//! [`Mail`] is the set-up that both share: users, domains, certificates, one folder for everything.
//! [`Dovecot`] and [`Postfix`] run from that folder, with their own configuration, sockets, queue and
//! free ports, set up as the usual guides do (passwd-file, one owner of all mail, Maildir, LMTP, SASL by
//! Dovecot's socket). They leave the system's own instances and files alone, and dropped they are gone
//! with all their processes. They need root, as their masters do, and Debian's packages.
//!
//! A test that can't go on has nothing better to do than panic, so this crate's functions do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "only tests and measurements use this crate, and they end by panicking"
)]

mod dovecot;
mod group;
mod mail;
mod ports;
mod postfix;

pub use dovecot::Dovecot;
pub use mail::{Mail, User};
pub use postfix::{Joints, Postfix};
