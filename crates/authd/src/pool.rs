//! Threads for work that blocks or burns: hashing passwords, reading files.
//!
//! Both the threads and the work that may wait for them are bounded. Who comes when the queue is
//! full waits a while for a place, and is then turned away.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

type Job = Box<dyn FnOnce() + Send>;

/// The queue was full for too long, or the work was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much to do")]
pub struct Busy;

/// A set of threads with a bounded queue. They end when the pool is dropped.
#[derive(Debug)]
pub struct Pool {
    jobs: Sender<Job>,
    places: Arc<Semaphore>,
    size: usize,
    patience: Duration,
}

impl Pool {
    /// Starts `threads` threads of this name. At most `queue` jobs wait or run; who can't get a
    /// place within `patience` is turned away.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(
        name: &str,
        threads: usize,
        queue: usize,
        patience: Duration,
    ) -> std::io::Result<Self> {
        let (jobs, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..threads.max(1) {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().name(name.into()).spawn(move || work(&receiver))?;
        }
        let size = queue.max(1);
        Ok(Self { jobs, places: Arc::new(Semaphore::new(size)), size, patience })
    }

    /// Runs a job on one of the threads. A job whose asker goes away before it starts isn't run.
    ///
    /// # Errors
    /// There was no place for it, or it panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = timeout(self.patience, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let (sender, receiver) = oneshot::channel();
        self.jobs.send(boxed(job, sender, place)).map_err(|_| Busy)?;
        receiver.await.map_err(|_| Busy)
    }

    /// How many jobs wait or run.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.size - self.places.available_permits()
    }
}

fn boxed<T: Send + 'static>(
    job: impl FnOnce() -> T + Send + 'static,
    sender: oneshot::Sender<T>,
    place: OwnedSemaphorePermit,
) -> Job {
    Box::new(move || {
        if sender.is_closed() {
            return;
        }
        // A panic costs its job only; the asker sees the channel closed.
        let result = catch_unwind(AssertUnwindSafe(job));
        // Whoever hears the result finds the place free.
        drop(place);
        match result {
            // The asker may have gone meanwhile.
            Ok(result) => drop(sender.send(result)),
            Err(_) => tracing::error!("a job of the pool panicked"),
        }
    })
}

fn work(receiver: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits for work, the others for the lock.
        let job = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn runs_and_survives_a_panic() {
        let pool = Pool::start("test", 1, 4, Duration::from_secs(5)).unwrap();
        assert_eq!(pool.run(|| 6 * 7).await, Ok(42));
        assert_eq!(pool.run(|| -> u32 { panic!("on purpose") }).await, Err(Busy));
        assert_eq!(pool.run(|| 1).await, Ok(1));
        assert_eq!(pool.waiting(), 0);
    }

    #[tokio::test]
    async fn a_full_queue_turns_away() {
        let pool = Arc::new(Pool::start("test", 1, 1, Duration::from_millis(10)).unwrap());
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let (started, running) = oneshot::channel();
        let busy = Arc::clone(&pool);
        let long = tokio::spawn(async move {
            busy.run(move || {
                started.send(()).unwrap();
                wait.recv().unwrap();
            })
            .await
        });
        running.await.unwrap();
        assert_eq!(pool.run(|| ()).await, Err(Busy));
        go.send(()).unwrap();
        assert_eq!(long.await.unwrap(), Ok(()));
        assert_eq!(pool.run(|| ()).await, Ok(()));
    }
}
