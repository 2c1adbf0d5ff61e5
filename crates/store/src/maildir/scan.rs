//! What is in `new/` and `cur/`.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::filename;
use super::folder::Folder;
use crate::error::io;
use crate::{Error, Result};

/// A mailbox with more can't be opened: what a session keeps in memory has to end somewhere.
const MAX_MESSAGES: usize = 5_000_000;
/// File systems whose times have fractions move them at least so often.
const FINE_TICK: Duration = Duration::from_millis(50);
/// The others.
const COARSE_TICK: Duration = Duration::from_secs(2);

/// A message's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) name: Box<[u8]>,
    pub(crate) in_new: bool,
}

impl Found {
    pub(crate) fn base(&self) -> &[u8] {
        filename::base(&self.name)
    }
}

/// Where a message's file is.
pub(crate) fn path_of(folder: &Folder, name: &[u8], in_new: bool) -> PathBuf {
    folder.part(in_new).join(OsStr::from_bytes(name))
}

/// The messages in `new/` or `cur/`: regular files only, symbolic links and folders never.
pub(crate) fn scan(folder: &Folder, in_new: bool, found: &mut Vec<Found>) -> Result<()> {
    let path = folder.part(in_new);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound && folder.path.is_dir() => return Ok(()),
        Err(error) => return Err(io("read", &path)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(io("read", &path))?;
        let name = entry.file_name().into_vec();
        if !filename::is_message(&name) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_file() => {}
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            _ => {
                tracing::debug!(path = %entry.path().display(), "not a message: passed over");
                continue;
            }
        }
        if found.len() >= MAX_MESSAGES {
            return Err(Error::Limit("Mailbox has too many messages"));
        }
        found.push(Found { name: name.into(), in_new });
    }
    Ok(())
}

/// A folder's time, and whether it can tell of a change since it was looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    modified: Option<(i64, i64)>,
    looked: SystemTime,
    /// The last change was this session's own, under the lock.
    own: bool,
}

impl Stamp {
    /// Reads the folder's time: before scanning it, or after changing it.
    pub(crate) fn of(path: &Path, own: bool) -> Self {
        let meta = std::fs::metadata(path).ok();
        let modified = meta.map(|meta| (meta.mtime(), meta.mtime_nsec()));
        Self { modified, looked: SystemTime::now(), own }
    }

    /// Whether nothing can have changed between the two looks. A folder's time moves in ticks: what
    /// changes in the tick of the look doesn't show, so a look that was too soon doesn't count. After
    /// an own change it counts for two seconds, as Dovecot has it.
    pub(crate) fn is_settled(&self, now: &Self) -> bool {
        let (Some(then), Some(same)) = (self.modified, now.modified) else { return false };
        if then != same {
            return false;
        }
        let tick = if then.1 == 0 { COARSE_TICK } else { FINE_TICK };
        let seconds = u64::try_from(then.0).unwrap_or(0);
        let nanos = u32::try_from(then.1).unwrap_or(0);
        let changed = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
        let after = |moment: SystemTime| moment.duration_since(changed).unwrap_or_default();
        after(self.looked) >= tick || (self.own && after(now.looked) < COARSE_TICK)
    }

    /// Whether both show the same time.
    pub(crate) fn same_time(&self, other: &Self) -> bool {
        self.modified.is_some() && self.modified == other.modified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::MailboxName;

    #[test]
    fn only_regular_files() {
        let dir = tempfile::tempdir().expect("dir");
        let folder = Folder { name: MailboxName::inbox(), path: dir.path().to_owned() };
        let cur = folder.cur();
        let mut found = Vec::new();
        scan(&folder, false, &mut found).expect("no cur yet");
        std::fs::create_dir(&cur).expect("cur");
        for name in ["good:2,S", ".hidden", "a\nb"] {
            std::fs::write(cur.join(name), "").expect("write");
        }
        std::fs::create_dir(cur.join("folder")).expect("mkdir");
        std::os::unix::fs::symlink("/etc/passwd", cur.join("link")).expect("symlink");
        scan(&folder, false, &mut found).expect("scan");
        assert_eq!(found, [Found { name: (*b"good:2,S").into(), in_new: false }]);
    }

    #[test]
    fn a_look_in_the_tick_of_the_change_is_not_believed() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let stamp = |looked, own| Stamp { modified: Some((10, 1)), looked: at(looked), own };
        assert!(stamp(10_100, false).is_settled(&stamp(10_200, false)));
        assert!(!stamp(10_010, false).is_settled(&stamp(10_200, false)));
        assert!(stamp(10_010, true).is_settled(&stamp(10_200, false)));
        assert!(!stamp(10_010, true).is_settled(&stamp(12_200, false)));
        let other = Stamp { modified: Some((10, 2)), looked: at(20_000), own: false };
        assert!(!stamp(10_100, false).is_settled(&other));
    }
}
