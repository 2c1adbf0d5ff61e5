//! Writes records: at once while the daemon starts, then on a thread behind a bounded queue.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::target::{Record, Target};
use crate::error::Error;

/// Lines that wait for the thread; a line more is dropped and counted.
const QUEUE: usize = 8192;

enum Message {
    Record(Record),
    Flush(SyncSender<()>),
    Wake,
}

/// Where lines go.
pub(super) struct Writer {
    target: Mutex<Box<dyn Target>>,
    queue: OnceLock<SyncSender<Message>>,
    /// Lines lost since that was last told.
    lost: AtomicU64,
    lost_in_all: AtomicU64,
    reopen: AtomicBool,
}

impl Writer {
    pub(super) fn new(target: Box<dyn Target>) -> Self {
        Self {
            target: Mutex::new(target),
            queue: OnceLock::new(),
            lost: AtomicU64::new(0),
            lost_in_all: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
        }
    }

    /// Starts the thread. A second call changes nothing.
    pub(super) fn start(this: &Arc<Self>) -> Result<(), Error> {
        let (sender, receiver) = sync_channel(QUEUE);
        if this.queue.set(sender).is_err() {
            return Ok(());
        }
        let writer = Arc::clone(this);
        let thread = std::thread::Builder::new().name("log".to_owned());
        let started = thread.spawn(move || writer.work(&receiver));
        started.map(|_| ()).map_err(|error| Error::other(format!("log thread: {error}")))
    }

    /// Queues a record; never blocks once the thread runs.
    pub(super) fn write(&self, record: Record) {
        let Some(queue) = self.queue.get() else {
            self.put(&record, false);
            return;
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            queue.try_send(Message::Record(record))
        {
            self.lose();
        }
    }

    /// Lines lost since the start: the queue was full, or the log couldn't be written.
    pub(super) fn lost(&self) -> u64 {
        self.lost_in_all.load(Ordering::Relaxed)
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.lost_in_all.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks for the files to be opened again before the next line.
    pub(super) fn reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
        match self.queue.get() {
            // A full queue has lines, which wake the thread as well.
            Some(queue) => drop(queue.try_send(Message::Wake)),
            None => self.reopen_now(),
        }
    }

    /// Waits until everything queued so far is written, at most `limit`.
    pub(super) fn flush(&self, limit: Duration) {
        let Some(queue) = self.queue.get() else { return };
        let (done, wait) = sync_channel(1);
        if queue.try_send(Message::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(limit);
        }
    }

    fn work(&self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            if self.reopen.swap(false, Ordering::Relaxed) {
                self.reopen_now();
            }
            match message {
                // A line got through: now it can be told how many didn't.
                Message::Record(record) if self.put(&record, true) => self.tell_lost(),
                Message::Flush(done) => drop(done.try_send(())),
                Message::Record(_) | Message::Wake => {}
            }
        }
    }

    fn tell_lost(&self) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            // Through the queue again it takes the same form as every line.
            tracing::warn!(
                lost,
                "log lines were lost: the log couldn't be written, or not as fast"
            );
        }
    }

    /// Writes it; says whether that worked.
    fn put(&self, record: &Record, may_wait: bool) -> bool {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let written = target.write(record, may_wait).is_ok();
        if !written {
            self.lose();
        }
        written
    }

    fn reopen_now(&self) {
        let failed = self.target.lock().unwrap_or_else(PoisonError::into_inner).reopen();
        for failure in failed {
            tracing::error!("can't open the log again: {failure}");
        }
    }
}
