//! Takes renewed certificates up without being asked.
//!
//! One thread of the process looks at each pair's files every [`EVERY`]: a look at their inodes
//! sees a rename over a file, a link that leads elsewhere (certbot's live/ → archive/) and a
//! folder that was swapped, needs no right to the folder under Landlock, and costs two system
//! calls. It begins when the first certificate is served and ends with the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::slot;

/// How often: two looks, the second for what the first found half-written, are within 5 seconds.
const EVERY: Duration = Duration::from_secs(2);

static RUNNING: AtomicBool = AtomicBool::new(false);

/// Begins to watch, if there is something to watch and nobody does yet. Starts a thread: only
/// after privileges are dropped.
pub(crate) fn start() {
    if slot::all().is_empty() || RUNNING.swap(true, Ordering::Relaxed) {
        return;
    }
    let begun = std::thread::Builder::new().name("tls-watch".to_owned()).spawn(|| {
        loop {
            std::thread::sleep(EVERY);
            for slot in slot::all() {
                slot.look_and_tell();
            }
        }
    });
    if let Err(error) = begun {
        RUNNING.store(false, Ordering::Relaxed);
        tracing::error!(%error, "renewed certificates need a restart: no thread to watch for them");
    }
}
