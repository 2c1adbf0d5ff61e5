//! A spool: entries loaded, their records replaced, settled ones removed.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use address::{EntryId, TraceId};

use crate::draft::Draft;
use crate::error::SpoolError;
use crate::fs::{self, Folder, Fs, FsFile, Site};
use crate::head::{Head, HeadError, MAX_HEAD_OCTETS, Parsed};
use crate::recent::Recent;
use crate::recover::{self, Recovery};
use crate::state::{self, Glance, MAX_STATE_OCTETS, State, StateError};

/// How many different messages one trace id may have.
pub const MAX_PARTS: u16 = 1_000;
/// Locks for trace ids: steps of different messages rarely share one.
const LOCKS: usize = 256;
/// A record's first line is shorter than this, in octets.
const GLANCE_OCTETS: u64 = 256;

/// A queue on disk. Clones share it. All calls block on the disk.
#[derive(Debug)]
pub struct Spool<F: Fs> {
    inner: Arc<Inner<F>>,
}

impl<F: Fs> Clone for Spool<F> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

#[derive(Debug)]
struct Inner<F> {
    fs: F,
    /// Names in `tmp`.
    counter: AtomicU64,
    recent: Mutex<Recent>,
    /// One step at a time for each trace id.
    locks: Vec<Mutex<()>>,
    hasher: RandomState,
}

/// An entry, as it is now.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its name.
    pub id: EntryId,
    /// Envelope and origin.
    pub head: Head,
    /// How far each recipient is.
    pub state: State,
    /// Octets of content.
    pub size: u64,
}

/// What [`Spool::update`] made of an entry.
#[derive(Debug)]
pub struct Update<T> {
    /// What the change returned.
    pub value: T,
    /// The record as it now stands on disk.
    pub state: State,
    /// Nothing was left to do: the entry is gone.
    pub settled: bool,
}

/// An entry's content, to be read from its begin to its end. Stays readable if the entry goes.
#[derive(Debug)]
pub struct Body<F: Fs> {
    file: F::File,
    at: u64,
    start: u64,
    size: u64,
}

/// A message's file, its head read and its length checked.
struct Opened<F: Fs> {
    head: Head,
    size: u64,
    file: F::File,
    start: u64,
}

