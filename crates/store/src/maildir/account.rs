//! One user's Maildir++: its mailboxes are folders `.NAME` beside INBOX's own.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::SystemTime;

use mailbox::{Flag, MailboxName, Uid, UidValidity};

use super::folder::{Folder, TRASH, mailbox_name, mode_of};
use super::keywords::Keywords;
use super::make;
use super::save::{MaildirDraft, Root};
use super::session::{Session, entry_of};
use super::{subscriptions, unique};
use crate::error::io;
use crate::fs::SyncPoint;
use crate::{Access, Account, Draft, Error, Listed, Mailbox, Result, Status};

/// One user's mail.
#[derive(Debug)]
pub(crate) struct MaildirAccount {
    root: Arc<Root>,
}

impl MaildirAccount {
    pub(crate) fn new(root: Root) -> Self {
        Self { root: Arc::new(root) }
    }

    fn folder(&self, name: &MailboxName) -> Result<Folder> {
        Folder::of(&self.root.path, name)
    }

    /// The names of all folders that are mailboxes.
    fn names(&self) -> Result<Vec<MailboxName>> {
        make::clean_trash(&self.root.path, SystemTime::now());
        let mut names = vec![MailboxName::inbox()];
        let path = &self.root.path;
        let entries = match std::fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(names),
            Err(error) => return Err(io("read", path)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(io("read", path))?;
            let Some(name) = entry.file_name().to_str().and_then(mailbox_name) else { continue };
            let folder = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
                Ok(kind) => kind.is_dir(),
                Err(_) => false,
            };
            if folder {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn session(&self, name: &MailboxName, access: Access) -> Result<Session> {
        let folder = self.folder(name)?;
        let complete = ["cur", "new", "tmp"].iter().all(|part| folder.path.join(part).is_dir());
        if !complete && (access == Access::ReadWrite || !folder.path.is_dir()) {
            self.root.complete(&folder)?;
        }
        make::clean_tmp(&folder, SystemTime::now());
        let one = Error::Limit("no UIDs left");
        let (Some(first), Some(validity)) = (Uid::new(1), UidValidity::new(1)) else {
            return Err(one);
        };
        let mut session = Session {
            root: Arc::clone(&self.root),
            mode: mode_of(&folder.path),
            folder,
            access,
            validity,
            next: first,
            floor: first,
            keywords: Keywords::default(),
            records: Vec::new(),
            view: Vec::new(),
            stamps: None,
            sizes: HashMap::new(),
            new_keywords: false,
        };
        session.sync_under_lock().map_err(|error| match error {
            Error::Reset(_) => Error::NotFound(name.join('/')),
            other => other,
        })?;
        session.view = session.records.iter().map(entry_of).collect();
        session.new_keywords = false;
        Ok(session)
    }

    /// Puts a deleted mailbox's folder where nobody looks.
    fn to_trash(&self, folder: &Folder) -> Result<()> {
        let fs = &*self.root.fs;
        let trash = self.root.path.join(TRASH);
        let result = match fs.rename_new(&folder.path, &trash) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                fs.rename_new(&folder.path, &trash.join(unique::fresh()))
            }
            other => other,
        };
        match result {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Error::NotFound(folder.display()))
            }
            other => other.map_err(io("rename", &folder.path)),
        }
    }
}

impl Account for MaildirAccount {
    fn list(&mut self) -> Result<Vec<Listed>> {
        let mut all: BTreeMap<MailboxName, (bool, bool)> = BTreeMap::new();
        for name in self.names()? {
            let mut above = name.parent();
            while let Some(parent) = above {
                above = parent.parent();
                all.entry(parent).or_insert((false, false)).1 = true;
            }
            all.entry(name).or_insert((false, false)).0 = true;
        }
        let listed = |(name, (selectable, has_children))| Listed { name, selectable, has_children };
        Ok(all.into_iter().map(listed).collect())
    }

    fn exists(&mut self, name: &MailboxName) -> Result<bool> {
        Ok(name.is_inbox() || self.folder(name)?.path.is_dir())
    }

