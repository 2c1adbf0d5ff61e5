//! The spool from outside: on a real disk, and on a model of one that loses power.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod crash;
mod disk;
mod sample;
