//! A file system in memory that knows what is not synced, and the disks it may leave behind.
//!
//! Of a file, the writes since its last sync may each be there or not, cut short, or be zeros. Of a
//! folder, each name may be as at any moment since the folder's last sync, whatever the others are.
//! A file's sync that failed is never made good by a later one; a folder's may be.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard};

use spool::fs::{Folder, Fs, FsFile, Site};

/// When the machine misbehaves. Operations that change something are counted from 0.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    /// This site's syncs do nothing, and say they did.
    pub skip: Option<Site>,
    /// The process is killed before this operation; nothing is lost.
    pub kill_at: Option<usize>,
    /// This operation fails.
    pub fail_at: Option<usize>,
}

#[derive(Debug, Clone, Default)]
struct Node {
    now: Vec<u8>,
    synced: Vec<u8>,
    pending: Vec<(usize, Vec<u8>)>,
    doubtful: bool,
}

/// What a name has pointed at since the folder's last sync; the last is what it points at now.
type History = Vec<Option<usize>>;

#[derive(Debug, Default)]
struct Inner {
    faults: Faults,
    ops: usize,
    dead: bool,
    platter: Platter,
    /// What it was like before each operation, while somebody wants to know.
    moments: Option<Vec<Platter>>,
}

/// What is on disk, and what may be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Platter {
    nodes: Vec<Node>,
    names: BTreeMap<(Folder, String), History>,
}

/// The file system. Clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model(Arc<Mutex<Inner>>);

