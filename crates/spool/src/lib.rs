//! The queue on disk: messages that are accepted and not delivered yet.
//!
//! Owns durability: what it calls done survives a power cut. Knows nothing of sockets, routes or
//! retry times, and never reads the clock: every time is an argument, in milliseconds since 1970.
//! Rules: RFC 5321 §4.5.4 and §6.1 (an accepted message must not be lost), docs/architecture.md.
//!
//! # The states of an entry
//! The spool has the folders `tmp`, `queue`, `state` and `corrupt`. A name below is the entry's id
//! ([`address::EntryId`]), in `tmp` a number of the running process.
//!
//! | state    | `tmp/N` | `queue/ID` | `state/ID` | what it means                                  |
//! |----------|---------|------------|------------|------------------------------------------------|
//! | nothing  |         |            |            | never offered, or settled                      |
//! | draft    | yes     |            |            | being written; nobody was told 250             |
//! | fresh    |         | yes        |            | accepted; no recipient was tried               |
//! | tried    |         | yes        | yes        | accepted; the record says how far each is      |
//! | leaving  |         |            | yes        | settled; the record is still to be removed     |
//! | unusable |         |            |            | bytes nobody can read, kept in `corrupt`       |
//!
//! | step                      | the one atomic operation                | made durable by          |
//! |---------------------------|------------------------------------------|--------------------------|
//! | nothing → draft           | create `tmp/N`                           | nothing                  |
//! | draft → fresh             | rename `tmp/N` → `queue/ID`, no replace  | before: the file; after: folder `queue`. Then 250 |
//! | fresh or tried → tried    | rename `tmp/N` → `state/ID`, replacing   | before: the file; after: folder `state` |
//! | fresh or tried → leaving  | remove `queue/ID`                        | folder `queue`           |
//! | leaving → nothing         | remove `state/ID`                        | folder `state`           |
//! | fresh or tried → unusable | rename into `corrupt`                    | nothing: found again, it goes again |
//!
//! Who cleans up: a draft's own [`Draft`] when it is dropped, else the next start, which empties
//! `tmp`. A `state/ID` without `queue/ID` is removed at the next start, before any intake, so that
//! a later entry of the same id can't inherit it. The body is never changed. One process owns a
//! spool (flock on `lock`).
//!
//! # Once only
//! A message offered again under its trace id (the 250 was lost on the way) is found in `queue`, or
//! in a table of the latest [`RECENT_ENTRIES`] entries, by sender, recipients and content, and gets
//! the same answer. Anything else under that trace id becomes entry `-2`, `-3` …

mod commit;
mod disk;
mod draft;
mod error;
pub mod fs;
mod head;
mod notice;
mod recent;
mod recover;
mod spool;
mod state;

pub use disk::Disk;
pub use draft::{Committed, Draft};
pub use error::SpoolError;
pub use head::{Head, HeadError, MAX_HEAD_OCTETS, MAX_RECIPIENTS};
pub use notice::derived_id;
pub use recent::RECENT_ENTRIES;
pub use recover::Recovery;
pub use spool::{Body, Entry, MAX_PARTS, Spool, Update};
pub use state::{
    Fate, MAX_STATE_OCTETS, MAX_TEXT_OCTETS, Notice, NoticeKind, Recipient, State, StateError,
    Verdict,
};
