//! Making mailboxes' folders, durably, and cleaning up what crashes left.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::folder::{Folder, TRASH, mode_of};
use crate::Result;
use crate::error::io;
use crate::fs::{Fs, Mode, SyncPoint};

/// For `…/DOMAIN/USER/Maildir`: what lies above must exist, so that mail doesn't go into the empty
/// folder of a disk that isn't there.
const MAX_MISSING_ABOVE: usize = 3;
/// A folder younger than this may have been made by a process that died before syncing it.
const YOUNG: Duration = Duration::from_secs(60);
/// `tmp/` is looked through so often, by its time of access.
const TMP_SCAN_EVERY: Duration = Duration::from_secs(7 * 24 * 3600);
/// Nothing is written for longer.
const TMP_LEFT_OVER: Duration = Duration::from_secs(36 * 3600);
/// A trash that nobody finished to empty.
const TRASH_LEFT_OVER: Duration = Duration::from_secs(3600);

/// Makes INBOX's folder and the user's missing folders above it.
pub(crate) fn make_inbox(fs: &dyn Fs, root: &Path) -> Result<()> {
    let missing: Vec<&Path> = root.ancestors().take_while(|path| !path.is_dir()).collect();
    if missing.len() > MAX_MISSING_ABOVE {
        let source = std::io::Error::from(ErrorKind::NotFound);
        return Err(io("make a mailbox: too much is missing above", root)(source));
    }
    for path in missing.into_iter().rev() {
        let above = path.parent().unwrap_or(Path::new("/"));
        // Only a setgid folder says that its mode is meant for what is below.
        let setgid = std::fs::metadata(above).is_ok_and(|meta| meta.mode() & 0o2000 != 0);
        let private = Mode { file: 0o600, folder: 0o700, group: None };
        let mode = if setgid { mode_of(above) } else { private };
        tolerate(fs.make_folder(path, mode), ErrorKind::AlreadyExists).map_err(io("make", path))?;
        fs.sync_folder(above, SyncPoint::MadeFolder).map_err(io("sync", above))?;
    }
    make_parts(fs, root)
}

/// Makes a mailbox beside INBOX. False if it is there.
pub(crate) fn make_mailbox(fs: &dyn Fs, root: &Path, folder: &Folder) -> Result<bool> {
    match fs.make_folder(&folder.path, mode_of(root)) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(io("make", &folder.path)(error)),
    }
    make_parts(fs, &folder.path)?;
    fs.sync_folder(root, SyncPoint::MadeFolder).map_err(io("sync", root))?;
    Ok(true)
}

/// Makes what is missing inside a mailbox's folder.
pub(crate) fn make_parts(fs: &dyn Fs, folder: &Path) -> Result<()> {
    let mode = mode_of(folder);
    for part in ["cur", "new", "tmp"] {
        let path = folder.join(part);
        tolerate(fs.make_folder(&path, mode), ErrorKind::AlreadyExists)
            .map_err(io("make", &path))?;
    }
    let mark = folder.join("maildirfolder");
    tolerate(fs.create(&mark, mode).map(drop), ErrorKind::AlreadyExists)
        .map_err(io("create", &mark))?;
    fs.sync_folder(folder, SyncPoint::MadeFolder).map_err(io("sync", folder))
}

/// Syncs what leads to a mailbox whose folder was made a moment ago, maybe by somebody who died
/// over it: mail must not be durable in a folder that isn't.
pub(crate) fn confirm_young(fs: &dyn Fs, root: &Path, folder: &Folder) -> Result<()> {
    let Some(birth) = young(&folder.path).filter(|birth| !is_confirmed(birth)) else {
        return Ok(());
    };
    let above = root.ancestors().take(MAX_MISSING_ABOVE + 1);
    for path in std::iter::once(folder.path.as_path()).chain(above) {
        match fs.sync_folder(path, SyncPoint::MadeFolder) {
            // Somebody else's, whom we may pass only: what he made in it a moment ago is on disk once
            // everything is.
            Err(error) if error.kind() == ErrorKind::PermissionDenied && path != folder.path => {
                sync_file_system(&folder.path).map_err(io("sync the file system of", path))?;
                break;
            }
            result => result.map_err(io("sync", path))?,
        }
        if path != folder.path && young(path).is_none() {
            break; // its own entry is old
        }
    }
    let mut confirmed = CONFIRMED.lock().unwrap_or_else(PoisonError::into_inner);
    if confirmed.len() >= MAX_CONFIRMED {
        confirmed.clear();
    }
    confirmed.insert(birth);
    Ok(())
}

fn sync_file_system(of: &Path) -> std::io::Result<()> {
    let folder = std::fs::File::open(of)?;
    nix::unistd::syncfs(&folder).map_err(Into::into)
}

