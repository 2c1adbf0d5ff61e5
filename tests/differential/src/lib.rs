//! Transcripts played against Debian's Dovecot and Postfix and against ours, reply by reply.
//!
//! A [`transcript::Transcript`] is a file: its set-up, `C:` lines that the client says, `S:` lines that
//! the real one answered. [`side`] starts both, [`play`] speaks, [`normal`] takes out what must differ
//! (ids, times, places), [`compare`] finds the rest, [`differences`] knows which of that is meant, and
//! why, and [`report`] tells. Nothing here decides what is right: a person does, in the file `differences`.
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

pub mod compare;
pub mod differences;
pub mod escape;
pub mod normal;
mod place;
pub mod play;
pub mod report;
pub mod run;
pub mod side;
pub mod transcript;
pub mod wire;

use std::path::PathBuf;

/// This crate's folder: transcripts, messages and the differences stand in it.
#[must_use]
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
