//! Which states a power cut may leave after a number of operations.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::recorder::{Entry, Node, Operation};

/// What happens to a file's writes that weren't synced.
const FATES: usize = 5;

/// The record, ready to be cut at any moment.
pub(crate) struct Model {
    operations: Vec<Operation>,
}

/// What is on the disk after the power cut.
#[derive(Debug)]
pub(crate) struct State {
    /// Paths inside the base; `None` for a folder.
    files: BTreeMap<String, Option<Vec<u8>>>,
}

/// What isn't durable at a moment.
struct Open<'a> {
    /// Indexes of the names that may be lost.
    names: Vec<usize>,
    /// Files with writes that may be lost, and those writes.
    data: BTreeMap<Node, Vec<(u64, &'a [u8])>>,
}

impl Model {
    pub(crate) fn new(operations: Vec<Operation>) -> Self {
        Self { operations }
    }

    pub(crate) fn len(&self) -> usize {
        self.operations.len()
    }

    /// The last operation before a moment.
    pub(crate) fn show(&self, moment: usize) -> String {
        let last = moment.checked_sub(1).map(|last| &self.operations[last]);
        last.map_or_else(|| "nothing".to_owned(), |operation| format!("{operation:?}"))
    }

    /// All states after the first `moment` operations if they are few, else `most` of them, drawn by a
    /// number that is the same in every run.
    pub(crate) fn states(&self, moment: usize, most: usize) -> Vec<State> {
        let open = self.open(moment);
        let ways = open
            .data
            .values()
            .fold(1usize << open.names.len().min(20), |ways, _| ways.saturating_mul(FATES));
        let mut seed = 0x5eed ^ moment as u64;
        let mut draw = |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let few = ways <= most && open.names.len() <= 20;
        let count = if few { ways } else { most };
        (0..count)
            .map(|number| {
                let mut rest = number;
                let mut choose = |below: usize| match (few, number) {
                    (true, _) => {
                        let choice = rest % below;
                        rest /= below;
                        choice
                    }
                    // The two ends are always among them: all lost, all there.
                    (false, 0) => 0,
                    (false, 1) => below - 1,
                    (false, _) => draw(below),
                };
                let mut kept: Vec<usize> =
                    open.names.iter().copied().filter(|_| choose(2) == 1).collect();
                self.add_causes(moment, &open, &mut kept);
                let fates: BTreeMap<Node, usize> =
                    open.data.keys().map(|file| (*file, choose(FATES))).collect();
                self.state(moment, &open, &kept, &fates)
            })
            .collect()
    }

