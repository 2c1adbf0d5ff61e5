//! The store as its callers use it, on real folders.

mod mailboxes;
mod messages;
mod support;