    fn create(&mut self, name: &MailboxName) -> Result<()> {
        if name.is_inbox() {
            return Err(Error::Exists(name.join('/')));
        }
        let folder = self.folder(name)?;
        let fs = &*self.root.fs;
        if !self.root.path.join("cur").is_dir() {
            self.root.make_inbox()?;
        }
        if make::make_mailbox(fs, &self.root.path, &folder)? {
            Ok(())
        } else {
            Err(Error::Exists(name.join('/')))
        }
    }

    fn delete(&mut self, name: &MailboxName) -> Result<()> {
        if name.is_inbox() {
            return Err(Error::Cannot("INBOX can't be deleted."));
        }
        let folder = self.folder(name)?;
        self.to_trash(&folder)?;
        let root = &self.root.path;
        self.root.fs.sync_folder(root, SyncPoint::DeletedFolder).map_err(io("sync", root))?;
        make::remove(&root.join(TRASH));
        Ok(())
    }

    fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<()> {
        if from.is_inbox() {
            return Err(Error::Cannot("Renaming INBOX isn't supported."));
        }
        if to.is_inbox() {
            return Err(Error::Exists(to.join('/')));
        }
        if to.is_below(from) {
            return Err(Error::Cannot("Can't rename mailbox under itself."));
        }
        let (source, target) = (self.folder(from)?, self.folder(to)?);
        let names = self.names()?;
        let children: Vec<&MailboxName> = names.iter().filter(|name| name.is_below(from)).collect();
        let real = names.contains(from);
        if !real && children.is_empty() {
            return Err(Error::NotFound(from.join('/')));
        }
        if names.contains(to) {
            return Err(Error::Exists(to.join('/')));
        }
        let fs = &*self.root.fs;
        if real {
            fs.rename_new(&source.path, &target.path).map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => Error::Exists(to.join('/')),
                ErrorKind::NotFound => Error::NotFound(from.join('/')),
                _ => io("rename", &source.path)(error),
            })?;
        }
        for child in children {
            let tail = child.parts().iter().skip(from.parts().len());
            let parts = to.parts().iter().chain(tail).cloned().collect();
            let new = self.folder(&MailboxName::from_parts(parts)?)?;
            let old = self.folder(child)?;
            if let Err(error) = fs.rename_new(&old.path, &new.path) {
                // A child whose new name is taken stays behind, as with Dovecot.
                tracing::warn!(path = %old.path.display(), %error, "can't rename");
            }
        }
        let root = &self.root.path;
        fs.sync_folder(root, SyncPoint::RenamedFolder).map_err(io("sync", root))
    }

    fn subscriptions(&mut self) -> Result<Vec<MailboxName>> {
        subscriptions::read(&self.root.path)
    }

    fn subscribe(&mut self, name: &MailboxName) -> Result<()> {
        self.folder(name)?; // a name that can't exist here isn't taken either
        if !self.root.path.is_dir() {
            self.root.make_inbox()?;
        }
        subscriptions::change(&self.root.fs, &self.root.path, name, true).map(drop)
    }

    fn unsubscribe(&mut self, name: &MailboxName) -> Result<bool> {
        if !self.root.path.is_dir() {
            return Ok(false);
        }
        subscriptions::change(&self.root.fs, &self.root.path, name, false)
    }

    fn status(&mut self, name: &MailboxName) -> Result<Status> {
        let session = self.session(name, Access::ReadOnly)?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let entries = session.messages();
        Ok(Status {
            messages: count(entries.len()),
            recent: count(entries.iter().filter(|entry| entry.recent).count()),
            unseen: count(entries.iter().filter(|e| !e.flags.contains(&Flag::Seen)).count()),
            uid_next: session.uid_next(),
            uid_validity: session.uid_validity(),
        })
    }

    fn open(&mut self, name: &MailboxName, access: Access) -> Result<Box<dyn Mailbox>> {
        Ok(Box::new(self.session(name, access)?))
    }

    fn draft(&mut self, to: &MailboxName) -> Result<Box<dyn Draft>> {
        Ok(Box::new(MaildirDraft::begin(&self.root, self.folder(to)?)?))
    }
}
