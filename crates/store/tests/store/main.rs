//! The store as its callers use it, on real folders.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod mailboxes;
mod messages;
mod support;