/// A folder's device, number and time of birth: these are never the same again.
type Birth = (u64, u64, SystemTime);
/// Folders that this process confirmed, so that it does so once.
static CONFIRMED: Mutex<BTreeSet<Birth>> = Mutex::new(BTreeSet::new());
const MAX_CONFIRMED: usize = 4096;

/// `None` if the folder isn't young, or the file system doesn't tell.
fn young(path: &Path) -> Option<Birth> {
    let meta = std::fs::metadata(path).ok()?;
    let made = meta.created().ok()?;
    let age = SystemTime::now().duration_since(made).ok()?;
    (age < YOUNG).then_some((meta.dev(), meta.ino(), made))
}

fn is_confirmed(birth: &Birth) -> bool {
    CONFIRMED.lock().unwrap_or_else(PoisonError::into_inner).contains(birth)
}

fn tolerate(result: std::io::Result<()>, kind: ErrorKind) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        other => other,
    }
}

/// Removes what crashes left in `tmp/`, if that wasn't looked at for long.
pub(crate) fn clean_tmp(folder: &Folder, now: SystemTime) {
    let tmp = folder.tmp();
    let Ok(meta) = std::fs::metadata(&tmp) else { return };
    let Ok(accessed) = meta.accessed() else { return };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(meta.ctime().unsigned_abs());
    let since = |time: SystemTime| now.duration_since(time).unwrap_or_default();
    let unused = accessed.duration_since(changed).is_ok_and(|after| after > TMP_LEFT_OVER);
    if since(accessed) < TMP_SCAN_EVERY || unused {
        return;
    }
    for entry in std::fs::read_dir(&tmp).into_iter().flatten().flatten() {
        // DirEntry::metadata doesn't follow links.
        let Ok(meta) = entry.metadata() else { continue };
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(meta.ctime().unsigned_abs());
        if !meta.is_dir() && since(changed) > TMP_LEFT_OVER {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    // Reading a folder may not move its time of access (relatime): say that it was looked at.
    if let Ok(folder) = std::fs::File::open(&tmp) {
        let times = std::fs::FileTimes::new().set_accessed(now);
        let _ = folder.set_times(times);
    }
}

/// Removes a trash that a crash left.
pub(crate) fn clean_trash(root: &Path, now: SystemTime) {
    let trash = root.join(TRASH);
    let Ok(meta) = std::fs::symlink_metadata(&trash) else { return };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(meta.ctime().unsigned_abs());
    if now.duration_since(changed).is_ok_and(|age| age > TRASH_LEFT_OVER) {
        remove(&trash);
    }
}

/// Removes a folder with all that is in it. Links are removed, never followed.
pub(crate) fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "can't remove a deleted mailbox");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;
    use mailbox::MailboxName;

    #[test]
    fn makes_three_levels_and_no_more() {
        let dir = tempfile::tempdir().expect("dir");
        let deep = dir.path().join("a/b/c/Maildir");
        assert!(make_inbox(&Disk, &deep).is_err());
        assert!(!dir.path().join("a").exists());
        let root = dir.path().join("domain/user/Maildir");
        make_inbox(&Disk, &root).expect("three levels");
        make_inbox(&Disk, &root).expect("again");
        let mode = std::fs::metadata(&root).expect("made").mode();
        assert_eq!(mode & 0o7777, 0o700);
        for part in ["cur", "new", "tmp", "maildirfolder"] {
            assert!(root.join(part).exists(), "{part}");
        }
        let name = MailboxName::parse("A/B", '/').expect("name");
        let folder = Folder::of(&root, &name).expect("folder");
        assert!(make_mailbox(&Disk, &root, &folder).expect("new"));
        assert!(!make_mailbox(&Disk, &root, &folder).expect("there"));
        confirm_young(&Disk, &root, &folder).expect("synced");
    }

    #[test]
    fn tmp_is_cleaned_when_it_is_time() {
        let dir = tempfile::tempdir().expect("dir");
        make_parts(&Disk, dir.path()).expect("parts");
        let folder = Folder { name: MailboxName::inbox(), path: dir.path().to_owned() };
        let file = folder.tmp().join("x");
        std::fs::write(&file, "").expect("write");
        clean_tmp(&folder, SystemTime::now());
        assert!(file.exists());
        let later = SystemTime::now() + TMP_SCAN_EVERY + Duration::from_secs(10);
        clean_tmp(&folder, later);
        assert!(!file.exists());
        std::fs::write(&file, "").expect("write");
        clean_tmp(&folder, later);
        assert!(file.exists(), "looked at a moment ago");
    }
}
