//! Putting a message in: written to `tmp/`, synced, renamed, its folder synced.
//!
//! APPEND takes the uidlist's lock and gives the UID at once. A delivery doesn't: the next session
//! that looks gives the UID, in the order of the trace ids' times, so that LMTP never waits for a
//! reader, and a reader never for LMTP.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mailbox::Flags;

use super::crlf::{FileBody, ToLf};
use super::filename;
use super::folder::{Folder, mode_of};
use super::keywords::Keywords;
use super::lock::{Lock, UIDLIST_STALE, WAIT};
use super::make;
use super::scan::{self, path_of};
use super::uidfile::UidFile;
use super::unique::{self, Mark};
use crate::error::io;
use crate::fs::{Fs, Mode, SyncPoint, open_regular};
use crate::{Appended, Body, Delivered, Delivery, Draft, Error, Result, Roots};

/// What is collected before it is written.
const BUFFER: usize = 64 * 1024;
/// A fresh name that is taken belongs to another host's or container's process: try the next.
const MAX_NAMES: usize = 10;

/// Where a user's mail is, and how it is reached.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) path: PathBuf,
    /// What the path must be below.
    pub(crate) roots: Roots,
}

impl Root {
    /// The lock that guards a mailbox's UIDs, names and removals.
    pub(crate) fn lock(&self, folder: &Folder, mode: Mode) -> Result<Lock> {
        Lock::acquire(&self.fs, &folder.uidlist(), mode, UIDLIST_STALE, WAIT)
    }

    /// Makes what a mailbox needs where it is missing: INBOX whole, another's parts.
    pub(crate) fn complete(&self, folder: &Folder) -> Result<()> {
        if folder.path.is_dir() {
            make::make_parts(&*self.fs, &folder.path)
        } else if folder.name.is_inbox() {
            self.make_inbox()
        } else {
            Err(Error::NotFound(folder.display()))
        }
    }

    /// Makes INBOX, and what is missing above it: nothing where a disk isn't mounted.
    pub(crate) fn make_inbox(&self) -> Result<()> {
        self.roots.check(&self.path)?;
        make::make_inbox(&*self.fs, &self.path)
    }
}

/// A message in `tmp/`.
#[derive(Debug)]
pub(crate) struct MaildirDraft {
    root: Arc<Root>,
    folder: Folder,
    mode: Mode,
    /// The file's place in `tmp/`, until it has moved.
    tmp: Option<PathBuf>,
    file: File,
    buffer: Vec<u8>,
    lines: ToLf,
}

impl MaildirDraft {
    pub(crate) fn begin(root: &Arc<Root>, folder: Folder) -> Result<Self> {
        let mut mode = mode_of(&folder.path);
        let mut tmp = folder.tmp().join(unique::fresh());
        let mut made = root.fs.create(&tmp, mode);
        if made.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            root.complete(&folder)?;
            mode = mode_of(&folder.path);
        }
        for _ in 0..MAX_NAMES {
            match made {
                Err(error)
                    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) =>
                {
                    tmp = folder.tmp().join(unique::fresh());
                    made = root.fs.create(&tmp, mode);
                }
                _ => break,
            }
        }
        let file = made.map_err(io("create", &tmp))?;
        let root = Arc::clone(root);
        let draft = Self {
            root,
            folder,
            mode,
            tmp: Some(tmp),
            file,
            buffer: Vec::new(),
            lines: ToLf::default(),
        };
        make::confirm_young(&*draft.root.fs, &draft.root.path, &draft.folder)?;
        Ok(draft)
    }

    fn tmp(&self) -> &Path {
        self.tmp.as_deref().unwrap_or(Path::new(""))
    }

    fn flush(&mut self) -> Result<()> {
        let bytes = std::mem::take(&mut self.buffer);
        self.root.fs.write(&self.file, &bytes).map_err(io("write", self.tmp()))
    }

    /// All content on disk, under its date.
    fn seal(&mut self, date: Option<i64>) -> Result<()> {
        self.lines.finish(&mut self.buffer);
        self.flush()?;
        if let Some(seconds) = date {
            let offset = Duration::from_secs(seconds.unsigned_abs());
            let epoch = SystemTime::UNIX_EPOCH;
            let time = if seconds < 0 { epoch - offset } else { epoch + offset };
            self.file.set_modified(time).map_err(io("set the time of", self.tmp()))?;
        }
        self.root.fs.sync(&self.file, SyncPoint::Message).map_err(io("sync", self.tmp()))
    }

    fn sized(&self, base: &str) -> String {
        format!("{base},S={},W={}", self.lines.stored, self.lines.octets)
    }

    /// Gives the file its name, if that is free.
    fn rename_to(&mut self, target: &Path) -> std::io::Result<()> {
        let fs = &*self.root.fs;
        match fs.rename_new(self.tmp(), target) {
            Err(error) if error.kind() == ErrorKind::NotFound && self.tmp().exists() => {
                // `new/` or `cur/` is missing in a folder that somebody else made.
                make::make_parts(fs, &self.folder.path).map_err(std::io::Error::other)?;
                fs.rename_new(self.tmp(), target)?;
            }
            other => other?,
        }
        self.tmp = None;
        Ok(())
    }

    /// If the mailbox was deleted meanwhile, that is the error.
    fn failed(&self, target: &Path, error: std::io::Error) -> Error {
        if error.kind() == ErrorKind::NotFound && !self.folder.path.is_dir() {
            return Error::NotFound(self.folder.display());
        }
        io("rename to", target)(error)
    }

    /// Renames under a fresh name with these flags.
    fn place(&mut self, letters: &[u8]) -> Result<(Vec<u8>, bool)> {
        let in_new = letters.is_empty();
        let mut tries = 0;
        loop {
            let mut name = self.sized(&unique::fresh()).into_bytes();
            if !in_new {
                name = filename::with_letters(&name, letters);
            }
            let target = path_of(&self.folder, &name, in_new);
            match self.rename_to(&target) {
                Ok(()) => return Ok((name, in_new)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_NAMES => {
                    tries += 1;
                }
                Err(error) => return Err(self.failed(&target, error)),
            }
        }
    }
}

