//! What the service manager is told (sd_notify(3)): ready, reloading, stopping, a line of figures now and
//! then, and that the process still gets on with its work. Without a manager nothing is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::life::Life;

/// How often the figures may be told.
const FIGURES_EVERY: Duration = Duration::from_secs(10);

/// The service manager's ear. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    life: Life,
    /// The last reload failed: what is served is older than what the files say.
    stale: Arc<AtomicBool>,
}

impl Service {
    pub(crate) fn new(life: Life) -> Self {
        Self { life, stale: Arc::default() }
    }

    /// Every listener accepts. From here on the figures are told, and the watchdog is.
    pub(crate) fn ready(&self) {
        let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&self.figures())]);
        if let Some(limit) = sd_notify::watchdog_enabled() {
            let every = (limit / 2).max(Duration::from_millis(1));
            tokio::spawn(watch(every, || {
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }));
        }
        if std::env::var_os("NOTIFY_SOCKET").is_some() {
            tokio::spawn(self.clone().tell_figures());
        }
    }

    pub(crate) fn reloading(&self) {
        let mut words = vec![NotifyState::Reloading];
        words.extend(NotifyState::monotonic_usec_now());
        let _ = sd_notify::notify(&words);
    }

    pub(crate) fn reloaded(&self, good: bool) {
        self.stale.store(!good, Ordering::Relaxed);
        let _ = sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&self.figures())]);
    }

    pub(crate) fn stopping(&self) {
        let left = format!("stopping; {} connections left", self.life.connections());
        let _ = sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status(&left)]);
    }

    fn figures(&self) -> String {
        let (now, all) = (self.life.connections(), self.life.connections_total());
        let stale = match self.stale.load(Ordering::Relaxed) {
            true => "; the last reload failed, the configuration before it is in use",
            false => "",
        };
        format!("{now} connections, {all} since the start{stale}")
    }

    async fn tell_figures(self) {
        let mut told = String::new();
        let mut every = interval(FIGURES_EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if self.life.shutdown.is_cancelled() {
                return;
            }
            let figures = self.figures();
            if figures != told {
                let _ = sd_notify::notify(&[NotifyState::Status(&figures)]);
                told = figures;
            }
        }
    }
}

/// Pings as long as work gets done: this task must be run by the runtime, and a thread of its pool for
/// blocking work must be free within the time. A daemon whose threads all hang falls silent, and the
/// manager starts it anew.
async fn watch(every: Duration, ping: impl Fn()) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if tokio::task::spawn_blocking(|| ()).await.is_ok() {
            ping();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;

    fn eventually(what: &str, mut look: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !look() {
            assert!(Instant::now() < deadline, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Starts the watchdog on a runtime of so few threads, lets it ping, makes the runtime hang by what
    /// `hang` does, and sees it silent until it is let go.
    fn silent_while(hang: impl FnOnce(&tokio::runtime::Runtime, mpsc::Receiver<()>)) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let pings = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&pings);
        let count = || pings.load(Ordering::Relaxed);
        runtime.spawn(watch(Duration::from_millis(2), move || {
            counted.fetch_add(1, Ordering::Relaxed);
        }));
        eventually("the first pings", || count() > 3);
        let (let_go, held) = mpsc::channel();
        hang(&runtime, held);
        // A ping that was under way may still come; then there is silence for fifty times its pause.
        std::thread::sleep(Duration::from_millis(20));
        let before = count();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(count(), before, "a hanging runtime must be silent");
        let_go.send(()).unwrap();
        eventually("pings after the hang", || count() > before + 3);
    }

    #[test]
    fn a_runtime_that_hangs_is_silent() {
        silent_while(|runtime, held| {
            let (started, starting) = mpsc::channel();
            runtime.spawn(async move {
                started.send(()).unwrap();
                let _ = held.recv();
            });
            starting.recv_timeout(Duration::from_secs(20)).unwrap();
        });
    }

    #[test]
    fn a_pool_that_is_stuck_is_silent() {
        silent_while(|runtime, held| {
            let (started, starting) = mpsc::channel();
            runtime.spawn_blocking(move || {
                started.send(()).unwrap();
                let _ = held.recv();
            });
            starting.recv_timeout(Duration::from_secs(20)).unwrap();
        });
    }
}
