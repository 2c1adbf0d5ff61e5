//! A session's own changes: flags and removals.
//!
//! Flags are letters in the name, so a change is a rename in the same folder; a removal is an unlink.
//! Both happen under the uidlist's lock and are synced before they are told.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use mailbox::{Flags, Uid};

use super::filename;
use super::lock::Lock;
use super::save::used_letters;
use super::scan::{Stamp, path_of};
use super::session::Session;
use super::uidfile;
use crate::error::io;
use crate::fs::SyncPoint;
use crate::{Change, Result};

impl Session {
    /// Under the lock: makes sure that `records` is what is in the folders.
    fn catch_up(&mut self, lock: &mut Lock) -> Result<()> {
        let settled = self.stamps.is_some_and(|then| {
            let now = |path: PathBuf| Stamp::of(&path, false);
            then.list == uidfile::ident(&self.folder)
                && then.cur.is_settled(&now(self.folder.cur()))
                && then.new_mail.is_settled(&now(self.folder.new_mail()))
        });
        if settled { Ok(()) } else { self.sync_locked(Some(lock)) }
    }

    /// After own changes under the lock: they are no news. `new/` can't be vouched for, since mail is
    /// delivered into it without the lock.
    fn vouch(&mut self) {
        if let Some(stamps) = &mut self.stamps {
            stamps.cur = Stamp::of(&self.folder.cur(), true);
        }
    }

    fn sync_parts(&self, touched: [bool; 2], point: SyncPoint) -> Result<()> {
        for (touched, path) in touched.into_iter().zip([self.folder.cur(), self.folder.new_mail()])
        {
            if touched {
                self.root.fs.sync_folder(&path, point).map_err(io("sync", &path))?;
            }
        }
        Ok(())
    }

    pub(crate) fn change_flags(&mut self, uids: &[Uid], change: &Change) -> Result<()> {
        self.writable()?;
        let root = Arc::clone(&self.root);
        let mut lock = root.lock(&self.folder, self.mode)?;
        self.catch_up(&mut lock)?;
        if let Change::Add(flags) | Change::Replace(flags) = change {
            let folder = &self.folder;
            self.new_keywords |= flags.keywords().next().is_some();
            self.keywords
                .add(&*root.fs, &folder.path, self.mode, flags, || used_letters(folder))?;
        }
        let mut touched = [false; 2];
        let result = self.rename_all(uids, change, &mut lock, &mut touched);
        self.sync_parts(touched, SyncPoint::Flags)?;
        self.vouch();
        for uid in uids {
            let record = self.index(*uid).and_then(|at| self.records.get(at));
            let flags = record.map(|record| Arc::clone(&record.flags));
            let place = self.view.binary_search_by_key(uid, |entry| entry.uid).ok();
            if let (Some(flags), Some(entry)) = (flags, place.and_then(|at| self.view.get_mut(at)))
            {
                entry.flags = flags;
            }
        }
        result
    }

    fn rename_all(
        &mut self,
        uids: &[Uid],
        change: &Change,
        lock: &mut Lock,
        touched: &mut [bool; 2],
    ) -> Result<()> {
        let mut missing = Vec::new();
        for uid in uids {
            lock.keep();
            if !self.rename_one(*uid, change, touched)? {
                missing.push(*uid);
            }
        }
        if !missing.is_empty() {
            // Somebody renames without the lock: look again, once.
            self.sync_locked(Some(lock))?;
            for uid in missing {
                self.rename_one(uid, change, touched)?;
            }
        }
        Ok(())
    }

    /// False if the file isn't where it was.
    fn rename_one(&mut self, uid: Uid, change: &Change, touched: &mut [bool; 2]) -> Result<bool> {
        let Some(place) = self.index(uid) else { return Ok(true) };
        let Some(record) = self.records.get(place) else { return Ok(true) };
        let flags = apply(&record.flags, change);
        if flags == *record.flags {
            return Ok(true);
        }
        let name = filename::with_letters(&record.name, &self.keywords.letters(&flags));
        let (from, in_new) = (self.path(record), record.in_new);
        let to = path_of(&self.folder, &name, in_new);
        match self.root.fs.rename(&from, &to) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(io("rename", &from)(error)),
        }
        if let Some(touched) = touched.get_mut(usize::from(in_new)) {
            *touched = true;
        }
        let flags = self.keywords.flags(&name);
        if let Some(record) = self.records.get_mut(place) {
            record.name = name.into();
            record.flags = flags;
        }
        Ok(true)
    }

    pub(crate) fn expunge_deleted(&mut self, uids: &[Uid]) -> Result<Vec<(usize, Uid)>> {
        self.writable()?;
        let root = Arc::clone(&self.root);
        let mut lock = root.lock(&self.folder, self.mode)?;
        self.catch_up(&mut lock)?;
        let deleted = |uid: &&Uid| {
            let record = self.index(**uid).and_then(|at| self.records.get(at));
            record.is_some_and(|record| record.flags.contains(&mailbox::Flag::Deleted))
        };
        let doomed: Vec<Uid> = uids.iter().filter(deleted).copied().collect();
        self.remove_locked(&doomed, &mut lock)
    }

    /// Removes messages, whatever their flags.
    pub(crate) fn remove(&mut self, uids: &[Uid]) -> Result<Vec<(usize, Uid)>> {
        let root = Arc::clone(&self.root);
        let mut lock = root.lock(&self.folder, self.mode)?;
        self.catch_up(&mut lock)?;
        self.remove_locked(uids, &mut lock)
    }

    fn remove_locked(&mut self, uids: &[Uid], lock: &mut Lock) -> Result<Vec<(usize, Uid)>> {
        let mut gone = HashSet::new();
        let mut touched = [false; 2];
        let mut result = Ok(());
        for uid in uids {
            lock.keep();
            match self.unlink_one(*uid, lock, &mut touched) {
                Ok(()) => {
                    gone.insert(*uid);
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        result = result.and(self.sync_parts(touched, SyncPoint::Expunged));
        self.vouch();
        if let Err(error) = result {
            // Nobody was told yet: the next refresh does it.
            self.records.retain(|record| !gone.contains(&record.uid));
            return Err(error);
        }
        Ok(self.forget(&gone))
    }

    fn unlink_one(&mut self, uid: Uid, lock: &mut Lock, touched: &mut [bool; 2]) -> Result<()> {
        for look in 0..2 {
            let record = self.index(uid).and_then(|at| self.records.get(at));
            let Some(record) = record else { return Ok(()) }; // gone already
            let (path, in_new) = (self.path(record), record.in_new);
            match self.root.fs.unlink(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound && look == 0 => {
                    self.sync_locked(Some(lock))?;
                }
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(io("remove", &path)(error)),
                Ok(()) => {
                    if let Some(touched) = touched.get_mut(usize::from(in_new)) {
                        *touched = true;
                    }
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn apply(old: &Flags, change: &Change) -> Flags {
    match change {
        Change::Replace(flags) => flags.clone(),
        Change::Add(flags) => old.iter().chain(flags.iter()).cloned().collect(),
        Change::Remove(flags) => old.iter().filter(|flag| !flags.contains(flag)).cloned().collect(),
    }
}
