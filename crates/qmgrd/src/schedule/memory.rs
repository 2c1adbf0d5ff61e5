//! What is held in memory: the entries that are due soonest; and when the spool is read for others.

use address::EntryId;

use super::{Destination, Held, JobId, Millis, Place, Schedule, Task, Which, Work};

/// The shortest time between two scans of the spool while there is room in memory.
const SCAN_PAUSE: Millis = 1_000;
/// The same while memory is more than half full.
const FULL_SCAN_PAUSE: Millis = 60_000;
/// How many of the entries that are due last are looked at to make room for another.
const EVICTION_TRIES: usize = 16;
/// How many flushes are remembered for entries that are not in memory.
const MAX_FLUSHES: usize = 16;

/// An entry for the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Its name.
    pub entry: EntryId,
    /// When its time is over.
    pub expires: Millis,
    /// What is to be done for it.
    pub work: Vec<Work>,
}

#[derive(Debug)]
pub(super) struct Memory {
    weight: usize,
    /// The earliest that something on disk and not in memory is due.
    due_on_disk: Option<Millis>,
    /// When the last scan ended; none at the start, and when the operator asks.
    last_scan: Option<Millis>,
    scanning: bool,
    /// What the operator asked to be tried while it was not in memory.
    flushes: Vec<(Millis, Which)>,
}

impl Memory {
    pub(super) fn at_start() -> Self {
        Self {
            weight: 0,
            due_on_disk: Some(0),
            last_scan: None,
            scanning: false,
            flushes: Vec::new(),
        }
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    pub(super) fn scan_begins(&mut self) {
        self.scanning = true;
        self.due_on_disk = None;
    }

    pub(super) fn heavier(&mut self, of: &mut usize, by: usize) {
        *of += by;
        self.weight += by;
    }

    pub(super) fn lighter(&mut self, of: &mut usize, by: usize) {
        *of = of.saturating_sub(by);
        self.weight = self.weight.saturating_sub(by);
    }

    pub(super) fn forget(&mut self, weight: usize) {
        self.weight = self.weight.saturating_sub(weight);
    }

    /// Something due then stays on disk.
    fn left_on_disk(&mut self, due: Millis) {
        self.due_on_disk = Some(self.due_on_disk.map_or(due, |other| other.min(due)));
    }

    pub(super) fn flushed(&mut self, now: Millis, which: &Which) {
        if self.due_on_disk.is_none() && !self.scanning {
            return;
        }
        self.left_on_disk(now);
        self.last_scan = None;
        if self.flushes.len() == MAX_FLUSHES {
            self.flushes.remove(0);
        }
        self.flushes.push((now, which.clone()));
    }

    fn was_flushed(&self, entry: EntryId, tried: Millis, domain: Option<&str>) -> bool {
        self.flushes.iter().any(|(at, which)| {
            tried < *at
                && match which {
                    Which::All => true,
                    Which::Entry(id) => *id == entry,
                    Which::Domain(meant) => domain.is_none_or(|domain| domain == meant),
                }
        })
    }
}

impl Task {
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Deliver(recipients) => recipients.len(),
            Self::Report(_) => 1,
        }
    }
}

impl Schedule {
    /// Whether the entry is in memory.
    #[must_use]
    pub fn holds(&self, entry: EntryId) -> bool {
        self.entries.contains_key(&entry)
    }

    /// During a scan: whether an entry that is due then, and was tried last then, should be loaded
    /// and admitted. If not, it is remembered that a later scan must find it.
    pub fn wants(&mut self, entry: EntryId, due: Millis, tried: Millis) -> bool {
        if self.holds(entry) {
            return false;
        }
        let due = if self.memory.was_flushed(entry, tried, None) { 0 } else { due };
        let last = self.timers.last().map_or(Millis::MAX, |(due, _)| *due);
        let wanted = self.memory.weight < self.limits.active || due < last;
        if !wanted {
            self.memory.left_on_disk(due);
        }
        wanted
    }

