//! The folder where a daemon's copies are, written so that a reader sees the old file or the new
//! one, whole, and nobody leads the writer elsewhere.
//!
//! Every step goes from an open folder to what lies in it and follows no symbolic link; folders
//! that somebody else owns or may write in are refused.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Gid, UnlinkatFlags, fchown, unlinkat};

/// How long another run of the same command may hold the folder.
const LOCK_PATIENCE: Duration = Duration::from_secs(90);
/// How often to ask whether it still does.
const LOCK_ASK: Duration = Duration::from_millis(100);
/// A copy, read to see whether it is still right: certificate and key, and a line end between.
const MAX_COPY: u64 = 2 * daemon::tls::MAX_PEM + 1;

const FOLDER: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);
const FILE: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_CLOEXEC);

/// The folder of all copies, held against other runs while this lives.
#[derive(Debug)]
pub(super) struct Base {
    path: PathBuf,
    folder: File,
}

/// One daemon's folder in it.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    folder: File,
    group: u32,
}

impl Base {
    /// Opens the folder, makes it if it isn't there, and waits until no other run holds it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let is_new = std::fs::symlink_metadata(path).is_err();
        if is_new {
            std::fs::create_dir_all(path)?;
        }
        let folder = File::from(open(path, FOLDER, Mode::empty()).map_err(plain)?);
        if is_new {
            // Daemons go through it to their own, whatever our umask is.
            fchmod(&folder, Mode::from_bits_truncate(0o755))?;
        }
        ours_alone(&folder)?;
        let deadline = Instant::now() + LOCK_PATIENCE;
        while let Err(error) = folder.try_lock() {
            match error {
                std::fs::TryLockError::WouldBlock if Instant::now() < deadline => {
                    std::thread::sleep(LOCK_ASK);
                }
                std::fs::TryLockError::WouldBlock => {
                    return Err(io::Error::other("another `dovetail tls copy` holds it"));
                }
                std::fs::TryLockError::Error(error) => return Err(error),
            }
        }
        Ok(Self { path: path.to_owned(), folder })
    }

    /// Opens a daemon's folder in it; makes it, for root and this group alone, if it isn't there.
    pub(super) fn place(&self, daemon: &str, group: u32) -> io::Result<Place> {
        match mkdirat(&self.folder, daemon, Mode::from_bits_truncate(0o700)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        let folder =
            File::from(openat(&self.folder, daemon, FOLDER, Mode::empty()).map_err(plain)?);
        ours_alone(&folder)?;
        let found = folder.metadata()?;
        if found.gid() != group || found.mode() & 0o777 != 0o750 {
            fchown(&folder, None, Some(Gid::from_raw(group)))?;
            fchmod(&folder, Mode::from_bits_truncate(0o750))?;
        }
        Ok(Place { path: self.path.join(daemon), folder, group })
    }
}

impl Place {
    /// Where a copy is.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.path.join(file)
    }

    /// Writes a copy if it isn't there just so; gives whether it had to.
    pub(super) fn write(&self, file: &str, content: &[u8]) -> io::Result<bool> {
        if self.is_there(file, content)? {
            return Ok(false);
        }
        let new = format!(".{file}.new");
        // What an earlier run left when it was killed.
        match unlinkat(&self.folder, new.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = FILE | OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let opened = openat(&self.folder, new.as_str(), flags, Mode::from_bits_truncate(0o600))?;
        let mut out = File::from(opened);
        out.write_all(content)?;
        fchown(&out, None, Some(Gid::from_raw(self.group)))?;
        fchmod(&out, Mode::from_bits_truncate(0o640))?;
        out.sync_all()?;
        renameat(&self.folder, new.as_str(), &self.folder, file)?;
        self.folder.sync_all()?;
        Ok(true)
    }

    /// Whether the copy is there with this content, group and mode.
    fn is_there(&self, file: &str, content: &[u8]) -> io::Result<bool> {
        let opened: OwnedFd =
            match openat(&self.folder, file, FILE | OFlag::O_RDONLY, Mode::empty()) {
                Ok(opened) => opened,
                Err(Errno::ENOENT) => return Ok(false),
                Err(error) => return Err(plain(error)),
            };
        let there = File::from(opened);
        let found = there.metadata()?;
        let mut octets = Vec::new();
        there.take(MAX_COPY + 1).read_to_end(&mut octets)?;
        Ok(octets == content && found.gid() == self.group && found.mode() & 0o777 == 0o640)
    }
}

/// Whoever else could write in the folder could have the next reader read what they like.
fn ours_alone(folder: &File) -> io::Result<()> {
    let found = folder.metadata()?;
    let own = nix::unistd::geteuid().as_raw();
    if found.uid() != own {
        return Err(io::Error::other(format!("belongs to uid {}, not to {own}", found.uid())));
    }
    if found.mode() & 0o022 != 0 {
        return Err(io::Error::other("others may write in it: chmod go-w"));
    }
    Ok(())
}

/// What O_NOFOLLOW answers isn't what an operator would understand.
fn plain(error: Errno) -> io::Error {
    match error {
        Errno::ELOOP => io::Error::other("is a symbolic link, which is not followed: remove it"),
        Errno::ENOTDIR => io::Error::other("is no folder, or a link to one: remove it"),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn base(dir: &Path) -> io::Result<Base> {
        Base::open(&dir.join("tls"))
    }

    #[test]
    fn writes_once_and_mends_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let group = daemon::users::own_ids().1;
        let place = base(dir.path()).unwrap().place("smtpd", group).unwrap();
        assert!(place.write("a.pem", b"one").unwrap());
        assert!(!place.write("a.pem", b"one").unwrap());
        let file = dir.path().join("tls/smtpd/a.pem");
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o640, 0o750));
        // A run that was killed left a half one.
        std::fs::write(dir.path().join("tls/smtpd/.a.pem.new"), "half").unwrap();
        assert!(place.write("a.pem", b"two").unwrap());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(place.write("a.pem", b"two").unwrap());
        assert_eq!(mode(&file), 0o640);
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn links_lead_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let group = daemon::users::own_ids().1;
        let aside = dir.path().join("aside");
        std::fs::create_dir(&aside).unwrap();
        std::fs::write(aside.join("precious"), "kept").unwrap();
        let held = base(dir.path()).unwrap();
        symlink(&aside, dir.path().join("tls/imapd")).unwrap();
        assert!(held.place("imapd", group).unwrap_err().to_string().contains("link"));
        let place = held.place("smtpd", group).unwrap();
        symlink(aside.join("precious"), place.path("a.pem")).unwrap();
        assert!(place.write("a.pem", b"x").unwrap_err().to_string().contains("symbolic link"));
        symlink(aside.join("precious"), place.path(".b.pem.new")).unwrap();
        assert!(place.write("b.pem", b"x").unwrap());
        assert_eq!(std::fs::read(aside.join("precious")).unwrap(), b"kept");
        drop(held);
        std::fs::set_permissions(dir.path().join("tls"), PermissionsExt::from_mode(0o777)).unwrap();
        assert!(base(dir.path()).unwrap_err().to_string().contains("others may write"));
    }
}
