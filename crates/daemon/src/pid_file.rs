//! The pid file: the process's number, locked while it lives, so that a second one of the same name is
//! refused and a file that a crash left is taken over.
//!
//! `$RUNTIME_DIRECTORY/NAME.pid` under systemd, else what the key `pid_file` says, else none.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::config::Config;
use crate::error::Error;

/// Times that the file may be replaced under our hands, by one that just ends, before we give up.
const TRIES: usize = 5;

/// Ours, until it is dropped.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    file: Flock<File>,
}

impl PidFile {
    /// Writes it, if there is to be one; before privileges are dropped.
    pub(crate) fn write(name: &str, config: &Config) -> Result<Option<Self>, Error> {
        // systemd lists several folders with colons between them; the first is our own.
        let run = std::env::var("RUNTIME_DIRECTORY").unwrap_or_default();
        let run = run.split(':').next().filter(|path| path.starts_with('/'));
        let path = match run {
            Some(run) => Some(Path::new(run).join(format!("{name}.pid"))),
            None => config.opt_path("pid_file").map(Path::to_owned),
        };
        path.map(|path| Self::create(path, std::process::id())).transpose()
    }

    fn create(path: PathBuf, pid: u32) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::file(&path, error);
        for _ in 0..TRIES {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let opened = options.mode(0o644).custom_flags(nix::libc::O_NOFOLLOW).open(&path);
            let mut file =
                match Flock::lock(opened.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
                    Ok(file) => file,
                    Err((file, nix::errno::Errno::EWOULDBLOCK)) => return Err(held(&path, &file)),
                    Err((_, errno)) => return Err(failed(errno.into())),
                };
            if !is_still_there(&path, &file) {
                continue;
            }
            let write = |file: &mut File| {
                file.set_len(0)?;
                file.set_permissions(Permissions::from_mode(0o644))?;
                writeln!(file, "{pid}")
            };
            write(&mut file).map_err(failed)?;
            return Ok(Self { path, file });
        }
        Err(Error::other(format!("pid file {}: others keep replacing it", path.display())))
    }
}

/// What we locked may be a file that its process has just removed.
fn is_still_there(path: &Path, file: &File) -> bool {
    match (std::fs::symlink_metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => there.dev() == ours.dev() && there.ino() == ours.ino(),
        _ => false,
    }
}

fn held(path: &Path, mut file: &File) -> Error {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    let pid: String = text.trim().chars().filter(char::is_ascii_digit).take(10).collect();
    let path = path.display();
    Error::other(format!("pid file {path}: the process {pid} runs already under this name"))
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A folder of root's doesn't let us remove it after privileges were dropped: empty it says that
        // nobody is there, too.
        if std::fs::remove_file(&self.path).is_err() {
            let _ = self.file.set_len(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_a_dead_ones_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("echod.pid");
        std::fs::write(&path, "99999999999\nleft by a crash").unwrap();
        let first = PidFile::create(path.clone(), 17).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "17\n");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        let error = PidFile::create(path.clone(), 18).unwrap_err().to_string();
        assert!(error.contains("the process 17 runs already"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "17\n");
        drop(first);
        assert!(!path.exists());
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(PidFile::create(path, 19).is_err(), "a link isn't followed");
        assert!(!dir.path().join("elsewhere").exists());
    }
}
