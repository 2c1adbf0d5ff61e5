//! Tests of an installation, one module a theme. Each has machines of its own; they may run side by
//! side. What they wait for is always a condition; a deadline is reached only by a failure.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking, and says what it saw"
)]

mod activated;
mod beside;
mod lifecycle;
mod logs;
mod mail;
mod script;
mod uids;
mod units;
