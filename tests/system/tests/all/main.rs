//! Tests of the whole system, one module a theme.
//!
//! Each test starts a demo of its own, so they may run side by side. What they wait for is always a
//! condition; a deadline is reached only by a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test ends by panicking, and says what it saw"
)]

mod bad_input;
mod bans;
mod clients;
mod dovecot;
mod health;
mod idle;
mod instances;
mod kills;
mod logs;
mod mail;
mod manual;
mod memory;
mod once;
mod postfix;
mod postfix_commands;
mod privileges;
mod programs;
mod queue;
mod recipients;
mod relay;
mod rotation;
mod sandbox;
mod secrets;
mod sessions;
mod tls;
