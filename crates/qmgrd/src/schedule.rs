//! When what is tried: which deliveries start now, which wait, and until when.
//!
//! A state machine without clock, disk or sockets: time is an argument (milliseconds since 1970),
//! [`Schedule::poll`] says what to do, [`Schedule::next_deadline`] when to ask again. It holds only
//! names and times of the entries that are due soonest; the others stay on disk and are found by a
//! scan.
//!
//! - A *lane* is a destination: a next hop's socket and a domain. Each has its own window of
//!   deliveries at a time, which grows with successes and falls to one when the destination fails.
//! - Of what is free of all deliveries, a lane may take no more than it leaves for others. So many
//!   slow destinations still leave room for one more.
//! - A failing destination rests for `retry_min`; a socket that nobody answers for a second, then
//!   two, four … up to `retry_min`. One delivery tries whether it is back, and if it is, all that
//!   waited for it is due. Nothing is written to disk for those that merely wait.

use std::collections::{BTreeSet, HashMap, VecDeque};

use address::EntryId;

mod backoff;
mod finish;
mod lane;
mod memory;
#[cfg(test)]
mod tests;

pub use backoff::{Retry, retry_at};
pub use lane::{Destination, Feedback};
use lane::{Health, Lane};
pub use memory::Admission;

/// Milliseconds since 1970.
pub type Millis = u64;

/// The schedule's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Recipients (and reports) held in memory; one entry may go beyond it.
    pub active: usize,
    /// Deliveries at a time in all.
    pub deliveries: usize,
    /// A new lane's window.
    pub initial: usize,
    /// The most deliveries at a time to one destination.
    pub per_destination: usize,
    /// How long a failing destination rests.
    pub rest: Millis,
}

/// What a delivery has to do for its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Deliver to these recipients, indices into the envelope.
    Deliver(Vec<u32>),
    /// Hand over the report of this round.
    Report(u32),
}

/// A task, where it goes and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Where it goes.
    pub destination: Destination,
    /// What is to be done.
    pub task: Task,
    /// Not before this.
    pub due: Millis,
}

/// A started delivery's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(u64);

/// What the caller must do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Do this now, then call [`Schedule::finished`].
    Start(Started),
    /// As `Start`, but don't try: the destination is known to fail and the time is over. Record
    /// this reason as the outcome.
    GiveUp(Started, String),
    /// Go through the spool with [`Schedule::wants`] and [`Schedule::admit`], then call
    /// [`Schedule::scanned`].
    Scan,
}

/// A delivery that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// Its number.
    pub job: JobId,
    /// Whose it is.
    pub entry: EntryId,
    /// Where it goes.
    pub destination: Destination,
    /// What is to be done.
    pub task: Task,
}

/// Which entries [`Schedule::flush`] means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// One.
    Entry(EntryId),
    /// What goes to this domain, in lower case.
    Domain(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the timers.
    Waiting,
    /// In its lane.
    Ready,
    /// Started; counted in its lane or not.
    Running { counted: bool },
}

#[derive(Debug)]
struct Job {
    entry: EntryId,
    work: Work,
    place: Place,
    /// It waits because its destination failed.
    sick: bool,
    /// It runs, and what came of it is being recorded.
    settling: bool,
}

#[derive(Debug)]
struct Held {
    jobs: Vec<JobId>,
    expires: Millis,
    weight: usize,
}

/// The schedule.
#[derive(Debug)]
pub struct Schedule {
    limits: Limits,
    next_job: u64,
    jobs: HashMap<JobId, Job>,
    entries: HashMap<EntryId, Held>,
    /// Jobs that wait, by their due time.
    timers: BTreeSet<(Millis, JobId)>,
    lanes: HashMap<Destination, Lane>,
    /// Lanes with something ready, in turn.
    turn: VecDeque<Destination>,
    /// Sockets, by their name.
    routes: HashMap<std::sync::Arc<str>, Health>,
    running: usize,
    memory: memory::Memory,
}

