//! Wakes sessions when somebody else changed their mailbox (IDLE, RFC 2177): no polling.
//!
//! One [`Watcher`], with one inotify instance and one thread, serves a whole daemon: the system
//! allows few instances a user (128), and many folders each. A wake-up says "look again", never
//! what changed, and may be one too many.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

/// Something of a mailbox that changes when the mailbox does. Only a [`Watcher`] looks inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchPoint(pub(crate) PathBuf);

type Wake = Arc<dyn Fn() + Send + Sync>;

/// The daemon's one pair of eyes.
#[derive(Debug)]
pub struct Watcher {
    shared: Arc<Shared>,
    stop: UnixStream,
    thread: Option<JoinHandle<()>>,
}

/// A session's standing order to be woken; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    id: u64,
    folders: Vec<WatchDescriptor>,
}

struct Shared {
    inotify: Inotify,
    orders: Mutex<Orders>,
}

#[derive(Default)]
struct Orders {
    last_id: u64,
    by_folder: HashMap<WatchDescriptor, BTreeMap<u64, Wake>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the user has too many inotify instances (`fs.inotify.max_user_instances`), or no thread
    /// can be made.
    pub fn start() -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let shared = Arc::new(Shared { inotify, orders: Mutex::default() });
        let (stop, stopped) = UnixStream::pair()?;
        let eyes = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("mailbox-watcher".to_owned())
            .spawn(move || look(&eyes, &stopped))?;
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    /// Calls `wake` soon after any of `points` changes, from the watcher's thread: it must not block.
    /// What changed before this returns may or may not wake: refresh the mailbox once afterwards.
    ///
    /// # Errors
    /// If a mailbox is gone, or the user watches too many folders (`fs.inotify.max_user_watches`):
    /// look at the mailbox every now and then instead.
    pub fn watch(
        &self,
        points: Vec<WatchPoint>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Watch> {
        let wake: Wake = Arc::new(wake);
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        let mut orders = self.shared.orders();
        orders.last_id += 1;
        let mut watch =
            Watch { shared: Arc::clone(&self.shared), id: orders.last_id, folders: Vec::new() };
        for WatchPoint(folder) in points {
            match self.shared.inotify.add_watch(&folder, flags) {
                Ok(descriptor) => {
                    orders.by_folder.entry(descriptor).or_default().insert(watch.id, wake.clone());
                    watch.folders.push(descriptor);
                }
                Err(errno) => {
                    drop(orders); // dropping the half-made watch takes the lock
                    return Err(errno.into());
                }
            }
        }
        drop(orders);
        Ok(watch)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.stop.shutdown(std::net::Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut orders = self.shared.orders();
        for folder in &self.folders {
            if let Some(here) = orders.by_folder.get_mut(folder) {
                here.remove(&self.id);
                if here.is_empty() {
                    orders.by_folder.remove(folder);
                    let _ = self.shared.inotify.rm_watch(*folder);
                }
            }
        }
    }
}

/// The thread: waits for events or for the end.
fn look(shared: &Shared, stopped: &UnixStream) {
    loop {
        let mut fds = [
            PollFd::new(shared.inotify.as_fd(), PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut fds, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                tracing::error!(%errno, "waiting for changes of mailboxes failed; IDLE is blind");
                return;
            }
        }
        let [_, stop] = &fds;
        if stop.revents().is_some_and(|events| !events.is_empty()) {
            return;
        }
        for wake in events(shared) {
            wake();
        }
    }
}

/// Whom the waiting events concern, each once.
fn events(shared: &Shared) -> Vec<Wake> {
    let Ok(events) = shared.inotify.read_events() else { return Vec::new() };
    let mut orders = shared.orders();
    let mut woken: BTreeMap<u64, Wake> = BTreeMap::new();
    for event in events {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            // The system dropped events: anybody may have missed one.
            for here in orders.by_folder.values() {
                woken.extend(here.iter().map(|(id, wake)| (*id, wake.clone())));
            }
        } else if let Some(here) = orders.by_folder.get(&event.wd) {
            woken.extend(here.iter().map(|(id, wake)| (*id, wake.clone())));
            if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                orders.by_folder.remove(&event.wd); // the folder is gone
            }
        }
    }
    woken.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn wakes_those_concerned_until_dropped() {
        let dir = tempfile::tempdir().expect("dir");
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::create_dir(&a).expect("a");
        std::fs::create_dir(&b).expect("b");
        let watcher = Watcher::start().expect("inotify");
        let order = |points: &[&PathBuf]| {
            let (tell, told) = mpsc::channel();
            let points = points.iter().map(|p| WatchPoint((*p).clone())).collect();
            let watch = watcher
                .watch(points, move || {
                    let _ = tell.send(());
                })
                .expect("watch");
            (watch, told)
        };
        let (_both, both) = order(&[&a, &b]);
        let (only_a, in_a) = order(&[&a]);
        std::fs::write(a.join("x"), "").expect("write");
        both.recv_timeout(PATIENCE).expect("woken");
        in_a.recv_timeout(PATIENCE).expect("woken");
        drop(only_a);
        assert!(in_a.recv_timeout(PATIENCE).is_err(), "its order is gone");
        std::fs::rename(a.join("x"), b.join("x")).expect("rename");
        both.recv_timeout(PATIENCE).expect("woken");
        std::fs::remove_dir_all(&b).expect("remove");
        both.recv_timeout(PATIENCE).expect("woken");
        assert!(watcher.watch(vec![WatchPoint(b)], || {}).is_err(), "nothing there");
    }
}
