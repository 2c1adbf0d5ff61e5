//! What tests of the whole system share.
//!
//! [`Demo`] starts `dovetail demo --json` and ends it; [`Line`] is one connection, spoken line by
//! line, over TCP, TLS or a Unix socket; [`dialogue`] plays a transcript file; [`eventually`] waits
//! for a condition; [`Maildir`] counts what arrived. Everything waits for something that happens, with
//! a deadline that only a failure reaches.
//!
//! A test that can't go on has nothing better to do than panic, so this crate's functions do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "only tests use this crate, and a test ends by panicking"
)]

pub mod authority;
pub mod demo;
pub mod dialogue;
pub mod dns;
pub mod line;
pub mod maildir;
pub mod sink;
pub mod tools;
pub mod wait;

pub use authority::{Authority, Issued};
pub use demo::{Demo, Options, User};
pub use line::{Heard, Line};
pub use maildir::Maildir;
pub use sink::{DeadPort, Sink};
pub use wait::{PATIENCE, eventually};
