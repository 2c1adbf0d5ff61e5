//! COPY: a hard link under a fresh name, with a UID of the target's.
//!
//! Made under the target's lock alone: no two locks are ever held. All or nothing.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mailbox::{Flags, MailboxName, Uid};

use super::filename;
use super::folder::{Folder, mode_of};
use super::keywords::Keywords;
use super::lock::Lock;
use super::save::{Root, used_letters};
use super::scan::path_of;
use super::session::{Record, Session};
use super::uidfile::{self, UidFile};
use super::uidlist::Uidlist;
use super::unique;
use crate::error::io;
use crate::fs::{Mode, SyncPoint, open_regular, read_limited};
use crate::{Copied, Error, Result};

/// What was written longer ago, the system has synced by itself.
const UNSYNCED: Duration = Duration::from_secs(120);
/// How often a file that others keep renaming is looked for again.
const MAX_LOOKS: usize = 5;
const CHUNK: usize = 64 * 1024;

impl Session {
    pub(crate) fn copy_to(&mut self, uids: &[Uid], to: &MailboxName) -> Result<Copied> {
        let root = Arc::clone(&self.root);
        let folder = Folder::of(&root.path, to)?;
        if !folder.path.is_dir() {
            root.complete(&folder)?;
        }
        self.sync()?; // the flags of now
        let guids = self.guids(uids);
        let mut sources = Vec::with_capacity(uids.len());
        for uid in uids {
            sources.extend(self.index(*uid).and_then(|at| self.records.get(at)).cloned());
        }
        sources.sort_by_key(|record| record.uid);
        sources.dedup_by_key(|record| record.uid);
        let mode = mode_of(&folder.path);
        let lock = root.lock(&folder, mode)?;
        let mut target = Target::open(&root, folder, mode, lock)?;
        let all: Flags = sources.iter().flat_map(|record| record.flags.iter().cloned()).collect();
        target.add_keywords(&all)?;
        let mut pairs = Vec::with_capacity(sources.len());
        let result = (|| {
            for source in &sources {
                let guid = guids.get(&source.uid).map(Vec::as_slice);
                if let Some(uid) = self.copy_one(source, guid, &mut target)? {
                    pairs.push((source.uid, uid));
                }
            }
            target.finish()
        })();
        if let Err(error) = result {
            target.undo();
            return Err(error);
        }
        Ok(Copied { uid_validity: target.uids.list.header.validity, pairs })
    }

    /// GUIDs that the source's list names: a copy keeps them.
    fn guids(&self, uids: &[Uid]) -> HashMap<Uid, Vec<u8>> {
        let wanted: HashSet<Uid> = uids.iter().copied().collect();
        let list = read_limited(&self.folder.uidlist(), uidfile::MAX_FILE_OCTETS);
        let bytes = list.ok().flatten().unwrap_or_default();
        let Ok(list) = Uidlist::parse(&bytes) else { return Default::default() };
        let lines = list.lines.iter().filter(|line| wanted.contains(&line.uid));
        lines.filter_map(|line| Some((line.uid, line.field(b'G')?.to_vec()))).collect()
    }

    /// `None` if the message is gone.
    fn copy_one(
        &mut self,
        source: &Record,
        guid: Option<&[u8]>,
        target: &mut Target,
    ) -> Result<Option<Uid>> {
        target.lock.keep();
        let mut path = self.path(source);
        for _ in 0..MAX_LOOKS {
            match target.take(&path, source) {
                Ok((name, in_new)) => {
                    target.made.push(path_of(&target.folder, &name, in_new));
                    return target.give(&name, guid.unwrap_or(filename::base(&source.name)));
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    // Not under this mailbox's lock: another's is held.
                    self.find_again()?;
                    let record = self.index(source.uid).and_then(|at| self.records.get(at));
                    match record {
                        Some(record) => path = self.path(record),
                        None => return Ok(None),
                    }
                }
                Err(error) => return Err(io("copy", &path)(error)),
            }
        }
        Ok(None)
    }
}

/// A mailbox that copies go into, locked.
struct Target {
    root: Arc<Root>,
    folder: Folder,
    mode: Mode,
    lock: Lock,
    keywords: Keywords,
    uids: UidFile,
    made: Vec<PathBuf>,
    touched: [bool; 2],
}

