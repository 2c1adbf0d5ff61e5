//! Postfix's text tables (`hash:`, `texthash:` sources), re-read when the file changes.
//!
//! A changed file that can't be read as a table leaves the old one in force and is logged with file
//! and line; a file that has vanished is a temporary failure, never "not found". Everything here
//! blocks: ask on a thread that may. Ruled by Postfix's virtual(5) and postmap(1).

pub mod alias;
pub mod local;
mod text;

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

pub use text::{Fault, Line, duplicate};

/// How large a table file may be, in octets, unless the caller says otherwise.
pub const MAX_OCTETS: u64 = 64 << 20;
/// How many entries a table may have, unless the caller says otherwise.
pub const MAX_ENTRIES: usize = 1_000_000;
/// Oddities (duplicate keys and the like) logged for one reading of a file.
const MAX_WARNINGS: usize = 20;
/// A file this young may be written again within the same tick of the kernel's clock, so it is
/// read once more at the next look.
const RACY: Duration = Duration::from_millis(100);

/// Why a table can't answer. All are temporary from a client's point of view.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file can't be opened or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The table's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than its limit.
    #[error("{}: larger than {limit} octets", path.display())]
    TooLarge {
        /// The table's file.
        path: PathBuf,
        /// The limit in octets.
        limit: u64,
    },
    /// A line is wrong.
    #[error("{}:{}: {}", path.display(), fault.line, fault.what)]
    Line {
        /// The table's file.
        path: PathBuf,
        /// The line and what is wrong with it.
        fault: Fault,
    },
}

/// How much a table may hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The file's size in octets.
    pub octets: u64,
    /// The number of entries.
    pub entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { octets: MAX_OCTETS, entries: MAX_ENTRIES }
    }
}

/// Reads one entry's value: `Ok(None)` leaves the entry out, `Err` makes the whole file wrong.
pub type ReadValue<V> = fn(key: &str, value: &str) -> Result<Option<V>, String>;

/// The entries of a table at one moment. Keys are lower case.
#[derive(Debug)]
pub struct Entries<V>(HashMap<String, V>);

impl<V> Entries<V> {
    /// The value of `key`, which the caller has folded to lower case.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&V> {
        self.0.get(key)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<V> FromIterator<(String, V)> for Entries<V> {
    fn from_iter<I: IntoIterator<Item = (String, V)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(key, value)| (key.to_lowercase(), value)).collect())
    }
}

/// A table file and what it held when it was last looked at.
pub struct Table<V> {
    path: PathBuf,
    limits: Limits,
    read_value: ReadValue<V>,
    state: Mutex<State<V>>,
}

struct State<V> {
    seen: Stamp,
    entries: Arc<Entries<V>>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// The stamp may stand for more than one content: see [`RACY`].
    racy: bool,
}

impl<V> Table<V> {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// If it is missing, too large, or has a line that is wrong.
    pub fn open(
        path: impl Into<PathBuf>,
        limits: Limits,
        read_value: ReadValue<V>,
    ) -> Result<Self, TableError> {
        let path = path.into();
        let (seen, text) = read_file(&path, limits.octets)?;
        let entries = Arc::new(read_entries(&path, &text, limits, read_value)?);
        Ok(Self { path, limits, read_value, state: Mutex::new(State { seen, entries }) })
    }

    /// The file it stands in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The entries as the file has them now; the last good ones if its new content is wrong.
    ///
    /// # Errors
    /// If the file can't be read at all.
    pub fn current(&self) -> Result<Arc<Entries<V>>, TableError> {
        let io = |source| TableError::Io { path: self.path.clone(), source };
        let found = Stamp::of(&std::fs::metadata(&self.path).map_err(io)?);
        let mut state = self.lock();
        if found.same_content(&state.seen) {
            return Ok(Arc::clone(&state.entries));
        }
        match self.read_again(&mut state) {
            Ok(()) => {}
            Err(error @ TableError::Io { .. }) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "table not read again: the old one stays in force");
            }
        }
        Ok(Arc::clone(&state.entries))
    }

    /// Takes the file's stamp even where its content is wrong, so that this is said once.
    fn read_again(&self, state: &mut State<V>) -> Result<(), TableError> {
        let (seen, text) = match read_file(&self.path, self.limits.octets) {
            Err(error @ TableError::TooLarge { .. }) => {
                if let Ok(metadata) = std::fs::metadata(&self.path) {
                    state.seen = Stamp { racy: false, ..Stamp::of(&metadata) };
                }
                return Err(error);
            }
            other => other?,
        };
        state.seen = seen;
        let entries = read_entries(&self.path, &text, self.limits, self.read_value)?;
        tracing::debug!(path = %self.path.display(), entries = entries.len(), "table read again");
        state.entries = Arc::new(entries);
        Ok(())
    }

    /// The state is whole between any two statements, so a poisoned lock is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, State<V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> std::fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let young = metadata
            .modified()
            .is_ok_and(|at| SystemTime::now().duration_since(at).is_ok_and(|age| age < RACY));
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            racy: young,
        }
    }

    fn same_content(&self, earlier: &Self) -> bool {
        !earlier.racy && Self { racy: false, ..*self } == *earlier
    }
}

/// The whole file and its stamp, taken before reading so that a later change shows.
fn read_file(path: &Path, limit: u64) -> Result<(Stamp, Vec<u8>), TableError> {
    let io = |source| TableError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(io)?;
    let stamp = Stamp::of(&file.metadata().map_err(io)?);
    let mut content = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(io)?;
    if content.len() as u64 > limit {
        return Err(TableError::TooLarge { path: path.to_owned(), limit });
    }
    Ok((stamp, content))
}

/// Reads a table's file as `postmap` does: every entry in order, as it stands. Oddities go to `warn`.
///
/// # Errors
/// If the file can't be read, is too large, or isn't UTF-8.
pub fn read_lines(
    path: &Path,
    limits: Limits,
    warn: &mut dyn FnMut(Fault),
) -> Result<Vec<Line>, TableError> {
    let (_, content) = read_file(path, limits.octets)?;
    within(path, limits, text::lines(&content, warn))
}

fn within(
    path: &Path,
    limits: Limits,
    lines: Result<Vec<Line>, Fault>,
) -> Result<Vec<Line>, TableError> {
    let wrong = |fault| TableError::Line { path: path.to_owned(), fault };
    let lines = lines.map_err(wrong)?;
    match lines.get(limits.entries) {
        None => Ok(lines),
        Some(Line { line, .. }) => {
            let what = format!("more than {} entries", limits.entries);
            Err(wrong(Fault { line: *line, what }))
        }
    }
}

fn read_entries<V>(
    path: &Path,
    content: &[u8],
    limits: Limits,
    read_value: ReadValue<V>,
) -> Result<Entries<V>, TableError> {
    let wrong = |fault| TableError::Line { path: path.to_owned(), fault };
    let mut warnings = 0;
    let mut warn = |fault: Fault| {
        warnings += 1;
        if warnings <= MAX_WARNINGS {
            tracing::warn!("{}:{}: {}", path.display(), fault.line, fault.what);
        }
    };
    let map = text::read(content, limits.entries, read_value, &mut warn).map_err(wrong)?;
    Ok(Entries(map))
}

#[cfg(test)]
mod tests;
