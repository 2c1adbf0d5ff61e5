//! Writes down what the store does to the disk, and does it, but for the syncing.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

use store::fs::{Disk, Fs, Mode, SyncPoint};

/// A file or a folder, whatever its name; 0 is the folder that all is in.
pub(crate) type Node = usize;

/// A name in a folder.
pub(crate) type Entry = (Node, String);

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Bytes put into a file.
    Write { file: Node, at: u64, bytes: Vec<u8> },
    /// A file synced.
    SyncFile { file: Node },
    /// A folder synced.
    SyncFolder { folder: Node },
    /// A name put in, taken away, or both.
    Name { node: Node, is_folder: bool, adds: Option<Entry>, removes: Option<Entry> },
}

#[derive(Debug, Default)]
struct Record {
    operations: Vec<Operation>,
    names: HashMap<Entry, Node>,
    inodes: HashMap<u64, Node>,
    nodes: Node,
    /// Syncs that aren't done for now: the process dies before them.
    dropped: Option<SyncPoint>,
}

/// The recording file operations.
#[derive(Debug)]
pub(crate) struct Recorder {
    base: PathBuf,
    without: Option<SyncPoint>,
    record: Mutex<Record>,
}

impl Recorder {
    /// `base` is there and empty.
    pub(crate) fn new(base: &Path, without: Option<SyncPoint>) -> Self {
        let record = Mutex::new(Record::default());
        Self { base: base.to_owned(), without, record }
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.record.lock().expect("lock").operations.clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.record.lock().expect("lock").operations.len()
    }

    /// From now on a sync point isn't reached.
    pub(crate) fn drop_syncs(&self, point: Option<SyncPoint>) {
        self.record.lock().expect("lock").dropped = point;
    }

    /// The folder and the name that a path is. `None` outside of the base.
    fn entry(&self, record: &Record, path: &Path) -> Option<Entry> {
        let inside = path.strip_prefix(&self.base).ok()?;
        let mut folder = 0;
        let mut parts = inside.components().peekable();
        while let Some(Component::Normal(part)) = parts.next() {
            let name = part.to_string_lossy().into_owned();
            if parts.peek().is_none() {
                return Some((folder, name));
            }
            folder = *record.names.get(&(folder, name))?;
        }
        None
    }

    fn node(&self, record: &Record, path: &Path) -> Option<Node> {
        if path == self.base {
            return Some(0);
        }
        record.names.get(&self.entry(record, path)?).copied()
    }

    fn named(&self, node: Option<Node>, is_folder: bool, from: Option<&Path>, to: Option<&Path>) {
        let mut record = self.record.lock().expect("lock");
        let removes = from.and_then(|path| self.entry(&record, path));
        let adds = to.and_then(|path| self.entry(&record, path));
        let is_lock = |entry: &Entry| {
            ["dovecot-uidlist.lock", "subscriptions.lock"].contains(&entry.1.as_str())
        };
        let known = removes.as_ref().or(adds.as_ref()).and_then(|e| record.names.get(e).copied());
        let Some(node) = node.or(known) else { return };
        if let Some(entry) = &removes {
            record.names.remove(entry);
        }
        if let Some(entry) = &adds {
            record.names.insert(entry.clone(), node);
        }
        // Locks that a crash leaves are another test's: here they would only multiply the states.
        if adds.iter().chain(&removes).any(is_lock) || (adds.is_none() && removes.is_none()) {
            return;
        }
        let is_folder = is_folder
            || record.operations.iter().any(
                |op| matches!(op, Operation::Name { node: n, is_folder: true, .. } if *n == node),
            );
        record.operations.push(Operation::Name { node, is_folder, adds, removes });
    }

    fn fresh(&self, inode: u64) -> Node {
        let mut record = self.record.lock().expect("lock");
        record.nodes += 1;
        let node = record.nodes;
        record.inodes.insert(inode, node);
        node
    }

    fn syncs(&self, record: &Record, point: SyncPoint) -> bool {
        self.without != Some(point) && record.dropped != Some(point)
    }
}

impl Fs for Recorder {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<File> {
        let file = Disk.create(path, mode)?;
        let node = self.fresh(file.metadata()?.ino());
        self.named(Some(node), false, None, Some(path));
        Ok(file)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        Disk.open(path)
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        let at = file.stream_position()?;
        Disk.write(file, bytes)?;
        let mut record = self.record.lock().expect("lock");
        let node = record.inodes.get(&file.metadata()?.ino()).copied();
        if let Some(file) = node.filter(|_| !bytes.is_empty()) {
            record.operations.push(Operation::Write { file, at, bytes: bytes.to_vec() });
        }
        Ok(())
    }

    fn sync(&self, file: &File, point: SyncPoint) -> io::Result<()> {
        let mut record = self.record.lock().expect("lock");
        let node = record.inodes.get(&file.metadata()?.ino()).copied();
        if let Some(file) = node.filter(|_| self.syncs(&record, point)) {
            record.operations.push(Operation::SyncFile { file });
        }
        Ok(())
    }

    fn sync_folder(&self, path: &Path, point: SyncPoint) -> io::Result<()> {
        let mut record = self.record.lock().expect("lock");
        let node = self.node(&record, path);
        if let Some(folder) = node.filter(|_| self.syncs(&record, point)) {
            record.operations.push(Operation::SyncFolder { folder });
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)?;
        self.named(None, false, Some(from), Some(to));
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename_new(from, to)?;
        self.named(None, false, Some(from), Some(to));
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.link(from, to)?;
        let node = {
            let record = self.record.lock().expect("lock");
            self.node(&record, from)
        };
        self.named(node, false, None, Some(to));
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        Disk.unlink(path)?;
        self.named(None, false, Some(path), None);
        Ok(())
    }

    fn make_folder(&self, path: &Path, mode: Mode) -> io::Result<()> {
        Disk.make_folder(path, mode)?;
        let node = self.fresh(std::fs::metadata(path)?.ino());
        self.named(Some(node), true, None, Some(path));
        Ok(())
    }
}

/// For starting anew in a state: does everything but wait for a disk.
#[derive(Debug)]
pub(crate) struct Hasty;

impl Fs for Hasty {
    fn create(&self, path: &Path, mode: Mode) -> io::Result<File> {
        Disk.create(path, mode)
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        Disk.open(path)
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<()> {
        Disk.write(file, bytes)
    }

    fn sync(&self, _: &File, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path, _: SyncPoint) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.rename_new(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        Disk.link(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        Disk.unlink(path)
    }

    fn make_folder(&self, path: &Path, mode: Mode) -> io::Result<()> {
        Disk.make_folder(path, mode)
    }
}
