//! [`Fs`] on a real folder.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::fs::{Folder, Fs, FsFile, Site};

/// A spool's folder on disk, locked for this process.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    /// Held for its flock: one process a spool.
    _lock: File,
}

impl Disk {
    /// Opens the folder, makes it (mode 0700) if it is missing, and locks it.
    ///
    /// # Errors
    /// As the system gives them; `WouldBlock` if another process has the lock.
    pub fn open(root: &Path) -> io::Result<Self> {
        if !root.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(root)?;
            if let Some(parent) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
                File::open(parent)?.sync_all()?;
            }
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(root.join("lock"))?;
        lock.try_lock().map_err(io::Error::from)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    fn path(&self, folder: Folder, name: &str) -> PathBuf {
        self.root.join(folder.name()).join(name)
    }
}

impl Fs for Disk {
    type File = DiskFile;

    fn make_folder(&self, folder: Folder) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.root.join(folder.name())) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    }

    fn create(&self, folder: Folder, name: &str) -> io::Result<DiskFile> {
        let path = self.path(folder, name);
        let options =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
        Ok(DiskFile { file: options, end: 0 })
    }

    fn open(&self, folder: Folder, name: &str) -> io::Result<DiskFile> {
        let file = File::open(self.path(folder, name))?;
        let end = file.metadata()?.len();
        Ok(DiskFile { file, end })
    }

    fn rename(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()> {
        std::fs::rename(self.path(from.0, from.1), self.path(to.0, to.1))
    }

    fn rename_new(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()> {
        let (old, new) = (self.path(from.0, from.1), self.path(to.0, to.1));
        match renameat2(AT_FDCWD, &old, AT_FDCWD, &new, RenameFlags::RENAME_NOREPLACE) {
            // A file system without the flag: a link never replaces either.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                std::fs::hard_link(&old, &new)?;
                std::fs::remove_file(&old)
            }
            other => other.map_err(io::Error::from),
        }
    }

    fn remove(&self, folder: Folder, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(folder, name))
    }

    fn sync_folder(&self, folder: Folder, _site: Site) -> io::Result<()> {
        File::open(self.root.join(folder.name()))?.sync_all()
    }

    fn list(
        &self,
        folder: Folder,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> io::Result<()> {
        for entry in std::fs::read_dir(self.root.join(folder.name()))? {
            // Our own names are ASCII; another one can't be ours.
            if let Some(name) = entry?.file_name().to_str()
                && each(name).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        let figures = nix::sys::statvfs::statvfs(&self.root).map_err(io::Error::from)?;
        // Blocks for ordinary users: root's reserve is not ours to fill.
        Ok(figures.blocks_available().saturating_mul(figures.fragment_size()))
    }
}

/// An open file of a [`Disk`].
#[derive(Debug)]
pub struct DiskFile {
    file: File,
    /// Where the next append goes.
    end: u64,
}

impl FsFile for DiskFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.end)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self, _site: Site) -> io::Result<()> {
        self.file.sync_all()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}