    fn open(&self, moment: usize) -> Open<'_> {
        let (mut names, mut data) = (Vec::new(), BTreeMap::<Node, Vec<_>>::new());
        for (index, operation) in self.operations[..moment].iter().enumerate() {
            match operation {
                Operation::Name { .. } => names.push(index),
                Operation::Write { file, at, bytes } => {
                    data.entry(*file).or_default().push((*at, bytes.as_slice()));
                }
                Operation::SyncFile { file } => drop(data.remove(file)),
                // A name that moved is durable when either of its folders is.
                Operation::SyncFolder { folder } => {
                    names.retain(|&index| !self.folders(index).any(|f| f == *folder));
                }
            }
        }
        Open { names, data }
    }

    /// A name that moved on, or went, had come: no journal has the one without the other.
    fn add_causes(&self, moment: usize, open: &Open<'_>, kept: &mut Vec<usize>) {
        let mut wanted: Vec<&Entry> = Vec::new();
        for index in (0..moment).rev() {
            let Operation::Name { adds, removes, .. } = &self.operations[index] else { continue };
            let is_open = open.names.contains(&index);
            if is_open && adds.as_ref().is_some_and(|entry| wanted.contains(&entry)) {
                kept.push(index);
            }
            if let Some(entry) = adds {
                wanted.retain(|other| *other != entry);
            }
            if !is_open || kept.contains(&index) {
                wanted.extend(removes.as_ref());
            }
        }
    }

    fn folders(&self, index: usize) -> impl Iterator<Item = Node> + '_ {
        let (adds, removes) = match &self.operations[index] {
            Operation::Name { adds, removes, .. } => (adds.as_ref(), removes.as_ref()),
            _ => (None, None),
        };
        adds.into_iter().chain(removes).map(|(folder, _)| *folder)
    }

    fn state(
        &self,
        moment: usize,
        open: &Open<'_>,
        kept: &[usize],
        fates: &BTreeMap<Node, usize>,
    ) -> State {
        let mut names: BTreeMap<&Entry, (Node, bool)> = BTreeMap::new();
        let mut content: BTreeMap<Node, Vec<u8>> = BTreeMap::new();
        let mut to_come: BTreeMap<Node, usize> = BTreeMap::new();
        for operation in &self.operations[..moment] {
            if let Operation::Write { file, .. } = operation {
                *to_come.entry(*file).or_default() += 1;
            }
        }
        for (index, operation) in self.operations[..moment].iter().enumerate() {
            match operation {
                Operation::Name { node, is_folder, adds, removes } => {
                    if open.names.contains(&index) && !kept.contains(&index) {
                        continue;
                    }
                    if let Some(entry) = removes
                        && names.get(entry).is_some_and(|(there, _)| there == node)
                    {
                        names.remove(entry);
                    }
                    if let Some(entry) = adds {
                        names.insert(entry, (*node, *is_folder));
                    }
                }
                Operation::Write { file, at, bytes } => {
                    // The last ones of a file are those that weren't synced.
                    let left = to_come.get_mut(file).expect("counted");
                    let unsynced = open.data.get(file).map_or(0, Vec::len);
                    let place = unsynced.checked_sub(*left);
                    *left -= 1;
                    let fate = fates.get(file).copied().unwrap_or(FATES - 1);
                    put(
                        content.entry(*file).or_default(),
                        *at,
                        bytes,
                        place.map(|place| (place, fate)),
                    );
                }
                _ => {}
            }
        }
        let mut files = BTreeMap::new();
        place(0, "", &names, &content, &mut files);
        State { files }
    }
}

/// Does a write, or what is left of it. `open` is its number among the unsynced ones, and their fate.
fn put(content: &mut Vec<u8>, at: u64, bytes: &[u8], open: Option<(usize, usize)>) {
    let half = bytes.len() / 2;
    let zeros = vec![0; bytes.len()];
    let bytes = match open {
        Some((_, 0)) => return,           // lost
        Some((_, 1)) => &bytes[..half],   // cut short
        Some((_, 2)) => zeros.as_slice(), // the length came, the data didn't
        Some((0, 3)) => zeros.as_slice(), // the first didn't, the later ones did
        _ => bytes,
    };
    let at = usize::try_from(at).expect("small");
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

fn place(
    folder: Node,
    path: &str,
    names: &BTreeMap<&Entry, (Node, bool)>,
    content: &BTreeMap<Node, Vec<u8>>,
    files: &mut BTreeMap<String, Option<Vec<u8>>>,
) {
    for (entry, (node, is_folder)) in names {
        if entry.0 != folder {
            continue;
        }
        let inside = if path.is_empty() { entry.1.clone() } else { format!("{path}/{}", entry.1) };
        if *is_folder {
            files.insert(inside.clone(), None);
            place(*node, &inside, names, content, files);
        } else {
            files.insert(inside, Some(content.get(node).cloned().unwrap_or_default()));
        }
    }
}

impl State {
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.files.hash(&mut hasher);
        hasher.finish()
    }

    /// Puts it into an empty folder. All of it is old: the machine was off for a while.
    pub(crate) fn build(&self, base: &Path) {
        let old = SystemTime::now() - Duration::from_secs(3600);
        for (inside, content) in &self.files {
            let path = base.join(inside);
            match content {
                None => std::fs::create_dir(&path).expect("folder"),
                Some(content) => {
                    std::fs::write(&path, content).expect("file");
                    let file = std::fs::File::options().append(true).open(&path).expect("open");
                    file.set_modified(old).expect("time");
                }
            }
        }
    }
}
