//! Every file operation that changes something, through one narrow trait.
//!
//! The store's promise is about power cuts, so a test must be able to stand between it and the disk:
//! it records the operations, builds each state that a crash may leave, and looks whether anything
//! acknowledged is lost. Reading needs no trait: the model's states are real folders.

use std::ffi::CString;
use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};
use nix::sys::stat::{self, umask};

/// Each place where the store syncs, by what would be lost without it. The crash test leaves one out
/// after another and must notice every time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SyncPoint {
    /// A message's content, before its file gets its name.
    Message,
    /// `new/` or `cur/` after a delivered message got its name.
    Delivered,
    /// `new/` or `cur/` after an appended message got its name.
    Appended,
    /// `new/` or `cur/` after messages were copied in.
    Copied,
    /// `new/` or `cur/` after flags changed names.
    Flags,
    /// `new/` or `cur/` after messages were removed.
    Expunged,
    /// UIDs put at the end of `dovecot-uidlist`.
    UidlistAppend,
    /// UIDs that another process wrote and may not have synced.
    UidlistForeign,
    /// A rewritten `dovecot-uidlist`, before it gets its name.
    UidlistRewrite,
    /// Its folder, after.
    UidlistFolder,
    /// A rewritten `dovecot-keywords`, before it gets its name.
    Keywords,
    /// Its folder, after.
    KeywordsFolder,
    /// A rewritten `subscriptions`, before it gets its name.
    Subscriptions,
    /// Its folder, after.
    SubscriptionsFolder,
    /// `dovecot-uidvalidity` and the folder of its counter.
    UidValidity,
    /// A folder that got new folders inside.
    MadeFolder,
    /// The mail's root after a mailbox was renamed.
    RenamedFolder,
    /// The mail's root after a mailbox was deleted.
    DeletedFolder,
}

/// Mode bits and group of what the store makes (see [`crate::maildir`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// For files.
    pub file: u32,
    /// For folders.
    pub folder: u32,
    /// The group to give things to, where they wouldn't have it by themselves.
    pub group: Option<u32>,
}

/// The operations. No path is followed if its last part is a symbolic link.
pub trait Fs: Send + Sync + fmt::Debug {
    /// Makes a file that wasn't there, for reading and writing.
    ///
    /// # Errors
    /// As open(2) with O_CREAT and O_EXCL.
    fn create(&self, path: &Path, mode: Mode) -> io::Result<File>;

    /// Opens a file that is there, for reading and writing, at its start.
    ///
    /// # Errors
    /// As open(2) with O_NOFOLLOW.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// Writes all bytes at the file's position.
    ///
    /// # Errors
    /// As write(2).
    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()>;

    /// Makes a file's content durable. Once it failed, the file must not be used any more: the
    /// pages may be gone, and a second call would lie.
    ///
    /// # Errors
    /// As fsync(2).
    fn sync(&self, file: &File, point: SyncPoint) -> io::Result<()>;

    /// Makes a folder's entries durable.
    ///
    /// # Errors
    /// As open(2) and fsync(2).
    fn sync_folder(&self, path: &Path, point: SyncPoint) -> io::Result<()>;

    /// Renames; a file of the new name is replaced.
    ///
    /// # Errors
    /// As rename(2).
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames unless the new name is taken.
    ///
    /// # Errors
    /// As renameat2(2) with RENAME_NOREPLACE: EEXIST.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file one more name, unless that is taken.
    ///
    /// # Errors
    /// As link(2).
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    ///
    /// # Errors
    /// As unlink(2).
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder that wasn't there.
    ///
    /// # Errors
    /// As mkdir(2).
    fn make_folder(&self, path: &Path, mode: Mode) -> io::Result<()>;
}

/// The real thing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disk;

impl Fs for Disk {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<File> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode.file)
            .custom_flags(flags.bits())
            .open(path)?;
        if mode.file & 0o077 != 0 {
            // The umask must not take away what the folder's mode asks for.
            file.set_permissions(Permissions::from_mode(mode.file))?;
        }
        if let Some(group) = mode.group {
            let given = std::os::unix::fs::fchown(&file, None, Some(group));
            give_to_group(path, mode, given)?;
        }
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File, _: SyncPoint) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_folder(&self, path: &Path, _: SyncPoint) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (old, new) = (c_path(from)?, c_path(to)?);
        let flags = RenameFlags::RENAME_NOREPLACE;
        match renameat2(AT_FDCWD, old.as_c_str(), AT_FDCWD, new.as_c_str(), flags) {
            Ok(()) => Ok(()),
            // NFS and others can't: two steps that end the same.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                std::fs::hard_link(from, to)?;
                std::fs::remove_file(from)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to) // linkat without AT_SYMLINK_FOLLOW
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn make_folder(&self, path: &Path, mode: Mode) -> io::Result<()> {
        make_exactly(path, mode.folder)?;
        if let Some(group) = mode.group {
            give_to_group(path, mode, std::os::unix::fs::lchown(path, None, Some(group)))?;
        }
        Ok(())
    }
}

