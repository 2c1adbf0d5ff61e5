//! Bringing a session up to what is in the folders.
//!
//! Others rename files at any time, and a folder that is read meanwhile can show a file twice or not
//! at all. So a look without the lock is only believed if it shows exactly the messages that were
//! known, perhaps with other flags. Whatever appears or disappears is decided under the uidlist's
//! lock, which everybody who renames or removes holds (Dovecot too); deliveries, which don't, only
//! add to `new/`.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mailbox::Uid;

use super::filename;
use super::lock::Lock;
use super::scan::{Found, Stamp, path_of, scan};
use super::session::{Record, Session, Stamps};
use super::uidfile::{self, UidFile};
use super::uidlist::Line;
use super::uidvalidity;
use super::unique;
use crate::error::io;
use crate::{Access, Error, Kind, Result};

/// The list is written anew when less than three of four lines have a file, from this length on.
const MIN_LINES_TO_TIDY: usize = 16;
/// Two names of one file, unchanged for so long, are no rename that somebody is just doing.
const LEFT_OVER_LINK: Duration = Duration::from_secs(30);

impl Session {
    fn look(&self) -> Stamps {
        Stamps {
            new_mail: Stamp::of(&self.folder.new_mail(), false),
            cur: Stamp::of(&self.folder.cur(), false),
            list: uidfile::ident(&self.folder),
        }
    }