impl<F: Fs> Spool<F> {
    /// Takes a spool up: makes its folders, removes what a crash left behind.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn open(fs: F) -> Result<(Self, Recovery), SpoolError> {
        let recovery = recover::recover(&fs)?;
        let inner = Inner {
            fs,
            counter: AtomicU64::new(0),
            recent: Mutex::default(),
            locks: std::iter::repeat_with(Mutex::default).take(LOCKS).collect(),
            hasher: RandomState::new(),
        };
        Ok((Self { inner: Arc::new(inner) }, recovery))
    }

    /// Begins a message.
    ///
    /// # Errors
    /// If the disk refuses, or the envelope is too large.
    pub fn draft(&self, head: Head) -> Result<Draft<F>, SpoolError> {
        Draft::new(self.clone(), head)
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// `NotFound`, or that its files can't be read: see [`Spool::quarantine`].
    pub fn load(&self, id: EntryId) -> Result<Entry, SpoolError> {
        let Opened { head, size, .. } = self.open_message(id)?;
        let state = self.state(id)?;
        Ok(Entry { id, head, state, size })
    }

    /// Opens an entry's content.
    ///
    /// # Errors
    /// As [`Spool::load`].
    pub fn body(&self, id: EntryId) -> Result<Body<F>, SpoolError> {
        let Opened { size, file, start, .. } = self.open_message(id)?;
        Ok(Body { file, at: start, start, size })
    }

    /// Changes an entry's record in one step, or removes the entry if the change settles it.
    ///
    /// # Errors
    /// As [`Spool::load`], and if the disk refuses; then the old record or the new one stands, and
    /// the caller tries the whole update again.
    pub fn update<T>(
        &self,
        id: EntryId,
        change: impl FnOnce(&Head, &mut State) -> T,
    ) -> Result<Update<T>, SpoolError> {
        let _alone = self.lock(id.trace());
        let Entry { head, mut state, .. } = self.load(id)?;
        let value = change(&head, &mut state);
        let settled = state.is_settled(head.total());
        if settled {
            self.remove(id)?;
        } else {
            self.record(id, &state, head.total())?;
        }
        Ok(Update { value, state, settled })
    }

    /// Removes an entry, whatever its state; the same message may be offered again.
    ///
    /// # Errors
    /// `NotFound`, or if the disk refuses.
    pub fn delete(&self, id: EntryId) -> Result<(), SpoolError> {
        let _alone = self.lock(id.trace());
        self.remove(id)?;
        self.recent().forget(id);
        Ok(())
    }

    /// Moves what of an entry can't be read into the folder `corrupt`. A message whose record goes
    /// there is as if it had never been tried.
    ///
    /// Nothing is synced: after a crash the file may be found in its old place, and comes here
    /// again.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn quarantine(&self, id: EntryId, why: &SpoolError) -> Result<(), SpoolError> {
        let folder = match why {
            SpoolError::Head { source: HeadError::Newer(_), .. }
            | SpoolError::State { source: StateError::Newer(_), .. } => return Ok(()),
            SpoolError::Head { .. } => Folder::Queue,
            SpoolError::State { .. } => Folder::State,
            _ => return Ok(()),
        };
        let _alone = self.lock(id.trace());
        let (old, new) = (id.to_string(), format!("{id}.{}.{}", folder.name(), self.tmp_name()));
        self.fs()
            .rename((folder, &old), (Folder::Corrupt, &new))
            .map_err(SpoolError::io("set a file aside", Folder::Corrupt))
    }

    /// Calls `each` with every entry's name, in no order, until told to stop.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn scan(&self, mut each: impl FnMut(EntryId) -> ControlFlow<()>) -> Result<(), SpoolError> {
        self.fs()
            .list(Folder::Queue, &mut |name| match name.parse() {
                Ok(id) => each(id),
                // Not ours: it stays.
                Err(_) => ControlFlow::Continue(()),
            })
            .map_err(SpoolError::io("list", Folder::Queue))
    }

    /// When an entry is due and when it was tried last, in milliseconds since 1970, read from the
    /// first line of its record; `(0, 0)` for one that was never tried.
    ///
    /// # Errors
    /// If the record can't be read.
    pub fn due(&self, id: EntryId) -> Result<(u64, u64), SpoolError> {
        let Some(file) = self.open_state(id)? else { return Ok((0, 0)) };
        let start = fs::read_range(&file, 0, GLANCE_OCTETS)
            .map_err(SpoolError::io("read a record", Folder::State))?;
        let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let Glance { due, tried } = state::glance(&String::from_utf8_lossy(line))
            .map_err(|source| SpoolError::State { id, source })?;
        Ok((due, tried))
    }

    /// Octets that may still be written.
    ///
    /// # Errors
    /// If the system doesn't tell.
    pub fn free_space(&self) -> Result<u64, SpoolError> {
        self.fs().free_space().map_err(SpoolError::io("ask for free space", Folder::Root))
    }

    pub(crate) fn fs(&self) -> &F {
        &self.inner.fs
    }

    pub(crate) fn tmp_name(&self) -> String {
        self.inner.counter.fetch_add(1, Ordering::Relaxed).to_string()
    }

    pub(crate) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.inner.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step at a time for each message.
    pub(crate) fn lock(&self, trace: TraceId) -> Option<MutexGuard<'_, ()>> {
        let at = (self.inner.hasher.hash_one(trace) % LOCKS as u64) as usize;
        let lock = self.inner.locks.get(at)?;
        Some(lock.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn open_message(&self, id: EntryId) -> Result<Opened<F>, SpoolError> {
        let file = match self.fs().open(Folder::Queue, &id.to_string()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SpoolError::NotFound(id));
            }
            other => other.map_err(SpoolError::io("open a message", Folder::Queue))?,
        };
        let read = |file: &F::File| Ok::<_, io::Error>((read_head(file)?, file.size()?));
        let (parsed, length) =
            read(&file).map_err(SpoolError::io("read a message", Folder::Queue))?;
        let (parsed, start) = parsed.map_err(|source| SpoolError::Head { id, source })?;
        let found = length.saturating_sub(start);
        if found != parsed.size {
            let source = HeadError::Size { expected: parsed.size, found };
            return Err(SpoolError::Head { id, source });
        }
        Ok(Opened { head: parsed.head, size: parsed.size, file, start })
    }

    fn open_state(&self, id: EntryId) -> Result<Option<F::File>, SpoolError> {
        match self.fs().open(Folder::State, &id.to_string()) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(SpoolError::io("open a record", Folder::State)(error)),
        }
    }

    fn state(&self, id: EntryId) -> Result<State, SpoolError> {
        let Some(file) = self.open_state(id)? else { return Ok(State::default()) };
        // The limit of what is written, and the line that ends it.
        let bytes = fs::read_all(&file, MAX_STATE_OCTETS + GLANCE_OCTETS)
            .map_err(SpoolError::io("read a record", Folder::State))?;
        State::parse(&bytes).map_err(|source| SpoolError::State { id, source })
    }

    /// fresh or tried → tried.
    fn record(&self, id: EntryId, state: &State, total: u32) -> Result<(), SpoolError> {
        let bytes = state.to_bytes(total).map_err(|source| SpoolError::State { id, source })?;
        let name = self.tmp_name();
        let written = self.fs().create(Folder::Tmp, &name).and_then(|mut file| {
            file.append(&bytes)?;
            file.sync(Site::Record)?;
            self.fs().rename((Folder::Tmp, &name), (Folder::State, &id.to_string()))
        });
        if let Err(error) = written {
            let _ = self.fs().remove(Folder::Tmp, &name);
            return Err(SpoolError::io("write a record", Folder::State)(error));
        }
        self.fs()
            .sync_folder(Folder::State, Site::Recorded)
            .map_err(SpoolError::io("sync the names", Folder::State))
    }

    /// fresh or tried → leaving → nothing.
    fn remove(&self, id: EntryId) -> Result<(), SpoolError> {
        let name = id.to_string();
        match self.fs().remove(Folder::Queue, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SpoolError::NotFound(id));
            }
            other => other.map_err(SpoolError::io("remove a message", Folder::Queue))?,
        }
        self.fs()
            .sync_folder(Folder::Queue, Site::Settled)
            .map_err(SpoolError::io("sync the names", Folder::Queue))?;
        match self.fs().remove(Folder::State, &name) {
            // Never tried before: the common case costs one sync.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other
                .and_then(|()| self.fs().sync_folder(Folder::State, Site::Forgotten))
                .map_err(SpoolError::io("remove a record", Folder::State)),
        }
    }
}

impl<F: Fs> Body<F> {
    /// Octets of content.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads the next piece; 0 at the end.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }

    /// The first `limit` octets, whatever was read before.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn beginning(&self, limit: u64) -> io::Result<Vec<u8>> {
        fs::read_range(&self.file, self.start, self.size.min(limit))
    }
}

/// Reads a file's head and says where the content begins.
pub(crate) fn read_head(file: &impl FsFile) -> io::Result<Result<(Parsed, u64), HeadError>> {
    const FIRST: u64 = 4 * 1024;
    let mut length = FIRST;
    loop {
        let bytes = fs::read_range(file, 0, length)?;
        if let Some(end) = Head::end(&bytes) {
            let head = bytes.get(..end).unwrap_or_default();
            return Ok(Head::parse(head).map(|parsed| (parsed, end as u64)));
        }
        if (bytes.len() as u64) < length {
            // A newer version's head may end otherwise: its own word goes first.
            let error = Head::parse(&bytes).err().unwrap_or(HeadError::TooLong);
            return Ok(Err(error));
        }
        if length > MAX_HEAD_OCTETS as u64 {
            return Ok(Err(HeadError::TooLong));
        }
        length *= 8;
    }
}
