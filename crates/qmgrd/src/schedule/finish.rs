//! What the end of a delivery changes.

use address::EntryId;

use super::lane::route_rest;
use super::{Feedback, Job, JobId, Millis, Place, Schedule, Work};

impl Schedule {
    /// A delivery is over. `again` is what of it must be done later, `more` what its end brought up
    /// (reports). Everything must be on disk by now. An entry without work left is forgotten.
    pub fn finished(
        &mut self,
        now: Millis,
        id: JobId,
        feedback: Feedback,
        again: Option<Work>,
        more: Vec<Work>,
    ) {
        let Some(job) = self.jobs.remove(&id) else { return };
        if (job.place == Place::Running { counted: true }) {
            self.count_down(&job);
        }
        let sick = matches!(feedback, Feedback::RouteDown(_));
        self.learn(now, &job, feedback);
        let entry = job.entry;
        if let Some(held) = self.entries.get_mut(&entry) {
            held.jobs.retain(|other| *other != id);
            self.memory.lighter(&mut held.weight, job.work.task.weight());
            if let Some(work) = again {
                self.add(entry, work, sick);
            }
            for work in more {
                self.add(entry, work, false);
            }
            if self.entries.get(&entry).is_some_and(|held| held.jobs.is_empty()) {
                self.entries.remove(&entry);
            }
        }
        self.drop_lane_if_idle(&job.work.destination, now);
    }

    /// Forgets an entry that the operator deleted, or whose files are gone. Deliveries that run go
    /// on to their end.
    pub fn forget(&mut self, entry: EntryId) {
        let Some(held) = self.entries.remove(&entry) else { return };
        self.memory.forget(held.weight);
        for id in held.jobs {
            let Some(job) = self.jobs.get(&id) else { continue };
            if matches!(job.place, Place::Running { .. }) {
                continue;
            }
            self.timers.remove(&(job.work.due, id));
            self.jobs.remove(&id);
        }
    }

    /// Adds work to an entry that is held.
    pub(super) fn add(&mut self, entry: EntryId, work: Work, sick: bool) {
        let Some(held) = self.entries.get_mut(&entry) else { return };
        self.next_job += 1;
        let id = JobId(self.next_job);
        held.jobs.push(id);
        self.memory.heavier(&mut held.weight, work.task.weight());
        self.timers.insert((work.due, id));
        self.jobs.insert(id, Job { entry, work, place: Place::Waiting, sick, settling: false });
    }

    fn count_down(&mut self, job: &Job) {
        self.running = self.running.saturating_sub(1);
        if let Some(lane) = self.lanes.get_mut(&job.work.destination) {
            lane.running = lane.running.saturating_sub(1);
        }
        if let Some(route) = self.routes.get_mut(&job.work.destination.route) {
            route.running = route.running.saturating_sub(1);
            if route.running == 0 && route.streak == 0 {
                self.routes.remove(&job.work.destination.route);
            }
        }
    }

    fn learn(&mut self, now: Millis, job: &Job, feedback: Feedback) {
        let destination = &job.work.destination;
        let rest = self.limits.rest;
        match feedback {
            Feedback::Unknown => {}
            Feedback::Good => {
                let most = self.limits.per_destination;
                let lane_is_back = self.lanes.get_mut(destination).is_some_and(|lane| {
                    lane.window = (lane.window + 1).min(most);
                    lane.health.succeeded()
                });
                let route = self.routes.get_mut(&destination.route);
                let route_is_back = route.is_some_and(super::Health::succeeded);
                if route_is_back {
                    self.wake(now, |job| job.work.destination.route == destination.route);
                } else if lane_is_back {
                    self.wake(now, |job| job.work.destination == *destination);
                }
            }
            Feedback::DestinationDown(reason) => {
                if let Some(lane) = self.lanes.get_mut(destination) {
                    lane.window = 1;
                    lane.health.failed(now, reason, |_| rest);
                }
                // The socket answered, or it would be the one to blame.
                if self.routes.get_mut(&destination.route).is_some_and(super::Health::succeeded) {
                    self.wake(now, |other| {
                        other.work.destination.route == destination.route
                            && other.work.destination != *destination
                    });
                }
            }
            Feedback::RouteDown(reason) | Feedback::RouteBroke(reason) => {
                let route = self.routes.entry(destination.route.clone()).or_default();
                route.failed(now, reason, |streak| route_rest(streak, rest));
            }
        }
    }

    /// Makes due what waits because its destination failed.
    fn wake(&mut self, now: Millis, meant: impl Fn(&Job) -> bool) {
        let waiting: Vec<(Millis, JobId)> = self.timers.iter().copied().collect();
        for (due, id) in waiting {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            if job.sick && meant(job) {
                self.timers.remove(&(due, id));
                job.sick = false;
                job.work.due = now.min(due);
                self.timers.insert((job.work.due, id));
            }
        }
    }
}
