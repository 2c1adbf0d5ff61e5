//! lmtpd as a process, with a stand-in for authd: what it says, and what lies in the Maildirs then.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod deliveries;
mod dialogues;
mod instances;
mod once;
mod passing;
mod stage;
