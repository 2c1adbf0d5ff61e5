//! The mail store: accounts, mailboxes, messages and changes to them.
//!
//! Callers see [`Account`], [`Mailbox`], [`Draft`] and [`Body`], never a path: a second store, with
//! rows in a database, can stand behind the same traits. The first one is Maildir++ exactly as
//! Dovecot 2.3 keeps it, so that both can serve the same folders.
//!
//! Everything here blocks: call it on a blocking thread. What a call has confirmed survives a power
//! cut: the file is synced, then renamed, then its folder synced, then the call returns. No
//! sessions and no protocol here; RFC 3501 §2.3 rules UIDs and flags.

mod account;
mod body;
mod draft;
mod error;
pub mod fs;
mod location;
pub mod maildir;
mod roots;
mod session;
mod watch;

pub use account::{Access, Account, Listed, Status};
pub use body::Body;
pub use draft::{Appended, Delivered, Delivery, Draft};
pub use error::{Error, Kind, Result};
pub use location::{Location, LocationError, Owner};
pub use roots::{RootError, Roots};
pub use session::{Change, Changes, Copied, Entry, Mailbox};
pub use watch::{Watch, WatchPoint, Watcher};
