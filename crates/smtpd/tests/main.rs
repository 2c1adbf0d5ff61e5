//! smtpd, in this process, between a client that a transcript speaks for and small stand-ins for
//! lmtpd, qmgrd and authd.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on ends by panicking"
)]

mod dialogues;
mod fakes;
mod stage;
mod survives;
