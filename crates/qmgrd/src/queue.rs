//! The queue at work: starts what the schedule says, scans the spool, keeps the hops' clients.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use address::EntryId;
use daemon::{CancellationToken, Context, Life, now_millis};
use lmtp_client::{Client, Target};
use spool::{Disk, Entry, Head, Spool, SpoolError, State, Update};
use tokio::sync::{Notify, watch};

use crate::figures::Figures;
use crate::record;
use crate::route;
use crate::schedule::{Action, Admission, Feedback, JobId, Millis, Schedule, Started, Task, Work};
use crate::settings::Settings;
use crate::{deliver, hand_over};

/// How long the loop sleeps at most, so that a clock that jumped is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// After a record could not be written: the first pause before it is written anew, and the longest.
const RECORD_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_RECORD_PAUSE: Duration = Duration::from_secs(10);

/// What intake, deliveries and the operator share.
pub(crate) struct Queue {
    pub(crate) spool: Spool<Disk>,
    schedule: Mutex<Schedule>,
    /// The schedule has something new to say.
    changed: Notify,
    reload: watch::Receiver<Arc<Settings>>,
    clients: Mutex<HashMap<String, (lmtp_client::Settings, Client)>>,
    pub(crate) life: Life,
    pub(crate) shutdown: CancellationToken,
    /// Messages that are being taken in.
    pub(crate) sessions: Arc<AtomicUsize>,
    pub(crate) figures: Figures,
}

/// Runs what blocks on the disk on a thread that may; none if it panicked.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "work on the disk was cut short");
            None
        }
    }
}