impl Model {
    pub(crate) fn new(faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(Inner { faults, moments: Some(Vec::new()), ..Inner::default() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// The operations so far.
    pub(crate) fn ops(&self) -> usize {
        self.inner().ops
    }

    /// After a kill: the next process finds the disk as it is.
    pub(crate) fn restart(&self) {
        self.inner().dead = false;
    }

    /// What the disk was like before each operation, and what it is like now.
    pub(crate) fn moments(&self) -> Vec<Platter> {
        let mut inner = self.inner();
        let mut moments = inner.moments.take().unwrap_or_default();
        moments.push(inner.platter.clone());
        moments
    }
}

impl Inner {
    fn op(&mut self) -> io::Result<()> {
        if self.dead {
            return Err(io::Error::other("dead"));
        }
        let op = self.ops;
        if self.faults.kill_at == Some(op) {
            self.faults.kill_at = None;
            self.dead = true;
            return Err(io::Error::other("killed"));
        }
        self.ops += 1;
        if let Some(moments) = &mut self.moments {
            moments.push(self.platter.clone());
        }
        if self.faults.fail_at == Some(op) {
            return Err(io::Error::other("failed"));
        }
        Ok(())
    }
}

impl Platter {
    /// Calls `each` with the disks that a loss of power may leave: all of them if they are few,
    /// else `limit` drawn by `dice`.
    pub(crate) fn crashes(
        &self,
        limit: usize,
        dice: &mut Dice,
        mut each: impl FnMut(Model),
    ) -> usize {
        let choices = self.choices();
        let product = choices.iter().try_fold(1usize, |all, n| all.checked_mul(*n));
        let count = product.unwrap_or(usize::MAX).min(limit);
        for round in 0..count {
            let mut left = round;
            let mut pick = |n: usize| {
                if product.is_some_and(|all| all <= limit) {
                    let picked = left % n;
                    left /= n;
                    picked
                } else {
                    dice.roll(n)
                }
            };
            let picked: Vec<usize> = choices.iter().map(|n| pick(*n)).collect();
            each(self.disk(&picked, dice));
        }
        count
    }

    fn current(&self, folder: Folder, name: &str) -> Option<usize> {
        *self.names.get(&(folder, name.to_owned()))?.last()?
    }

    fn point(&mut self, folder: Folder, name: &str, node: Option<usize>) {
        self.names.entry((folder, name.to_owned())).or_insert_with(|| vec![None]).push(node);
    }

    /// How many ways there are for each name outside tmp and for each file.
    fn choices(&self) -> Vec<usize> {
        let names = self.names.iter().filter(|((folder, _), _)| *folder != Folder::Tmp);
        let names = names.map(|(_, history)| history.len());
        names.chain(self.nodes.iter().map(Node::ways)).collect()
    }

    fn disk(&self, picked: &[usize], dice: &mut Dice) -> Model {
        let mut picks = picked.iter();
        let mut disk = Platter::default();
        for ((folder, name), history) in &self.names {
            let at = match folder {
                // Nobody reads what is there: one way is as good as another.
                Folder::Tmp => dice.roll(history.len()),
                _ => *picks.next().unwrap(),
            };
            disk.names.insert((*folder, name.clone()), vec![history[at]]);
        }
        for (node, way) in self.nodes.iter().zip(picks) {
            let content = node.after(*way);
            disk.nodes.push(Node { now: content.clone(), synced: content, ..Node::default() });
        }
        // A folder that is gone takes its names along.
        let gone: Vec<Folder> = Folder::INNER
            .into_iter()
            .filter(|folder| disk.current(Folder::Root, folder.name()).is_none())
            .collect();
        disk.names.retain(|(folder, _), _| !gone.contains(folder));
        Model(Arc::new(Mutex::new(Inner { platter: disk, ..Inner::default() })))
    }
}

impl Node {
    fn ways(&self) -> usize {
        if self.pending.is_empty() { 1 } else { self.pending.len() + 4 }
    }

    fn write(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(bytes);
    }

    /// The content after a loss of power, in one of [`Node::ways`].
    fn after(&self, way: usize) -> Vec<u8> {
        let mut content = self.synced.clone();
        let count = self.pending.len();
        if count == 0 || way <= count {
            // The first `way` of them.
            for (offset, bytes) in self.pending.iter().take(way) {
                Self::write(&mut content, *offset, bytes);
            }
            return content;
        }
        match way - count {
            1 => {
                // The last one cut short.
                for (at, (offset, bytes)) in self.pending.iter().enumerate() {
                    let end = if at + 1 == count { bytes.len() / 2 } else { bytes.len() };
                    Self::write(&mut content, *offset, &bytes[..end]);
                }
            }
            2 => {
                // The length is there, the bytes are not.
                for (offset, bytes) in &self.pending {
                    Self::write(&mut content, *offset, &vec![0; bytes.len()]);
                }
            }
            _ => {
                // All but the first.
                for (offset, bytes) in self.pending.iter().skip(1) {
                    Self::write(&mut content, *offset, bytes);
                }
            }
        }
        content
    }
}

fn not_found() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Fs for Model {
    type File = ModelFile;

    fn make_folder(&self, folder: Folder) -> io::Result<()> {
        let mut inner = self.inner();
        inner.op()?;
        if inner.platter.current(Folder::Root, folder.name()).is_none() {
            inner.platter.point(Folder::Root, folder.name(), Some(usize::MAX));
        }
        Ok(())
    }

    fn create(&self, folder: Folder, name: &str) -> io::Result<ModelFile> {
        let mut inner = self.inner();
        inner.op()?;
        if inner.platter.current(folder, name).is_some() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        let node = inner.platter.nodes.len();
        inner.platter.nodes.push(Node::default());
        inner.platter.point(folder, name, Some(node));
        Ok(ModelFile { model: self.clone(), node })
    }

    fn open(&self, folder: Folder, name: &str) -> io::Result<ModelFile> {
        let inner = self.inner();
        if inner.dead {
            return Err(io::Error::other("dead"));
        }
        let node = inner.platter.current(folder, name).ok_or_else(not_found)?;
        Ok(ModelFile { model: self.clone(), node })
    }

    fn rename(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()> {
        let mut inner = self.inner();
        inner.op()?;
        let node = inner.platter.current(from.0, from.1).ok_or_else(not_found)?;
        inner.platter.point(from.0, from.1, None);
        inner.platter.point(to.0, to.1, Some(node));
        Ok(())
    }

    fn rename_new(&self, from: (Folder, &str), to: (Folder, &str)) -> io::Result<()> {
        if self.inner().platter.current(to.0, to.1).is_some() {
            self.inner().op()?;
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        self.rename(from, to)
    }

    fn remove(&self, folder: Folder, name: &str) -> io::Result<()> {
        let mut inner = self.inner();
        inner.op()?;
        inner.platter.current(folder, name).ok_or_else(not_found)?;
        inner.platter.point(folder, name, None);
        Ok(())
    }

    fn sync_folder(&self, folder: Folder, site: Site) -> io::Result<()> {
        let mut inner = self.inner();
        inner.op()?;
        if inner.faults.skip != Some(site) {
            for ((of, _), history) in &mut inner.platter.names {
                if *of == folder {
                    history.drain(..history.len() - 1);
                }
            }
        }
        Ok(())
    }

    fn list(
        &self,
        folder: Folder,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let names: Vec<String> = {
            let inner = self.inner();
            if inner.dead {
                return Err(io::Error::other("dead"));
            }
            let there = |((of, name), history): (&(Folder, String), &History)| {
                (*of == folder && history.last().is_some_and(Option::is_some)).then(|| name.clone())
            };
            inner.platter.names.iter().filter_map(there).collect()
        };
        for name in names {
            if each(&name).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn free_space(&self) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[derive(Debug)]
pub(crate) struct ModelFile {
    model: Model,
    node: usize,
}

impl ModelFile {
    fn put(&mut self, offset: Option<usize>, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.model.inner();
        inner.op()?;
        let node = &mut inner.platter.nodes[self.node];
        let offset = offset.unwrap_or(node.now.len());
        Node::write(&mut node.now, offset, bytes);
        node.pending.push((offset, bytes.to_vec()));
        Ok(())
    }
}

impl FsFile for ModelFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.put(None, bytes)
    }

    fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.put(Some(offset as usize), bytes)
    }

    fn sync(&mut self, site: Site) -> io::Result<()> {
        let mut inner = self.model.inner();
        let done = inner.op();
        let skip = inner.faults.skip == Some(site);
        let node = &mut inner.platter.nodes[self.node];
        if done.is_err() {
            node.doubtful = true;
        } else if !skip && !node.doubtful {
            node.synced = node.now.clone();
            node.pending.clear();
        }
        done
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let inner = self.model.inner();
        let content = inner.platter.nodes[self.node].now.get(offset as usize..).unwrap_or_default();
        let length = content.len().min(buffer.len());
        buffer[..length].copy_from_slice(&content[..length]);
        Ok(length)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.model.inner().platter.nodes[self.node].now.len() as u64)
    }
}

/// Numbers that look random and come again with the seed.
#[derive(Debug)]
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }
}
