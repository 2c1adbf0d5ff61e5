//! `dovecot-uidlist` on disk: read under its lock, then added to or written anew.
//!
//! What a session shows is durable: UIDs that another process wrote a moment ago are synced before
//! they are believed, new ones before they are told. A file that can't be understood is replaced:
//! all messages get new UIDs above all that stood in it, under the same UIDVALIDITY if that can be
//! told, else under a new one.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use mailbox::Uid;

use super::folder::Folder;
use super::uidlist::{self, Line, Uidlist};
use super::uidvalidity;
use crate::error::io;
use crate::fs::{Fs, Mode, SyncPoint, open_regular};
use crate::{Error, Result};

/// About ten million messages.
pub(crate) const MAX_FILE_OCTETS: u64 = 1 << 30;
/// What was written longer ago, the system has synced by itself.
const UNSYNCED: Duration = Duration::from_secs(120);

/// What tells that the file was replaced or grew.
pub(crate) type Ident = (u64, u64, u64);

/// The file's identity now.
pub(crate) fn ident(folder: &Folder) -> Option<Ident> {
    let meta = std::fs::symlink_metadata(folder.uidlist()).ok()?;
    Some((meta.dev(), meta.ino(), meta.size()))
}

/// The list, read under its lock, and how much of it stands in the file.
#[derive(Debug)]
pub(crate) struct UidFile {
    pub(crate) list: Uidlist,
    written: usize,
}

impl UidFile {
    /// Reads the file; without one, or with a broken one, begins a new list.
    pub(crate) fn read(fs: &dyn Fs, root: &Path, folder: &Folder, mode: Mode) -> Result<Self> {
        let path = folder.uidlist();
        let mut file = match open_regular(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Self::begin(fs, root, mode);
            }
            Err(error) => return Err(io("open", &path)(error)),
        };
        let meta = file.metadata().map_err(io("stat", &path))?;
        if meta.size() > MAX_FILE_OCTETS {
            let why = format!("larger than {MAX_FILE_OCTETS} octets");
            return Err(Error::Damaged { file: path.display().to_string(), why });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io("read", &path))?;
        let age = meta.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        if age.is_none_or(|age| age < UNSYNCED) {
            fs.sync(&file, SyncPoint::UidlistForeign).map_err(io("sync", &path))?;
        }
        match Uidlist::parse(&bytes) {
            Ok(list) => Ok(Self { written: list.lines.len(), list }),
            Err(broken) => {
                tracing::error!(
                    file = %path.display(), line = broken.line, why = broken.why,
                    "broken uidlist: all messages get new UIDs"
                );
                match broken.rescued {
                    Some((validity, next)) => {
                        let list = Uidlist::empty(validity, next, uidvalidity::guid()?);
                        Ok(Self { list, written: 0 })
                    }
                    None => Self::begin(fs, root, mode),
                }
            }
        }
    }

    fn begin(fs: &dyn Fs, root: &Path, mode: Mode) -> Result<Self> {
        let validity = uidvalidity::next(fs, root, mode)?;
        let first = Uid::new(1).ok_or(Error::Limit("no UIDs left"))?;
        Ok(Self { list: Uidlist::empty(validity, first, uidvalidity::guid()?), written: 0 })
    }

    /// Whether anything waits to be written.
    pub(crate) fn is_changed(&self) -> bool {
        self.list.rewrite || self.written != self.list.lines.len()
    }

    /// Makes all that was given durable.
    pub(crate) fn commit(&mut self, fs: &dyn Fs, folder: &Folder, mode: Mode) -> Result<()> {
        if self.list.rewrite {
            if self.list.header.guid.is_none() {
                self.list.header.guid = Some(uidvalidity::guid()?);
            }
            rewrite(fs, folder, mode, &self.list.to_bytes())?;
        } else if self.written != self.list.lines.len() {
            append(fs, &folder.uidlist(), &self.list.tail_bytes(self.written))?;
        }
        self.list.rewrite = false;
        self.written = self.list.lines.len();
        Ok(())
    }
}

/// Whether there is such a UID to give.
pub(crate) fn may_be_given(uid: Uid) -> bool {
    uid.get() < uidlist::UID_END - 1
}

/// Puts a message's line at the end of `out`.
pub(crate) fn write_line(out: &mut Vec<u8>, uid: Uid, base: &[u8]) {
    uidlist::write_line(out, &Line { uid, fields: Vec::new(), base: base.to_vec() });
}

/// Adds lines at the end, durably.
pub(crate) fn append(fs: &dyn Fs, path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = fs.open(path).map_err(io("open", path))?;
    let end = file.seek(SeekFrom::End(0)).map_err(io("seek in", path))?;
    let written = fs.write(&file, bytes).map_err(io("append to", path));
    let written =
        written.and_then(|()| fs.sync(&file, SyncPoint::UidlistAppend).map_err(io("sync", path)));
    if written.is_err() {
        // A full disk must not leave half a line for Dovecot to find; and lines whose sync failed
        // must not be believed because a later sync doesn't fail.
        let _ = file.set_len(end);
    }
    written
}

fn rewrite(fs: &dyn Fs, folder: &Folder, mode: Mode, bytes: &[u8]) -> Result<()> {
    let path = folder.uidlist();
    let tmp = folder.path.join("dovecot-uidlist.tmp");
    match fs.unlink(&tmp) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io("remove", &tmp)(error)),
        _ => {}
    }
    let file = fs.create(&tmp, mode).map_err(io("create", &tmp))?;
    fs.write(&file, bytes).map_err(io("write", &tmp))?;
    fs.sync(&file, SyncPoint::UidlistRewrite).map_err(io("sync", &tmp))?;
    fs.rename(&tmp, &path).map_err(io("rename", &tmp))?;
    fs.sync_folder(&folder.path, SyncPoint::UidlistFolder).map_err(io("sync", &folder.path))
}
