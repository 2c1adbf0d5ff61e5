//! Maildir++ as Dovecot 2.3 keeps it, so that both can serve the same mail, by turns or at once.
//!
//! The user's root is INBOX (`new`, `cur`, `tmp`); other mailboxes are folders `.NAME` in it. Beside
//! the messages lie `dovecot-uidlist` (UIDs), `dovecot-keywords` (what the letters in file names
//! mean), and in the root `dovecot-uidvalidity` and `subscriptions`. Dovecot's index files are its
//! own caches: never read, never written.
//!
//! Who may do what: deliveries only add to `new/`, without a lock; everybody who gives UIDs, renames
//! or removes holds `dovecot-uidlist.lock`; reading takes no lock. No compressed messages, no quota,
//! no ACL, no `LAYOUT=fs` yet.

mod account;
mod arrivals;
mod change;
mod copy;
mod crlf;
mod filename;
mod folder;
mod keywords;
mod lock;
mod make;
mod save;
mod scan;
mod session;
mod subscriptions;
mod sync;
mod uidfile;
mod uidlist;
mod uidvalidity;
mod unique;

use std::sync::Arc;

use crate::fs::{Disk, Fs};
use crate::{Account, Location, LocationError, Owner, Roots};

/// Opens a user's mail. Touches no file: INBOX is made when it is first opened or delivered to,
/// with up to three missing folders (mail, home, domain) above it, never more.
///
/// # Errors
/// If the location can't be filled in for this user.
pub fn open(location: &Location, owner: &Owner) -> Result<Box<dyn Account>, LocationError> {
    open_on(Arc::new(Disk), location, owner)
}

/// As [`open`], for mail that must lie below `roots`: nothing is made where these aren't there.
///
/// # Errors
/// As [`open`]; mail or home outside the roots.
pub fn open_within(
    roots: &Roots,
    location: &Location,
    owner: &Owner,
) -> Result<Box<dyn Account>, LocationError> {
    let path = location.expand_within(roots, owner)?;
    let root = save::Root { fs: Arc::new(Disk), path, roots: roots.clone() };
    Ok(Box::new(account::MaildirAccount::new(root)))
}

/// As [`open`], with file operations of the caller's: for tests of crashes and full disks.
///
/// # Errors
/// As [`open`].
pub fn open_on(
    fs: Arc<dyn Fs>,
    location: &Location,
    owner: &Owner,
) -> Result<Box<dyn Account>, LocationError> {
    let path = location.expand(owner)?;
    Ok(Box::new(account::MaildirAccount::new(save::Root { fs, path, roots: Roots::default() })))
}