impl Draft for MaildirDraft {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        for piece in bytes.chunks(BUFFER) {
            self.lines.push(piece, &mut self.buffer);
            if self.buffer.len() >= BUFFER {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn octets(&self) -> u64 {
        self.lines.octets
    }

    fn read_back(&mut self) -> Result<Box<dyn Body>> {
        self.flush()?;
        let file = open_regular(self.tmp()).map_err(io("open", self.tmp()))?;
        Ok(Box::new(FileBody::new(file)))
    }

    fn append(mut self: Box<Self>, flags: &Flags, internal_date: Option<i64>) -> Result<Appended> {
        self.seal(internal_date)?;
        let root = Arc::clone(&self.root);
        let fs = &*root.fs;
        let _lock = root.lock(&self.folder, self.mode).map_err(|error| {
            if self.folder.path.is_dir() { error } else { Error::NotFound(self.folder.display()) }
        })?;
        let mut keywords = Keywords::default();
        keywords.refresh(&self.folder.path)?;
        keywords.add(fs, &self.folder.path, self.mode, flags, || used_letters(&self.folder))?;
        let mut uids = UidFile::read(fs, &root.path, &self.folder, self.mode)?;
        let (name, in_new) = self.place(&keywords.letters(flags))?;
        let part = self.folder.part(in_new);
        let given = (|| {
            fs.sync_folder(&part, SyncPoint::Appended).map_err(io("sync", &part))?;
            let uid = uids.list.give(&name, Vec::new());
            let uid = uid.ok_or(Error::Limit("Mailbox has no UIDs left"))?;
            uids.commit(fs, &self.folder, self.mode)?;
            Ok(Appended { uid_validity: uids.list.header.validity, uid })
        })();
        if given.is_err() {
            let _ = fs.unlink(&path_of(&self.folder, &name, in_new));
        }
        given
    }

    fn deliver(mut self: Box<Self>, delivery: &Delivery) -> Result<Delivered> {
        let mark = Mark::new(&delivery.trace, delivery.recipient.as_deref());
        let fs = Arc::clone(&self.root.fs);
        if delivery.search
            && let Some(in_new) = find(&self.folder, &mark)?
        {
            return self.confirm(&*fs, in_new);
        }
        self.seal(None)?;
        let name = self.sized(&mark.base());
        let target = path_of(&self.folder, name.as_bytes(), true);
        match self.rename_to(&target) {
            Ok(()) => {
                let part = self.folder.new_mail();
                let synced = fs.sync_folder(&part, SyncPoint::Delivered);
                if synced.is_err() {
                    // It is offered again, and must be written anew: a second sync would lie.
                    let _ = fs.unlink(&target);
                }
                synced.map_err(io("sync", &part)).map(|()| Delivered::Stored)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => self.confirm(&*fs, true),
            Err(error) => Err(self.failed(&target, error)),
        }
    }
}

impl MaildirDraft {
    /// It is there already; whoever put it there may have died before the folder was synced.
    fn confirm(&self, fs: &dyn Fs, in_new: bool) -> Result<Delivered> {
        let part = self.folder.part(in_new);
        fs.sync_folder(&part, SyncPoint::Delivered).map_err(io("sync", &part))?;
        Ok(Delivered::AlreadyThere)
    }
}

impl Drop for MaildirDraft {
    fn drop(&mut self) {
        if let Some(tmp) = &self.tmp
            && let Err(error) = self.root.fs.unlink(tmp)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!(path = %tmp.display(), %error, "can't remove an unfinished message");
        }
    }
}

/// Whether the delivery is there, and where.
fn find(folder: &Folder, mark: &Mark) -> Result<Option<bool>> {
    for in_new in [true, false, true] {
        // A third look: it may have moved from `new/` to `cur/` in between, or back.
        let mut found = Vec::new();
        scan::scan(folder, in_new, &mut found)?;
        if found.iter().any(|file| mark.matches(&file.name)) {
            return Ok(Some(in_new));
        }
    }
    Ok(None)
}

/// Which keyword letters stand in a mailbox's file names.
pub(crate) fn used_letters(folder: &Folder) -> [bool; 26] {
    let mut used = [false; 26];
    let mut found = Vec::new();
    for in_new in [true, false] {
        if scan::scan(folder, in_new, &mut found).is_err() {
            break;
        }
    }
    for letter in found.iter().flat_map(|file| filename::letters(&file.name)) {
        let slot = letter.checked_sub(b'a').and_then(|index| used.get_mut(usize::from(index)));
        if let Some(slot) = slot {
            *slot = true;
        }
    }
    used
}
