//! imapd's face: dialogues, and what can't be written as one.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on ends by panicking"
)]

mod dialogues;
mod play;
mod sessions;
mod stage;
