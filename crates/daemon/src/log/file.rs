//! Files, one or split by level as Dovecot's log_path, info_log_path and debug_log_path.
//!
//! Each is opened for appending, so that several may name one file and `copytruncate` works. After
//! logrotate renamed one, lines go on into the renamed one until SIGUSR1: none is lost.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use tracing::Level;

use super::settings::Files;
use super::target::{Record, Target};
use crate::error::Error;

/// Access bits of a log file that we make.
const FILE_MODE: u32 = 0o640;

struct Open {
    path: PathBuf,
    file: File,
}

/// The files that are open: warnings and errors, info, debug.
pub(super) struct FileTarget {
    open: Vec<Open>,
    /// Which of them each of the three goes to.
    main: usize,
    info: usize,
    debug: usize,
}

impl FileTarget {
    /// Opens them. A file that root makes is given to `owner`, so that the daemon can open it again
    /// when it is no longer root.
    pub(super) fn open(files: &Files, owner: (u32, u32)) -> Result<Self, Error> {
        let mut open: Vec<Open> = Vec::new();
        let mut place = |path: &Path| -> Result<usize, Error> {
            if let Some(at) = open.iter().position(|one| one.path == path) {
                return Ok(at);
            }
            let file = open_own(path, owner).map_err(|error| Error::file(path, error))?;
            open.push(Open { path: path.into(), file });
            Ok(open.len() - 1)
        };
        let main = files.main.as_deref().ok_or_else(|| Error::other("log.file isn't set"))?;
        let main = place(main)?;
        let info = files.info.as_deref().map(&mut place).transpose()?.unwrap_or(main);
        let debug = files.debug.as_deref().map(&mut place).transpose()?.unwrap_or(info);
        Ok(Self { open, main, info, debug })
    }
}

impl Target for FileTarget {
    fn write(&mut self, record: &Record, _: bool) -> io::Result<()> {
        let at = match record.level {
            Level::ERROR | Level::WARN => self.main,
            Level::INFO => self.info,
            Level::DEBUG | Level::TRACE => self.debug,
        };
        let gone = || io::Error::other("no such log file is open");
        self.open.get_mut(at).ok_or_else(gone)?.file.write_all(&record.bytes)
    }

    fn reopen(&mut self) -> Vec<String> {
        let mut failed = Vec::new();
        for open in &mut self.open {
            match append(&open.path) {
                Ok(file) => open.file = file,
                // The old file goes on: better a line in the wrong file than none.
                Err(error) => failed.push(format!("{}: {error}", open.path.display())),
            }
        }
        failed
    }
}

fn open_own(path: &Path, owner: (u32, u32)) -> io::Result<File> {
    let file = append(path)?;
    if crate::users::own_ids().0 == 0 {
        fchown(&file, Some(owner.0), Some(owner.1))?;
    }
    Ok(file)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}
