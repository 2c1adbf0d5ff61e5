//! The store as its callers use it, on real folders.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod crash;
mod dovecot;
mod mailboxes;
mod messages;
mod scratch;