impl Target {
    fn open(root: &Arc<Root>, folder: Folder, mode: Mode, lock: Lock) -> Result<Self> {
        let mut keywords = Keywords::default();
        keywords.refresh(&folder.path)?;
        let uids = UidFile::read(&*root.fs, &root.path, &folder, mode)?;
        let (made, touched, root) = (Vec::new(), [false; 2], Arc::clone(root));
        Ok(Self { root, folder, mode, lock, keywords, uids, made, touched })
    }

    fn add_keywords(&mut self, flags: &Flags) -> Result<()> {
        let folder = &self.folder;
        let fs = &*self.root.fs;
        self.keywords.add(fs, &folder.path, self.mode, flags, || used_letters(folder))
    }

    /// Gives the file one more name, here; or copies its bytes where that can't be.
    fn take(&mut self, from: &Path, source: &Record) -> std::io::Result<(Vec<u8>, bool)> {
        sync_if_young(&self.root, from)?;
        let letters = self.keywords.letters(&source.flags);
        let in_new = letters.is_empty();
        let mut name = unique::fresh().into_bytes();
        for key in [b'S', b'W'] {
            if let Some(size) = filename::size_field(&source.name, key) {
                name.extend_from_slice(format!(",{}={size}", char::from(key)).as_bytes());
            }
        }
        if !in_new {
            name = filename::with_letters(&name, &letters);
        }
        let to = path_of(&self.folder, &name, in_new);
        match self.root.fs.link(from, &to) {
            Ok(()) => {}
            Err(error) if cannot_link(&error) => self.copy_bytes(from, &to)?,
            Err(error) => return Err(error),
        }
        if let Some(touched) = self.touched.get_mut(usize::from(in_new)) {
            *touched = true;
        }
        Ok((name, in_new))
    }

    fn copy_bytes(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        let fs = &*self.root.fs;
        let mut source = open_regular(from)?;
        let tmp = self.folder.tmp().join(unique::fresh());
        let file = fs.create(&tmp, self.mode)?;
        let copied = (|| {
            let mut chunk = vec![0; CHUNK];
            loop {
                let n = source.read(&mut chunk)?;
                if n == 0 {
                    break;
                }
                fs.write(&file, chunk.get(..n).unwrap_or_default())?;
            }
            file.set_modified(source.metadata()?.modified()?)?;
            fs.sync(&file, SyncPoint::Message)?;
            fs.rename_new(&tmp, to)
        })();
        if copied.is_err() {
            let _ = fs.unlink(&tmp);
        }
        copied
    }

    fn give(&mut self, name: &[u8], guid: &[u8]) -> Result<Option<Uid>> {
        let fields = if guid.is_empty() || guid.contains(&b' ') {
            Vec::new()
        } else {
            vec![[b"G", guid].concat()]
        };
        let uid = self.uids.list.give(name, fields);
        uid.ok_or(Error::Limit("Mailbox has no UIDs left")).map(Some)
    }

    /// Makes it all durable.
    fn finish(&mut self) -> Result<()> {
        let fs = &*self.root.fs;
        for (touched, path) in
            self.touched.into_iter().zip([self.folder.cur(), self.folder.new_mail()])
        {
            if touched {
                fs.sync_folder(&path, SyncPoint::Copied).map_err(io("sync", &path))?;
            }
        }
        self.uids.commit(fs, &self.folder, self.mode)
    }

    fn undo(&self) {
        for path in &self.made {
            if let Err(error) = self.root.fs.unlink(path) {
                tracing::warn!(path = %path.display(), %error, "can't take back a copy");
            }
        }
    }
}

/// A file that some other program put there a moment ago may not be on disk yet.
fn sync_if_young(root: &Root, path: &Path) -> std::io::Result<()> {
    let modified = std::fs::symlink_metadata(path)?.modified()?;
    if SystemTime::now().duration_since(modified).is_ok_and(|age| age > UNSYNCED) {
        return Ok(());
    }
    root.fs.sync(&open_regular(path)?, SyncPoint::Message)
}

fn cannot_link(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::CrossesDevices
            | ErrorKind::TooManyLinks
            | ErrorKind::PermissionDenied
            | ErrorKind::AlreadyExists
            | ErrorKind::Unsupported
    )
}