    /// Takes an entry up, unless it is held already. `tried` is when it was tried last. It stays on
    /// disk for a later scan if memory is full of what is due sooner.
    pub fn admit(&mut self, admission: Admission, tried: Millis) {
        let Admission { entry, expires, mut work } = admission;
        if self.holds(entry) || work.is_empty() {
            return;
        }
        for work in &mut work {
            if self.memory.was_flushed(entry, tried, Some(&work.destination.domain)) {
                work.due = 0;
            }
        }
        let due = work.iter().map(|work| work.due).min().unwrap_or(0);
        let weight: usize = work.iter().map(|work| work.task.weight()).sum();
        if !self.make_room(weight, due) {
            self.memory.left_on_disk(due);
            return;
        }
        self.entries.insert(entry, Held { jobs: Vec::new(), expires, weight: 0 });
        for work in work {
            self.add(entry, work, false);
        }
    }

    /// Something went by unseen (an entry could not be admitted in time): scan again.
    pub fn overlooked(&mut self) {
        self.memory.left_on_disk(0);
    }

    /// A scan is over; `complete` if it saw everything.
    pub fn scanned(&mut self, now: Millis, complete: bool) {
        self.memory.scanning = false;
        self.memory.last_scan = Some(now);
        if complete {
            // What they meant has been admitted, but what didn't fit.
            if self.memory.due_on_disk.is_none() {
                self.memory.flushes.clear();
            }
        } else {
            self.memory.left_on_disk(now);
        }
    }

    /// When the spool must be read, if anything in it isn't in memory.
    pub(super) fn scan_deadline(&self) -> Option<Millis> {
        if self.memory.scanning {
            return None;
        }
        let due = self.memory.due_on_disk?;
        let roomy = self.memory.weight <= self.limits.active / 2;
        let pause = if roomy { SCAN_PAUSE } else { FULL_SCAN_PAUSE };
        let earliest = self.memory.last_scan.map(|last| last.saturating_add(pause));
        Some(due.max(earliest.unwrap_or(0)))
    }

    /// Makes room for an entry that is due then, at the cost of those that are due later.
    fn make_room(&mut self, weight: usize, due: Millis) -> bool {
        let wanted = (self.memory.weight + weight).saturating_sub(self.limits.active);
        if wanted == 0 || self.memory.weight == 0 {
            return true;
        }
        let mut victims: Vec<(EntryId, usize)> = Vec::new();
        for (_, id) in self.timers.iter().rev().take(EVICTION_TRIES) {
            let Some(entry) = self.jobs.get(id).map(|job| job.entry) else { continue };
            let counted = victims.iter().any(|(victim, _)| *victim == entry);
            if !counted && self.all_waiting(entry) && self.soonest(entry) > due {
                let weight = self.entries.get(&entry).map_or(0, |held| held.weight);
                victims.push((entry, weight));
            }
            let freed: usize = victims.iter().map(|(_, weight)| weight).sum();
            // One entry may be larger than memory, if it is alone in it.
            if freed >= wanted || freed == self.memory.weight {
                for (victim, _) in victims {
                    let soonest = self.soonest(victim);
                    self.forget(victim);
                    self.memory.left_on_disk(soonest);
                }
                return true;
            }
        }
        false
    }

    fn all_waiting(&self, entry: EntryId) -> bool {
        self.jobs_of(entry).all(|job| job.place == Place::Waiting)
    }

    fn soonest(&self, entry: EntryId) -> Millis {
        self.jobs_of(entry).map(|job| job.work.due).min().unwrap_or(0)
    }

    fn jobs_of(&self, entry: EntryId) -> impl Iterator<Item = &super::Job> + '_ {
        let ids: &[JobId] = self.entries.get(&entry).map_or(&[], |held| &held.jobs);
        ids.iter().filter_map(|id| self.jobs.get(id))
    }

    /// Every destination that something in memory goes to (for tests and figures).
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> + '_ {
        self.lanes.keys()
    }
}
