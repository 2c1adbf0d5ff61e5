//! An opened mailbox.
//!
//! Two floors. `records` are the messages as the files were last seen to be; `view` is what the
//! session was told. Changes and look-ups bring `records` up; only a refresh brings them to `view`,
//! so that sequence numbers hold in between.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mailbox::{Flags, Keyword, MailboxName, Uid, UidValidity};

use super::crlf::FileBody;
use super::filename;
use super::folder::Folder;
use super::keywords::Keywords;
use super::save::Root;
use super::scan::{Stamp, path_of};
use super::uidfile::Ident;
use crate::error::io;
use crate::fs::{Mode, open_regular};
use crate::{Access, Body, Change, Changes, Copied, Entry, Error, Mailbox, Result, WatchPoint};

/// How often a file that others keep renaming is looked for again.
const MAX_LOOKS: usize = 5;

/// A message's file, as it was last seen.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) uid: Uid,
    pub(crate) name: Box<[u8]>,
    pub(crate) in_new: bool,
    pub(crate) recent: bool,
    pub(crate) flags: Arc<Flags>,
}

/// What the folder's times and the list's identity were when `records` was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamps {
    pub(crate) new_mail: Stamp,
    pub(crate) cur: Stamp,
    pub(crate) list: Option<Ident>,
}

/// The opened mailbox.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) root: Arc<Root>,
    pub(crate) folder: Folder,
    pub(crate) mode: Mode,
    pub(crate) access: Access,
    pub(crate) validity: UidValidity,
    pub(crate) next: Uid,
    /// No message that isn't known may come in below this UID.
    pub(crate) floor: Uid,
    pub(crate) keywords: Keywords,
    /// Ascending by UID.
    pub(crate) records: Vec<Record>,
    pub(crate) view: Vec<Entry>,
    pub(crate) stamps: Option<Stamps>,
    /// Sizes that don't stand in the names.
    pub(crate) sizes: HashMap<Uid, u64>,
    /// The keyword list changed since the last refresh.
    pub(crate) new_keywords: bool,
}

impl Session {
    pub(crate) fn index(&self, uid: Uid) -> Option<usize> {
        self.records.binary_search_by_key(&uid, |record| record.uid).ok()
    }

    pub(crate) fn path(&self, record: &Record) -> PathBuf {
        path_of(&self.folder, &record.name, record.in_new)
    }

    pub(crate) fn writable(&self) -> Result<()> {
        if self.access == Access::ReadWrite { Ok(()) } else { Err(Error::ReadOnly) }
    }

    /// Does something with a message's file, wherever others have renamed it to.
    pub(crate) fn with_file<T>(
        &mut self,
        uid: Uid,
        what: &str,
        mut act: impl FnMut(&Path) -> std::io::Result<T>,
    ) -> Result<T> {
        for _ in 0..MAX_LOOKS {
            let record = self.index(uid).and_then(|at| self.records.get(at));
            let Some(record) = record else { return Err(Error::Gone) };
            let path = self.path(record);
            match act(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    if !self.find_again()? {
                        // An unlocked look can miss a file that is being renamed; a locked can't.
                        self.sync_under_lock()?;
                    }
                }
                other => return other.map_err(io(what, &path)),
            }
        }
        Err(Error::Gone)
    }

    /// Brings `view` to `records`; tells what that changes.
    fn show(&mut self) -> Changes {
        let mut changes =
            Changes { keywords: std::mem::take(&mut self.new_keywords), ..Changes::default() };
        let mut view = Vec::with_capacity(self.records.len());
        let mut records = self.records.iter().peekable();
        for (place, entry) in self.view.iter().enumerate() {
            // Never happens: a UID below one that was shown (see `Session::may_have`).
            while records.next_if(|record| record.uid < entry.uid).is_some() {}
            match records.next_if(|record| record.uid == entry.uid) {
                None => changes.expunged.push((place, entry.uid)),
                Some(record) => {
                    if record.flags != entry.flags {
                        changes.changed.push(entry.uid);
                    }
                    view.push(Entry { flags: Arc::clone(&record.flags), ..entry.clone() });
                }
            }
        }
        for record in records {
            changes.appeared += 1;
            view.push(entry_of(record));
        }
        self.view = view;
        changes
    }

    /// Takes messages that this session removed out of `records` and `view`.
    pub(crate) fn forget(&mut self, gone: &HashSet<Uid>) -> Vec<(usize, Uid)> {
        let removed = self.view.iter().enumerate().filter(|(_, entry)| gone.contains(&entry.uid));
        let removed = removed.map(|(place, entry)| (place, entry.uid)).collect();
        self.view.retain(|entry| !gone.contains(&entry.uid));
        self.records.retain(|record| !gone.contains(&record.uid));
        removed
    }
}

pub(crate) fn entry_of(record: &Record) -> Entry {
    Entry { uid: record.uid, flags: Arc::clone(&record.flags), recent: record.recent }
}

impl Mailbox for Session {
    fn name(&self) -> &MailboxName {
        &self.folder.name
    }

    fn access(&self) -> Access {
        self.access
    }

    fn uid_validity(&self) -> UidValidity {
        self.validity
    }

    fn uid_next(&self) -> Uid {
        self.next
    }

    fn messages(&self) -> &[Entry] {
        &self.view
    }

    fn keywords(&self) -> Vec<Keyword> {
        self.keywords.all()
    }

    fn can_create_keywords(&self) -> bool {
        self.access == Access::ReadWrite && self.keywords.has_room()
    }

    fn refresh(&mut self) -> Result<Changes> {
        self.sync()?;
        Ok(self.show())
    }

    fn watched(&self) -> Vec<WatchPoint> {
        vec![WatchPoint(self.folder.new_mail()), WatchPoint(self.folder.cur())]
    }

    fn size(&mut self, uid: Uid) -> Result<u64> {
        if let Some(size) = self.sizes.get(&uid) {
            return Ok(*size);
        }
        let record = self.index(uid).and_then(|at| self.records.get(at)).ok_or(Error::Gone)?;
        if let Some(size) = filename::size_field(&record.name, b'W') {
            return Ok(size);
        }
        let size =
            self.with_file(uid, "read", |path| FileBody::new(open_regular(path)?).octets())?;
        self.sizes.insert(uid, size);
        Ok(size)
    }

    fn internal_date(&mut self, uid: Uid) -> Result<i64> {
        self.with_file(uid, "stat", |path| Ok(std::fs::symlink_metadata(path)?.mtime()))
    }

    fn body(&mut self, uid: Uid) -> Result<Box<dyn Body>> {
        let file = self.with_file(uid, "open", open_regular)?;
        Ok(Box::new(FileBody::new(file)))
    }

    fn store(&mut self, uids: &[Uid], change: &Change) -> Result<()> {
        self.change_flags(uids, change)
    }

    fn expunge(&mut self, uids: &[Uid]) -> Result<Vec<(usize, Uid)>> {
        self.expunge_deleted(uids)
    }

    fn copy(&mut self, uids: &[Uid], to: &MailboxName) -> Result<Copied> {
        self.copy_to(uids, to)
    }

    fn move_to(&mut self, uids: &[Uid], to: &MailboxName) -> Result<(Copied, Vec<(usize, Uid)>)> {
        self.writable()?;
        let copied = self.copy_to(uids, to)?;
        let moved: Vec<Uid> = copied.pairs.iter().map(|(from, _)| *from).collect();
        Ok((copied, self.remove(&moved)?))
    }
}
