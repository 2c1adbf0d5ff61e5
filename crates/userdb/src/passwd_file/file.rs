//! Files on disk: found by a template, kept in memory, read again when they changed.

use std::collections::HashMap;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::Table;
use crate::scheme::Scheme;
use crate::{Owners, PathError, SystemOwners, Template, Values};

/// The largest file that is read, in bytes.
pub const MAX_FILE_OCTETS: u64 = 256 * 1024 * 1024;

/// How many files a template with variables keeps in memory.
const MAX_KEPT_FILES: usize = 1024;

/// A file changed less than this ago may change again without its times showing it (they tick
/// with the kernel's clock, some milliseconds at a time): what was read counts for one look-up.
const SETTLING: Duration = Duration::from_millis(100);

/// How many dropped lines are logged for one file.
const LOGGED_PROBLEMS: usize = 20;

/// A file that can't be read: the look-up fails for now, and nobody is unknown.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a plain file, or too large.
    #[error("{}: not a plain file of at most {MAX_FILE_OCTETS} bytes", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The user's name doesn't fit the path.
    #[error(transparent)]
    Path(#[from] PathError),
}

/// A passwd-file, or one for each domain where the path has variables.
#[derive(Debug)]
pub struct PasswdFile {
    path: Template,
    default: Scheme,
    owners: bool,
    kept: Mutex<HashMap<PathBuf, Kept>>,
}

#[derive(Debug)]
struct Kept {
    stamp: Stamp,
    settled: bool,
    table: Arc<Table>,
}

/// What tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl PasswdFile {
    /// A file that is found by `path`. `owners`: uid and gid fields count, because users are
    /// looked up in it.
    #[must_use]
    pub fn new(path: Template, default: Scheme, owners: bool) -> Self {
        Self { path, default, owners, kept: Mutex::new(HashMap::new()) }
    }

    /// The path's template.
    #[must_use]
    pub const fn path(&self) -> &Template {
        &self.path
    }

    /// The users of the file that these values lead to; `None` when there is no such file, or the
    /// name would climb out of its folder: nobody is known there.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn table(&self, values: &Values<'_>) -> Result<Option<Arc<Table>>, FileError> {
        let path = match self.path.expand_path(values) {
            Ok(path) => path,
            Err(error) => {
                tracing::info!(user = values.user, %error, "no password file for this name");
                return Ok(None);
            }
        };
        match self.current(&path) {
            Err(FileError::Io { source, .. }) if missing(&source) => {
                self.lock().remove(&path);
                tracing::info!(path = %path.display(), "no such password file: its users are unknown");
                Ok(None)
            }
            other => other.map(Some),
        }
    }

    /// A typical stored password of any file that is kept.
    #[must_use]
    pub fn typical(&self) -> Option<String> {
        self.lock().values().find_map(|kept| kept.table.typical().map(str::to_owned))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self, path: &Path) -> Result<Arc<Table>, FileError> {
        let io = |source| FileError::Io { path: path.into(), source };
        let stamp = Stamp::of(&fs::metadata(path).map_err(io)?);
        if let Some(kept) = self.lock().get(path)
            && kept.settled
            && kept.stamp == stamp
        {
            return Ok(Arc::clone(&kept.table));
        }
        let fresh = self.read(path)?;
        let table = Arc::clone(&fresh.table);
        let mut kept = self.lock();
        let before = kept.get(path).map(|kept| kept.stamp);
        if before != Some(fresh.stamp) {
            report(path, &table);
        }
        if kept.len() >= MAX_KEPT_FILES && before.is_none() {
            kept.clear();
        }
        kept.insert(path.into(), fresh);
        Ok(table)
    }

    fn read(&self, path: &Path) -> Result<Kept, FileError> {
        let io = |source| FileError::Io { path: path.into(), source };
        // Opening a pipe would wait for a writer.
        if !fs::metadata(path).map_err(io)?.is_file() {
            return Err(FileError::NotAFile { path: path.into() });
        }
        let file = File::open(path).map_err(io)?;
        let meta = file.metadata().map_err(io)?;
        let mut bytes = Vec::new();
        // One byte more than allowed shows a file that grew meanwhile.
        file.take(MAX_FILE_OCTETS + 1).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > MAX_FILE_OCTETS {
            return Err(FileError::NotAFile { path: path.into() });
        }
        let mut owners = SystemOwners::default();
        let owners = self.owners.then_some(&mut owners as &mut dyn Owners);
        let table = Arc::new(Table::parse(&bytes, self.default, owners));
        Ok(Kept { stamp: Stamp::of(&meta), settled: settled(&meta), table })
    }
}

