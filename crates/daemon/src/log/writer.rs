//! Writes lines: at once while the daemon starts, then on a thread behind a bounded queue.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use crate::error::Error;

/// Lines that wait for the thread; a line more is dropped and counted.
const QUEUE: usize = 8192;
/// Access bits of a log file that we make.
const FILE_MODE: u32 = 0o640;

enum Message {
    Line(String),
    Flush(SyncSender<()>),
    Wake,
}

/// Where lines go.
pub(crate) struct Writer {
    path: Option<PathBuf>,
    out: Mutex<Out>,
    queue: OnceLock<SyncSender<Message>>,
    dropped: AtomicU64,
    reopen: AtomicBool,
}

enum Out {
    Stderr,
    File(File),
}

impl Writer {
    /// Opens the file, or stderr. A file that root makes is given to `owner`, so that the daemon can
    /// open it again when it is no longer root.
    pub(crate) fn open(path: Option<&Path>, owner: (u32, u32)) -> Result<Self, Error> {
        let out = match path {
            None => Out::Stderr,
            Some(path) => {
                let opened = open_file(path).and_then(|file| {
                    if crate::users::own_ids().0 == 0 {
                        fchown(&file, Some(owner.0), Some(owner.1))?;
                    }
                    Ok(file)
                });
                Out::File(opened.map_err(|error| Error::file(path, error))?)
            }
        };
        Ok(Self {
            path: path.map(PathBuf::from),
            out: Mutex::new(out),
            queue: OnceLock::new(),
            dropped: AtomicU64::new(0),
            reopen: AtomicBool::new(false),
        })
    }

    /// Starts the thread. A second call changes nothing.
    pub(crate) fn start(this: &Arc<Self>) -> Result<(), Error> {
        let (sender, receiver) = sync_channel(QUEUE);
        if this.queue.set(sender).is_err() {
            return Ok(());
        }
        let writer = Arc::clone(this);
        let thread = std::thread::Builder::new().name("log".to_owned());
        let started = thread.spawn(move || writer.work(&receiver));
        started.map(|_| ()).map_err(|error| Error::other(format!("log thread: {error}")))
    }

    /// Queues a line, newline included; never blocks once the thread runs.
    pub(crate) fn write(&self, line: String) {
        let Some(queue) = self.queue.get() else {
            self.put(&line);
            return;
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            queue.try_send(Message::Line(line))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Lines lost because the queue was full, since the last time it was asked.
    fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    /// Asks for the file to be opened again before the next line.
    pub(crate) fn reopen(&self) {
        self.reopen.store(true, Ordering::Relaxed);
        match self.queue.get() {
            // A full queue has lines, which wake the thread as well.
            Some(queue) => drop(queue.try_send(Message::Wake)),
            None => self.reopen_now(),
        }
    }

    /// Waits until everything queued so far is written, at most `limit`.
    pub(crate) fn flush(&self, limit: Duration) {
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
                Message::Line(line) => self.put(&line),
                Message::Flush(done) => drop(done.try_send(())),
                Message::Wake => {}
            }
            let dropped = self.take_dropped();
            if dropped > 0 {
                // Through the queue again it takes the same form as every line.
                tracing::warn!(
                    dropped,
                    "log lines were lost: the log couldn't be written fast enough"
                );
            }
        }
    }

    fn put(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A log that can't be written has nowhere to say so.
        let _ = match &mut *out {
            Out::Stderr => std::io::stderr().write_all(line.as_bytes()),
            Out::File(file) => file.write_all(line.as_bytes()),
        };
    }

    fn reopen_now(&self) {
        let Some(path) = &self.path else { return };
        match open_file(path) {
            Ok(file) => *self.out.lock().unwrap_or_else(PoisonError::into_inner) = Out::File(file),
            // The old file goes on: better a line in the wrong file than none.
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "can't open the log again")
            }
        }
    }
}

fn open_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)
}
