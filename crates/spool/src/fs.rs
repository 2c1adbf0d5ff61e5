//! The narrow door to the file system: every operation the spool does on files.
//!
//! [`crate::Disk`] is the real one; the crash test puts a model in its place that forgets what was
//! not synced. Every sync names its [`Site`], so that the test can leave out one after the other
//! and see the loss.

use std::io;
use std::ops::ControlFlow;

/// The places of a spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Folder {
    /// The spool itself, which holds the other folders.
    Root,
    /// Files that are being written.
    Tmp,
    /// Accepted messages.
    Queue,
    /// How far each recipient is.
    State,
    /// Files that could not be read, kept for the operator.
    Corrupt,
}

impl Folder {
    /// The folders inside [`Folder::Root`].
    pub const INNER: [Folder; 4] = [Folder::Tmp, Folder::Queue, Folder::State, Folder::Corrupt];

    /// Its name below the spool's root; empty for the root.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Folder::Root => "",
            Folder::Tmp => "tmp",
            Folder::Queue => "queue",
            Folder::State => "state",
            Folder::Corrupt => "corrupt",
        }
    }
}

/// Which line of code asks for a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Site {
    /// The folders are made at the first start.
    Layout,
    /// A message's bytes, before its rename into `queue`.
    Message,
    /// The name of a message in `queue`, before the 250.
    Accepted,
    /// A state record's bytes, before its rename into `state`.
    Record,
    /// The name of a state record in `state`.
    Recorded,
    /// A message's removal from `queue`, before its record goes.
    Settled,
    /// A record's removal from `state`.
    Forgotten,
    /// The names in `queue` as a start finds them, before it acts on what is missing there.
    Taken,
    /// Records without a message, removed at the start.
    Orphans,
}

impl Site {
    /// Every site, for the test that leaves out one after the other.
    pub const ALL: [Site; 9] = [
        Site::Layout,
        Site::Message,
        Site::Accepted,
        Site::Record,
        Site::Recorded,
        Site::Settled,
        Site::Forgotten,
        Site::Taken,
        Site::Orphans,
    ];
}

/// A file system that holds one spool.
pub trait Fs: Send + Sync + 'static {
    /// An open file.
    type File: FsFile;

    /// Makes one of [`Folder::INNER`]; good if it is there already.
    ///
    /// # Errors
    /// As the system gives them.
    fn make_folder(&self, folder: Folder) -> io::Result<()>;
    /// Creates a file that must not exist yet, for writing.
    ///
    /// # Errors
    /// As the system gives them; `AlreadyExists` if the name is taken.
    fn create(&self, folder: Folder, name: &str) -> io::Result<Self::File>;
    /// Opens a file for reading.
    ///
    /// # Errors
    /// As the system gives them.
    fn open(&self, folder: Folder, name: &str) -> io::Result<Self::File>;
    /// Renames; whatever had the new name is replaced in one step.
    ///
    /// # Errors
    /// As the system gives them.
    fn rename(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()>;
    /// Renames; fails if the new name is taken.
    ///
    /// # Errors
    /// As the system gives them; `AlreadyExists` if the name is taken.
    fn rename_new(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()>;
    /// Removes a name.
    ///
    /// # Errors
    /// As the system gives them.
    fn remove(&self, folder: Folder, name: &str) -> io::Result<()>;
    /// Returns once the folder's names are on stable storage. After an error nothing is known
    /// about them.
    ///
    /// # Errors
    /// As the system gives them.
    fn sync_folder(&self, folder: Folder, site: Site) -> io::Result<()>;
    /// Calls `each` with every name in the folder, in no order, until told to stop.
    ///
    /// # Errors
    /// As the system gives them.
    fn list(&self, folder: Folder, each: &mut dyn FnMut(&str) -> ControlFlow<()>)
    -> io::Result<()>;
    /// Octets that may still be written.
    ///
    /// # Errors
    /// As the system gives them.
    fn free_space(&self) -> io::Result<u64>;
}

/// One open file of an [`Fs`].
pub trait FsFile: Send + 'static {
    /// Writes all of `bytes` behind what is there.
    ///
    /// # Errors
    /// As the system gives them.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Writes all of `bytes` over what is there from `offset` on.
    ///
    /// # Errors
    /// As the system gives them.
    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Returns once the content is on stable storage. After an error some of it may be lost, and a
    /// second call must not be believed: the file is to be written anew.
    ///
    /// # Errors
    /// As the system gives them.
    fn sync(&mut self, site: Site) -> io::Result<()>;
    /// Reads some bytes from `offset` on; 0 at the end.
    ///
    /// # Errors
    /// As the system gives them.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Its length in octets.
    ///
    /// # Errors
    /// As the system gives them.
    fn size(&self) -> io::Result<u64>;
}

/// Reads a whole file of at most `limit` octets.
///
/// # Errors
/// As the system gives them; `FileTooLarge` if it is longer.
pub(crate) fn read_all(file: &impl FsFile, limit: u64) -> io::Result<Vec<u8>> {
    let size = file.size()?;
    if size > limit {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    read_range(file, 0, size)
}

/// Reads up to `length` octets from `offset` on, fewer only at the end of the file.
pub(crate) fn read_range(file: &impl FsFile, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    const STEP: u64 = 64 * 1024;
    let mut out = Vec::new();
    let mut buffer = vec![0; length.min(STEP) as usize];
    while (out.len() as u64) < length {
        let wanted = (length - out.len() as u64).min(STEP) as usize;
        let piece = buffer.get_mut(..wanted).unwrap_or_default();
        match file.read_at(offset + out.len() as u64, piece)? {
            0 => break,
            read => out.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    Ok(out)
}