    /// Brings `records` up, by the cheapest way that can be believed.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.keywords.refresh(&self.folder.path)? {
            self.new_keywords = true;
            self.spell_again();
        }
        let now = self.look();
        let Some(then) = self.stamps else { return self.sync_under_lock() };
        let same_list = then.list == now.list && now.list.is_some();
        let new_settled = then.new_mail.is_settled(&now.new_mail);
        let cur_settled = then.cur.is_settled(&now.cur);
        if same_list && new_settled && cur_settled {
            return Ok(());
        }
        if !same_list {
            return self.sync_under_lock();
        }
        let mut found = Vec::new();
        scan(&self.folder, true, &mut found)?;
        let known = self.records.iter().filter(|record| record.in_new).count();
        if found.len() > known || (self.access == Access::ReadWrite && !found.is_empty()) {
            return self.under_lock(true);
        }
        if !cur_settled {
            scan(&self.folder, false, &mut found)?;
        }
        if self.take_names(found, !cur_settled) {
            self.stamps = Some(Stamps { cur: if cur_settled { then.cur } else { now.cur }, ..now });
            return Ok(());
        }
        self.sync_under_lock()
    }

    /// Takes names from a look without lock, if it shows exactly the known messages. `all` is false if
    /// only `new/` was looked at.
    fn take_names(&mut self, found: Vec<Found>, all: bool) -> bool {
        let expected = self.records.iter().filter(|record| all || record.in_new).count();
        if found.len() != expected {
            return false;
        }
        let mut by_base: HashMap<&[u8], usize> = HashMap::with_capacity(expected);
        for (at, record) in self.records.iter().enumerate() {
            if all || record.in_new {
                by_base.insert(filename::base(&record.name), at);
            }
        }
        let places: Option<Vec<usize>> =
            found.iter().map(|file| by_base.remove(file.base())).collect();
        let Some(places) = places else { return false };
        for (place, file) in places.into_iter().zip(found) {
            self.rename_record(place, file);
        }
        true
    }

    fn rename_record(&mut self, place: usize, file: Found) {
        if let Some(record) = self.records.get_mut(place) {
            if record.name != file.name {
                record.flags = self.keywords.flags(&file.name);
                record.name = file.name;
            }
            record.in_new = file.in_new;
        }
    }

    /// Looks without lock for files that were renamed. Takes the names of those it finds; true if
    /// any changed.
    pub(crate) fn find_again(&mut self) -> Result<bool> {
        let mut found = Vec::new();
        scan(&self.folder, true, &mut found)?;
        scan(&self.folder, false, &mut found)?;
        let by_base: HashMap<Vec<u8>, usize> = self
            .records
            .iter()
            .enumerate()
            .map(|(at, record)| (filename::base(&record.name).to_vec(), at))
            .collect();
        let mut any = false;
        for file in found {
            if let Some(&place) = by_base.get(file.base()) {
                let old = self.records.get(place);
                any |= old.is_some_and(|old| old.name != file.name || old.in_new != file.in_new);
                self.rename_record(place, file);
            }
        }
        Ok(any)
    }

    /// The letters mean other keywords now.
    fn spell_again(&mut self) {
        for record in &mut self.records {
            record.flags = self.keywords.flags(&record.name);
        }
    }

    /// Brings `records` up under the lock; without the right to lock, only the names of messages
    /// that have a UID.
    pub(crate) fn sync_under_lock(&mut self) -> Result<()> {
        self.under_lock(false)
    }

    /// `arrivals`: there is new mail, and perhaps nothing else.
    fn under_lock(&mut self, arrivals: bool) -> Result<()> {
        match self.root.lock(&self.folder, self.mode) {
            Ok(mut lock) => {
                if arrivals && self.take_arrivals(&mut lock)? {
                    return Ok(());
                }
                self.sync_locked(Some(&mut lock))
            }
            Err(_) if !self.folder.path.is_dir() => {
                Err(Error::Reset("the mailbox's folder is gone".to_owned()))
            }
            Err(error) if error.kind() == Kind::NoPermission => {
                self.access = Access::ReadOnly;
                self.sync_locked(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The whole of it. `lock` is missing where the system doesn't let us write.
    pub(crate) fn sync_locked(&mut self, mut lock: Option<&mut Lock>) -> Result<()> {
        let root = Arc::clone(&self.root);
        if self.keywords.refresh(&self.folder.path)? {
            self.new_keywords = true;
        }
        let mut stamps = self.look();
        let mut found = Vec::new();
        scan(&self.folder, true, &mut found)?;
        scan(&self.folder, false, &mut found)?;
        if let Some(lock) = lock.as_deref_mut() {
            lock.keep();
        }
        self.one_name_each(&mut found, lock.is_some());
        let mut uids = if lock.is_some() || stamps.list.is_some() {
            UidFile::read(&*root.fs, &root.path, &self.folder, self.mode)?
        } else {
            return Err(Error::Io {
                what: format!("make {}", self.folder.uidlist().display()),
                source: ErrorKind::PermissionDenied.into(),
            });
        };
        if self.stamps.is_some() && uids.list.header.validity != self.validity {
            return Err(Error::Reset("the mailbox has a new UIDVALIDITY".to_owned()));
        }
        let mut records = self.match_files(found, &mut uids, lock.is_some())?;
        if lock.is_some() && uids.is_changed() {
            uids.commit(&*root.fs, &self.folder, self.mode)?;
            stamps.list = uidfile::ident(&self.folder);
        }
        let locked = lock.is_some();
        if let Some(lock) = lock {
            self.take_from_new(&mut records, lock, &mut stamps);
        }
        self.validity = uids.list.header.validity;
        self.next = uids.list.next();
        // Without the lock a line's file may yet come: only what was seen counts.
        let seen = records.last().map_or(self.floor, |record| record.uid.next());
        self.floor = if locked { self.next } else { self.floor.max(seen) };
        self.records = records;
        self.stamps = Some(stamps);
        Ok(())
    }

    /// Joins files and UIDs; gives UIDs to those without.
    fn match_files(
        &mut self,
        found: Vec<Found>,
        uids: &mut UidFile,
        may_give: bool,
    ) -> Result<Vec<Record>> {
        let lines = std::mem::take(&mut uids.list.lines);
        let next_before = lines.last().map(|line| line.uid.next());
        // The later line of a repeated name counts.
        let by_base: HashMap<&[u8], usize> =
            lines.iter().enumerate().map(|(at, line)| (line.base.as_slice(), at)).collect();
        let mut has_file = vec![false; lines.len()];
        let (mut records, mut unknown) = (Vec::with_capacity(found.len()), Vec::new());
        for file in found {
            let line = by_base.get(file.base()).and_then(|&at| Some((at, lines.get(at)?)));
            match line {
                Some((at, line)) if self.may_have(line.uid) => {
                    if let Some(slot) = has_file.get_mut(at) {
                        *slot = true;
                    }
                    records.push(self.record(line.uid, file));
                    self.note_size(line);
                }
                _ => unknown.push(file),
            }
        }
        let reappeared = unknown.iter().any(|file| by_base.contains_key(file.base()));
        let repeated = by_base.len() != lines.len();
        drop(by_base);
        let live = records.len();
        let tidy = lines.len() >= MIN_LINES_TO_TIDY && live * 4 <= lines.len() * 3;
        uids.list.lines = lines;
        if may_give && (reappeared || repeated || tidy || uids.list.rewrite) {
            keep_lines(uids, &has_file, next_before);
        }
        if may_give {
            unknown.sort_by(|a, b| {
                filename::arrival_key(&a.name).cmp(&filename::arrival_key(&b.name))
            });
            for file in unknown {
                let uid = uids.list.give(&file.name, Vec::new());
                let uid = uid.ok_or(Error::Limit("Mailbox has no UIDs left"))?;
                records.push(self.record(uid, file));
            }
        }
        records.sort_by_key(|record| record.uid);
        Ok(records)
    }

    /// Whether this session may show a message under this UID: it does already, or the UID lies above
    /// all that it has seen. A file that was gone and is back under a lower one gets a new UID.
    fn may_have(&self, uid: Uid) -> bool {
        self.stamps.is_none() || uid >= self.floor || self.index(uid).is_some()
    }

    fn record(&mut self, uid: Uid, file: Found) -> Record {
        let known = self.index(uid).and_then(|at| self.records.get(at));
        let recent = match known {
            Some(record) => record.recent,
            None => self.access == Access::ReadOnly && file.in_new,
        };
        let flags = self.keywords.flags(&file.name);
        Record { uid, name: file.name, in_new: file.in_new, recent, flags }
    }

    fn note_size(&mut self, line: &Line) {
        if let Some(size) = uidvalidity::size(line.field(b'W')) {
            self.sizes.insert(line.uid, size);
        }
    }

    /// SELECT takes new mail over to `cur/`; who does that has it as `\Recent`.
    pub(crate) fn take_from_new(
        &mut self,
        records: &mut [Record],
        lock: &mut Lock,
        stamps: &mut Stamps,
    ) {
        if self.access == Access::ReadOnly {
            return;
        }
        let before = Stamp::of(&self.folder.cur(), false);
        let mut moved = false;
        for record in records.iter_mut().filter(|record| record.in_new) {
            lock.keep();
            let mut name = record.name.to_vec();
            if !name.contains(&b':') {
                name.extend_from_slice(b":2,");
            }
            let from = path_of(&self.folder, &record.name, true);
            let to = path_of(&self.folder, &name, false);
            match self.root.fs.rename_new(&from, &to) {
                Ok(()) => {
                    record.name = name.into();
                    record.in_new = false;
                    record.recent = true;
                    moved = true;
                }
                // It stays in `new/` and is listed all the same (disk full, no permission).
                Err(error) => {
                    tracing::debug!(path = %from.display(), %error, "can't move to cur/");
                }
            }
        }
        if moved && before.same_time(&stamps.cur) {
            stamps.cur = Stamp::of(&self.folder.cur(), true);
        }
    }

    /// One file for each identity: of two with one base, the second becomes a message of its own.
    fn one_name_each(&self, found: &mut Vec<Found>, may_write: bool) {
        let bases: HashSet<&[u8]> = found.iter().map(Found::base).collect();
        if bases.len() == found.len() && !bases.contains(&[][..]) {
            return;
        }
        let mut first: HashMap<Vec<u8>, Found> = HashMap::with_capacity(found.len());
        let mut strange = Vec::new();
        found.retain(|file| {
            if file.base().is_empty() {
                strange.push(file.clone());
                return false;
            }
            match first.get(file.base()) {
                None => {
                    first.insert(file.base().to_vec(), file.clone());
                    true
                }
                Some(earlier) if earlier == file => false,
                Some(_) => {
                    strange.push(file.clone());
                    false
                }
            }
        });
        if !may_write || self.access == Access::ReadOnly {
            return;
        }
        for file in strange {
            match self.separate(&file, first.get(file.base())) {
                Ok(Some(made)) => found.push(made),
                Ok(None) => {}
                Err(error) => {
                    let path = path_of(&self.folder, &file.name, file.in_new);
                    tracing::warn!(path = %path.display(), %error, "two files of one name");
                }
            }
        }
    }

    fn separate(&self, file: &Found, other: Option<&Found>) -> Result<Option<Found>> {
        let fs = &*self.root.fs;
        let path = path_of(&self.folder, &file.name, file.in_new);
        let meta = std::fs::symlink_metadata(&path).map_err(io("stat", &path))?;
        if let Some(other) = other {
            let twin = path_of(&self.folder, &other.name, other.in_new);
            let same = std::fs::symlink_metadata(&twin).is_ok_and(|twin| twin.ino() == meta.ino());
            if same {
                let changed =
                    SystemTime::UNIX_EPOCH + Duration::from_secs(meta.ctime().unsigned_abs());
                let age = SystemTime::now().duration_since(changed).unwrap_or_default();
                if age > LEFT_OVER_LINK {
                    fs.unlink(&path).map_err(io("remove", &path))?;
                }
                return Ok(None);
            }
        }
        let mut name = unique::fresh().into_bytes();
        for key in [b'S', b'W'] {
            if let Some(size) = filename::size_field(&file.name, key) {
                name.extend_from_slice(format!(",{}={size}", char::from(key)).as_bytes());
            }
        }
        let made = Found { name: name.into(), in_new: true };
        let target = path_of(&self.folder, &made.name, true);
        fs.rename_new(&path, &target).map_err(io("rename", &path))?;
        tracing::warn!(from = %path.display(), to = %target.display(), "a message got a new name");
        Ok(Some(made))
    }
}

/// Only lines with a file stay; no UID is given again.
fn keep_lines(uids: &mut UidFile, has_file: &[bool], next: Option<Uid>) {
    let mut keep = has_file.iter();
    uids.list.lines.retain(|_| keep.next().copied().unwrap_or(false));
    uids.list.header.next = uids.list.header.next.max(next.unwrap_or(uids.list.header.next));
    uids.list.rewrite = true;
}
