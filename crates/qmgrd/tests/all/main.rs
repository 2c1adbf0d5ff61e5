//! qmgrd as a process: LMTP in, the next hops of this test out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test ends by panicking"
)]

mod bounces;
mod delivery;
mod hop;
mod intake;
mod operator;
mod recovery;
mod stage;