/// Not there, or a part of the path isn't a folder.
fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn settled(meta: &Metadata) -> bool {
    let seconds = u64::try_from(meta.ctime()).unwrap_or_default();
    let nanos = u32::try_from(meta.ctime_nsec()).unwrap_or_default();
    let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos));
    let Some(changed) = changed else { return true };
    match SystemTime::now().duration_since(changed) {
        Ok(age) => age > SETTLING,
        // A time to come, far off: the clock was set back, and waiting wouldn't help.
        Err(ahead) => ahead.duration() > SETTLING,
    }
}

fn report(path: &Path, table: &Table) {
    let path = path.display();
    for problem in table.problems.iter().take(LOGGED_PROBLEMS) {
        tracing::warn!(%path, line = problem.line, "line dropped: {}", problem.what);
    }
    let more = table.problems.len().saturating_sub(LOGGED_PROBLEMS);
    if more > 0 {
        tracing::warn!(%path, "{more} more lines dropped");
    }
    tracing::info!(%path, users = table.len(), "password file read");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(file: &PasswdFile, user: &str) -> Result<Option<usize>, FileError> {
        Ok(file.table(&Values::of_user(user))?.map(|table| table.len()))
    }

    fn passwd_file(path: &Path) -> PasswdFile {
        PasswdFile::new(Template::literal(path.to_str().unwrap()), Scheme::Crypt, true)
    }

    #[test]
    fn a_change_of_equal_size_is_seen_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let file = passwd_file(&path);
        for round in 0..50 {
            fs::write(&path, format!("u{round:02}:x")).unwrap();
            let table = file.table(&Values::of_user("u")).unwrap().unwrap();
            assert!(table.get(&format!("u{round:02}")).is_some(), "{round}");
        }
    }

    #[test]
    fn an_unchanged_file_is_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        fs::write(&path, "a:x").unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let file = passwd_file(&path);
        let table = || file.table(&Values::of_user("a")).unwrap().unwrap();
        // The change time can't be set: wait until it is old enough, by looking.
        while !settled(&fs::metadata(&path).unwrap()) {
            std::thread::yield_now();
        }
        assert!(Arc::ptr_eq(&table(), &table()));
        let other = folder.path().join("other");
        fs::write(&other, "b:x").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(table().get("b").is_some());
    }

    #[test]
    fn a_missing_file_knows_nobody_and_an_unreadable_one_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        assert!(matches!(users(&passwd_file(&path), "a"), Ok(None)));
        fs::create_dir(&path).unwrap();
        assert!(matches!(users(&passwd_file(&path), "a"), Err(FileError::NotAFile { .. })));
        fs::write(folder.path().join("plain"), "").unwrap();
        assert!(matches!(users(&passwd_file(&folder.path().join("plain/users")), "a"), Ok(None)));
        let looped = folder.path().join("loop");
        std::os::unix::fs::symlink(&looped, &looped).unwrap();
        assert!(matches!(users(&passwd_file(&looped), "a"), Err(FileError::Io { .. })));
    }

    #[test]
    fn one_file_a_domain_and_no_climbing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("domains");
        fs::create_dir_all(root.join("x.test")).unwrap();
        fs::write(root.join("x.test/passwd"), "a@x.test:x").unwrap();
        fs::write(folder.path().join("passwd"), "b@..:x").unwrap();
        let template = format!("{}/%d/passwd", root.display());
        let file = PasswdFile::new(Template::parse(&template).unwrap(), Scheme::Crypt, true);
        assert!(matches!(users(&file, "a@x.test"), Ok(Some(1))));
        assert!(matches!(users(&file, "a@y.test"), Ok(None)));
        assert!(matches!(users(&file, "b@.."), Ok(None)));
        assert!(matches!(users(&file, "b"), Ok(None)));
    }
}