/// The umask is the process's: one at a time changes it.
static UMASK: Mutex<()> = Mutex::new(());

/// Makes a folder with these bits, whatever the umask. A chmod(2) afterwards would have to name the setgid
/// bit that the folder inherited, which no sandbox allows; so the umask is lifted for the moment of one
/// mkdir(2). What other threads make meanwhile has the mode that they asked for.
fn make_exactly(path: &Path, bits: u32) -> io::Result<()> {
    let make = || std::fs::DirBuilder::new().mode(bits).create(path);
    if bits & 0o077 == 0 {
        return make();
    }
    let _turn = UMASK.lock().unwrap_or_else(PoisonError::into_inner);
    let before = umask(stat::Mode::empty());
    let made = make();
    umask(before);
    made
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// A group that we may not give to is the operator's choice to see where it may do other things than
/// everybody, and no reason to refuse mail.
fn give_to_group(path: &Path, mode: Mode, result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            if (mode.file >> 3) & 7 != mode.file & 7 {
                tracing::warn!(path = %path.display(), %error, "can't give the folder's group");
            }
            Ok(())
        }
        other => other,
    }
}

/// Opens a file for reading: a regular one, and not through a symbolic link.
///
/// # Errors
/// As open(2); `InvalidInput` for anything but a regular file.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    // O_NONBLOCK: a FIFO that somebody planted must not hold us up.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))
    }
}

/// Reads a small file whole; `None` if there is none.
///
/// # Errors
/// Input and output; `InvalidData` if it is larger than `limit` octets.
pub(crate) fn read_limited(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    use io::Read as _;
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "file is too large"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn never_replaces_and_never_follows() {
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name);
        let mode = Mode { file: 0o660, folder: 0o770, group: None };
        let file = Disk.create(&at("a"), mode).expect("new");
        assert_eq!(file.metadata().expect("stat").mode() & 0o777, 0o660, "whatever the umask");
        assert!(Disk.create(&at("a"), mode).is_err());
        std::fs::write(at("b"), "b").expect("write");
        let error = Disk.rename_new(&at("b"), &at("a")).expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        Disk.rename_new(&at("b"), &at("c")).expect("free");
        std::os::unix::fs::symlink(at("c"), at("link")).expect("symlink");
        assert!(open_regular(&at("link")).is_err());
        assert!(Disk.open(&at("link")).is_err());
        assert!(Disk.create(&at("link"), mode).is_err());
        assert!(open_regular(dir.path()).is_err());
        assert!(read_limited(&at("c"), 0).is_err());
        assert_eq!(read_limited(&at("none"), 9).expect("none"), None);
    }

    #[test]
    fn folders_keep_setgid() {
        let dir = tempfile::tempdir().expect("dir");
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o2770)).expect("chmod");
        let mode = Mode { file: 0o660, folder: 0o770, group: None };
        Disk.make_folder(&dir.path().join("x"), mode).expect("mkdir");
        let made = std::fs::metadata(dir.path().join("x")).expect("stat").mode();
        assert_eq!(made & 0o7777, 0o2770);
    }

    #[test]
    fn the_umask_is_lifted_for_one_folder_alone() {
        let dir = tempfile::tempdir().expect("dir");
        let before = umask(stat::Mode::from_bits_truncate(0o077));
        let mode = Mode { file: 0o660, folder: 0o770, group: None };
        let made: Vec<u32> = std::thread::scope(|scope| {
            let make = |number: u32| {
                let path = dir.path().join(number.to_string());
                move || {
                    Disk.make_folder(&path, mode).expect("mkdir");
                    std::fs::metadata(path).expect("stat").mode() & 0o777
                }
            };
            let threads: Vec<_> = (0..8).map(|number| scope.spawn(make(number))).collect();
            threads.into_iter().map(|thread| thread.join().expect("made")).collect()
        });
        let after = umask(before);
        assert_eq!(made, [0o770; 8]);
        assert_eq!(after.bits(), 0o077);
    }
}
