//! The life of a running daemon: when to stop accepting, which connections are still there, when
//! they are cut.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared by listeners and connections. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Life {
    /// Cancelled when the daemon is to stop: no new connections, idle ones say goodbye.
    pub shutdown: CancellationToken,
    /// Cancelled when the drain's time is over: whatever still runs is dropped.
    cut: CancellationToken,
    tasks: TaskTracker,
    open: Arc<AtomicUsize>,
    total: Arc<AtomicU64>,
    leaving: Arc<AtomicBool>,
}

impl Life {
    /// A life that nobody ends, for tests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs work that the drain waits for: a delivery, say.
    pub fn spawn<F>(&self, work: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = work => {}
                () = cut.cancelled() => {}
            }
        });
    }

    /// Runs a connection, counted, with its permit.
    pub(crate) fn connection<P, F>(&self, permit: P, work: F)
    where
        P: Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.total.fetch_add(1, Ordering::Relaxed);
        let counted = Counted::new(&self.open);
        // Boxed, so that a connection's state is held once, however often it is passed on.
        let work = Box::pin(work);
        self.spawn(async move {
            let _held = (permit, counted);
            work.await;
        });
    }

    /// Connections that are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections since the start.
    #[must_use]
    pub fn connections_total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Cuts whatever still runs.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }

    /// Waits until nobody has been connected for `long`; twice that at most, once the last one left.
    pub async fn idle_for(&self, long: Duration) {
        loop {
            let before = self.connections_total();
            tokio::time::sleep(long).await;
            if self.connections() == 0 && self.connections_total() == before {
                return;
            }
        }
    }

    /// The daemon ends because nobody needs it, with success: who listens for it starts it again. To
    /// be called once `run` is about to return.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.shutdown.cancel();
    }

    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Stops accepting and waits until everything ended, at most `drain`; then cuts what is left.
    /// Gives how many connections were cut.
    pub async fn end(&self, drain: Duration) -> usize {
        self.shutdown.cancel();
        self.tasks.close();
        if tokio::time::timeout(drain, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.connections();
        self.cut.cancel();
        self.tasks.wait().await;
        left
    }
}

/// Counts itself while it lives, a panic included.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idle_is_counted_from_the_last_connection() {
        let life = Life::new();
        let began = tokio::time::Instant::now();
        let gone = CancellationToken::new();
        let ending = gone.clone();
        life.connection((), async move { ending.cancelled().await });
        let limit = Duration::from_secs(60);
        assert!(tokio::time::timeout(10 * limit, life.idle_for(limit)).await.is_err());
        gone.cancel();
        life.idle_for(limit).await;
        assert!(began.elapsed() >= 11 * limit, "{:?}", began.elapsed());
        assert!(!life.is_leaving());
        life.leave();
        assert!(life.is_leaving() && life.shutdown.is_cancelled());
    }
}
