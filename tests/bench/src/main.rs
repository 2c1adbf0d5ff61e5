//! Measures the running system: `cargo run --release -p bench -- idle`.
//!
//! Starts a demo of the same build, does the work, checks that all of it was done, and prints one JSON
//! object. The yardstick beside Postfix and Dovecot is built on this.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends by panicking, and prints what it found"
)]

mod idle;

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match wanted.as_str() {
        "idle" => idle::measure(),
        _ => panic!("usage: bench idle"),
    }
}