impl Queue {
    pub(crate) fn new(spool: Spool<Disk>, context: &Context<Settings>) -> Self {
        let settings = context.settings();
        Self {
            spool,
            schedule: Mutex::new(Schedule::new(settings.limits)),
            changed: Notify::new(),
            reload: context.reload.clone(),
            clients: Mutex::default(),
            life: context.life.clone(),
            shutdown: context.shutdown.clone(),
            sessions: Arc::new(AtomicUsize::new(0)),
            figures: Figures::default(),
        }
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.reload.borrow())
    }

    /// The schedule, for a moment; whoever changes it calls [`Queue::wake`].
    pub(crate) fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the loop look at the schedule again.
    pub(crate) fn wake(&self) {
        self.changed.notify_one();
    }

    /// The client for a socket, with the settings as they are now.
    pub(crate) fn client(&self, settings: &Settings, socket: &str) -> Client {
        let wanted = settings.hop_settings();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        match clients.get(socket) {
            Some((made_with, client)) if *made_with == wanted => client.clone(),
            _ => {
                let client = Client::new(Target::Unix(socket.into()), wanted.clone());
                clients.insert(socket.to_owned(), (wanted, client.clone()));
                client
            }
        }
    }

    /// Starts what is due, until shutdown.
    pub(crate) async fn run(self: &Arc<Self>) {
        let mut reload = self.reload.clone();
        let first = self.settings().spool.clone();
        loop {
            let deadline = self.start_due();
            let sleep = deadline.map_or(LONGEST_SLEEP, |at| {
                Duration::from_millis(at.saturating_sub(now_millis())).min(LONGEST_SLEEP)
            });
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                () = self.changed.notified() => {}
                Ok(()) = reload.changed() => {
                    let settings = self.settings();
                    self.schedule().set_limits(settings.limits);
                    if settings.spool != first {
                        tracing::warn!("needs restart: spool");
                    }
                }
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Starts everything that may start now; says when to look again.
    fn start_due(self: &Arc<Self>) -> Option<Millis> {
        loop {
            let (action, deadline) = {
                let mut schedule = self.schedule();
                let action = schedule.poll(now_millis());
                (action, schedule.next_deadline())
            };
            match action {
                None => return deadline,
                Some(Action::Scan) => {
                    let queue = Arc::clone(self);
                    self.life.spawn(async move { queue.scan().await });
                }
                Some(Action::Start(started)) => self.start(started, None),
                Some(Action::GiveUp(started, reason)) => self.start(started, Some(reason)),
            }
        }
    }

    fn start(self: &Arc<Self>, started: Started, given_up: Option<String>) {
        let job = Job { queue: Arc::clone(self), started: Some(started) };
        self.life.spawn(async move {
            match job.task() {
                Some(Task::Deliver(recipients)) => {
                    deliver::run(job, recipients, given_up).await;
                }
                Some(Task::Report(round)) => hand_over::run(job, round, given_up).await,
                None => {}
            }
        });
    }

    /// Brings what is due soonest from the spool into memory.
    async fn scan(self: Arc<Self>) {
        let queue = Arc::clone(&self);
        let complete = blocking(move || {
            queue.spool.scan(|id| {
                queue.look_at(id);
                match queue.shutdown.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
        });
        let complete = match complete.await {
            Some(Ok(())) => true,
            Some(Err(error)) => {
                tracing::error!(%error, "the spool could not be read through");
                false
            }
            None => false,
        };
        self.schedule().scanned(now_millis(), complete);
        self.wake();
    }

    /// During a scan, on a blocking thread: takes an entry up if there is room for it.
    fn look_at(&self, id: EntryId) {
        if self.schedule().holds(id) {
            return;
        }
        let (due, tried) = match self.spool.due(id) {
            Ok(times) => times,
            Err(error) => return self.unreadable(id, &error),
        };
        if !self.schedule().wants(id, due, tried) {
            return;
        }
        match self.take_up(id) {
            Ok(entry) => self.admit(id, &entry.head, &entry.state),
            Err(error) => self.unreadable(id, &error),
        }
    }

    /// Loads an entry, blocking; reports that a crash left unfixed are fixed first.
    fn take_up(&self, id: EntryId) -> Result<Entry, SpoolError> {
        let entry = self.spool.load(id)?;
        let total = entry.head.total();
        if (0..total).all(|n| entry.state.recipient(n).owed.is_none()) {
            return Ok(entry);
        }
        let settings = self.settings();
        self.spool.update(id, |head, state| {
            record::fix(&settings, head, state, id, now_millis());
        })?;
        self.spool.load(id)
    }

    /// Gives an entry to the schedule.
    pub(crate) fn admit(&self, id: EntryId, head: &Head, state: &State) {
        let settings = self.settings();
        let work = route::work(&settings, head, state);
        let expires = record::expires(&settings, head);
        self.schedule().admit(Admission { entry: id, expires, work }, state.tried());
        self.wake();
    }

    /// An entry that can't be read: set aside, so that nobody stumbles over it again.
    pub(crate) fn unreadable(&self, id: EntryId, error: &SpoolError) {
        if error.is_not_found() {
            return;
        }
        tracing::error!(id = %id, %error, "cannot read an entry of the queue");
        if let Err(error) = self.spool.quarantine(id, error) {
            tracing::error!(id = %id, %error, "cannot set it aside");
        }
    }

    /// Changes a record, and does not give up before it is changed: what was delivered must not be
    /// delivered again. None at shutdown, or if the entry is gone.
    pub(crate) async fn update<T, C>(&self, id: EntryId, change: C) -> Option<Update<T>>
    where
        T: Send + 'static,
        C: Fn(&Head, &mut State) -> T + Send + Sync + 'static,
    {
        let change = Arc::new(change);
        let mut pause = RECORD_PAUSE;
        loop {
            let (spool, change) = (self.spool.clone(), Arc::clone(&change));
            let done = blocking(move || spool.update(id, |head, state| change(head, state)));
            match done.await? {
                Ok(update) => return Some(update),
                Err(error) if error.is_not_found() => return None,
                Err(error) => {
                    tracing::error!(id = %id, %error, "cannot record what was done; trying again");
                    if matches!(error, SpoolError::Head { .. } | SpoolError::State { .. }) {
                        self.unreadable(id, &error);
                    }
                }
            }
            tokio::select! {
                () = self.shutdown.cancelled() => return None,
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_RECORD_PAUSE);
        }
    }

    /// Messages that are being taken in now.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }
}

/// A started delivery. Dropped before its end (a panic, the drain's end), it is due again.
pub(crate) struct Job {
    pub(crate) queue: Arc<Queue>,
    started: Option<Started>,
}

impl Job {
    fn task(&self) -> Option<Task> {
        self.started.as_ref().map(|started| started.task.clone())
    }

    /// What was started.
    pub(crate) fn started(&self) -> Option<&Started> {
        self.started.as_ref()
    }

    /// Its number.
    pub(crate) fn id(&self) -> Option<JobId> {
        self.started.as_ref().map(|started| started.job)
    }

    /// Tells the schedule how it ended.
    pub(crate) fn finish(mut self, feedback: Feedback, again: Option<Work>, more: Vec<Work>) {
        let Some(started) = self.started.take() else { return };
        self.queue.schedule().finished(now_millis(), started.job, feedback, again, more);
        self.queue.wake();
    }

    /// The entry is gone: nothing is left to do for it.
    pub(crate) fn entry_is_gone(mut self) {
        let Some(started) = self.started.take() else { return };
        let mut schedule = self.queue.schedule();
        schedule.finished(now_millis(), started.job, Feedback::Unknown, None, Vec::new());
        schedule.forget(started.entry);
        drop(schedule);
        self.queue.wake();
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let Some(started) = self.started.take() else { return };
        let now = now_millis();
        let due = now.saturating_add(self.queue.settings().retry.min);
        let again = Work { destination: started.destination, task: started.task, due };
        let feedback = Feedback::Unknown;
        self.queue.schedule().finished(now, started.job, feedback, Some(again), Vec::new());
        self.queue.wake();
    }
}