impl Schedule {
    /// A schedule that begins with a scan.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            next_job: 0,
            jobs: HashMap::new(),
            entries: HashMap::new(),
            timers: BTreeSet::new(),
            lanes: HashMap::new(),
            turn: VecDeque::new(),
            routes: HashMap::new(),
            running: 0,
            memory: memory::Memory::at_start(),
        }
    }

    /// Takes new limits; what runs goes on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// What to do now; to be called until it says nothing.
    pub fn poll(&mut self, now: Millis) -> Option<Action> {
        if let Some(action) = self.take_due(now) {
            return Some(action);
        }
        if let Some(action) = self.start_one(now) {
            return Some(action);
        }
        let deadline = self.scan_deadline()?;
        (deadline <= now).then(|| {
            self.memory.scan_begins();
            Action::Scan
        })
    }

    /// When [`Schedule::poll`] may have something new to say, if nobody calls before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Millis> {
        let timer = self.timers.first().map(|(due, _)| *due);
        [timer, self.scan_deadline()].into_iter().flatten().min()
    }

    /// Moves what is due from the timers into its lane.
    fn take_due(&mut self, now: Millis) -> Option<Action> {
        while let Some((due, id)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.remove(&(due, id));
            let Some(job) = self.jobs.get(&id) else { continue };
            let destination = job.work.destination.clone();
            if let Some((until, reason)) = self.rests(&destination, now) {
                if let Some(action) = self.wait_or_give_up(id, now, until, &reason) {
                    return Some(action);
                }
                continue;
            }
            if let Some(job) = self.jobs.get_mut(&id) {
                job.place = Place::Ready;
            }
            let initial = self.limits.initial;
            let lane = self.lanes.entry(destination.clone()).or_insert_with(|| Lane::new(initial));
            lane.ready.push_back(id);
            if !lane.in_turn {
                lane.in_turn = true;
                self.turn.push_back(destination);
            }
        }
        None
    }

    /// Until when a destination or its socket rests, and why.
    fn rests(&self, destination: &Destination, now: Millis) -> Option<(Millis, String)> {
        let lane = self.lanes.get(destination).map(|lane| &lane.health);
        let route = self.routes.get(&destination.route);
        let resting = [lane, route].into_iter().flatten().filter(|health| health.until > now);
        resting.max_by_key(|health| health.until).map(|h| (h.until, h.reason.clone()))
    }

    /// A ready job whose destination rests: it waits, unseen, or its time is over.
    fn wait_or_give_up(
        &mut self,
        id: JobId,
        now: Millis,
        until: Millis,
        reason: &str,
    ) -> Option<Action> {
        let job = self.jobs.get_mut(&id)?;
        let expires = self.entries.get(&job.entry).map_or(Millis::MAX, |held| held.expires);
        if expires <= now {
            job.place = Place::Running { counted: false };
            return Some(Action::GiveUp(started(id, job), reason.to_owned()));
        }
        job.place = Place::Waiting;
        job.sick = true;
        job.work.due = until.min(expires);
        self.timers.insert((job.work.due, id));
        None
    }

    /// Starts the first job, lane by lane in turn, that may start.
    fn start_one(&mut self, now: Millis) -> Option<Action> {
        let mut passed = 0;
        while passed < self.turn.len() {
            let destination = self.turn.pop_front()?;
            let Some(id) = self.next_ready(&destination, now) else { continue };
            self.turn.push_back(destination.clone());
            if let Some((until, reason)) = self.rests(&destination, now) {
                if let Some(lane) = self.lanes.get_mut(&destination) {
                    lane.ready.pop_front();
                }
                if let Some(action) = self.wait_or_give_up(id, now, until, &reason) {
                    return Some(action);
                }
                continue;
            }
            if self.may_start(&destination) {
                return self.start(id, &destination);
            }
            passed += 1;
        }
        None
    }

    /// The first job of a lane that still is one; takes an empty lane out of the turn.
    fn next_ready(&mut self, destination: &Destination, now: Millis) -> Option<JobId> {
        let lane = self.lanes.get_mut(destination)?;
        while let Some(id) = lane.ready.front() {
            if self.jobs.get(id).is_some_and(|job| job.place == Place::Ready) {
                return Some(*id);
            }
            lane.ready.pop_front();
        }
        lane.in_turn = false;
        self.drop_lane_if_idle(destination, now);
        None
    }

    fn may_start(&self, destination: &Destination) -> bool {
        let Some(lane) = self.lanes.get(destination) else { return false };
        let free = self.limits.deliveries.saturating_sub(self.running);
        let window = lane.window.min(self.limits.per_destination).max(1);
        // While it is unknown whether a socket is back, one delivery finds out.
        let probing =
            self.routes.get(&destination.route).is_some_and(|r| r.streak > 0 && r.running > 0);
        lane.running < window.min(free) && !probing
    }

    fn start(&mut self, id: JobId, destination: &Destination) -> Option<Action> {
        let lane = self.lanes.get_mut(destination)?;
        let job = self.jobs.get_mut(&id)?;
        lane.ready.pop_front();
        lane.running += 1;
        self.running += 1;
        self.routes.entry(destination.route.clone()).or_default().running += 1;
        job.place = Place::Running { counted: true };
        job.sick = false;
        Some(Action::Start(started(id, job)))
    }

    /// Makes due now what waits, and forgets that its destinations failed.
    pub fn flush(&mut self, now: Millis, which: &Which) {
        let waiting: Vec<(Millis, JobId)> = self.timers.iter().copied().collect();
        for (due, id) in waiting {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let meant = match which {
                Which::All => true,
                Which::Entry(entry) => job.entry == *entry,
                Which::Domain(domain) => *job.work.destination.domain == **domain,
            };
            if !meant {
                continue;
            }
            self.timers.remove(&(due, id));
            job.work.due = now.min(due);
            self.timers.insert((job.work.due, id));
            if let Some(lane) = self.lanes.get_mut(&job.work.destination) {
                lane.health.until = 0;
            }
            if let Some(route) = self.routes.get_mut(&job.work.destination.route) {
                route.until = 0;
            }
        }
        // What is meant and not in memory must be found on disk.
        if !matches!(which, Which::Entry(entry) if self.holds(*entry)) {
            self.memory.flushed(now, which);
        }
    }

    /// Why what waits for this destination waits, if the destination failed.
    #[must_use]
    pub fn resting_reason(&self, destination: &Destination, now: Millis) -> Option<String> {
        self.rests(destination, now).map(|(_, reason)| reason)
    }

    /// Whether a delivery of this entry runs.
    #[must_use]
    pub fn is_running(&self, entry: EntryId) -> bool {
        self.running_jobs(entry).next().is_some()
    }

    /// This delivery is about to record what came of it: says whether its entry's round is over,
    /// that is, whether no other delivery to recipients runs that has yet to record. To be called
    /// where nothing else of the entry is recorded at the same time; then of several that end
    /// together the last one hears yes.
    pub fn settles(&mut self, entry: EntryId, job: JobId) -> bool {
        if let Some(job) = self.jobs.get_mut(&job) {
            job.settling = true;
        }
        let others = self.running_jobs(entry).filter(|other| *other != job);
        let mut others = others.filter_map(|other| self.jobs.get(&other));
        !others.any(|other| matches!(other.work.task, Task::Deliver(_)) && !other.settling)
    }

    /// Deliveries that run, and recipients held.
    #[must_use]
    pub fn figures(&self) -> (usize, usize) {
        (self.running, self.memory.weight())
    }

    fn running_jobs(&self, entry: EntryId) -> impl Iterator<Item = JobId> + '_ {
        let jobs = self.entries.get(&entry).map_or(&[][..], |held| &held.jobs);
        jobs.iter().copied().filter(|id| {
            self.jobs.get(id).is_some_and(|job| matches!(job.place, Place::Running { .. }))
        })
    }

    /// Forgets a lane that has nothing to do and nothing to remember.
    fn drop_lane_if_idle(&mut self, destination: &Destination, now: Millis) {
        if self.lanes.get(destination).is_some_and(|lane| lane.is_idle(now)) {
            self.lanes.remove(destination);
        }
        // Lanes that rest are looked at no more when their entries have gone: here they go too.
        if self.lanes.len() > self.limits.active {
            self.lanes.retain(|_, lane| !lane.is_idle(now));
        }
    }
}

fn started(id: JobId, job: &Job) -> Started {
    Started {
        job: id,
        entry: job.entry,
        destination: job.work.destination.clone(),
        task: job.work.task.clone(),
    }
}
