//! The transcripts, and what the harness does about faults.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends by panicking, and says what it saw"
)]

mod faults;
mod transcripts;
