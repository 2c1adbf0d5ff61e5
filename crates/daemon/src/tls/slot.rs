//! One pair of files and what of it is served now.
//!
//! A process has one slot for a pair of files, however often its configuration is read: so a reload
//! goes on with what is loaded where the files can't be read any more (keys that only root may
//! read), and the [watcher](super::watch) finds all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use super::certificate::judge;
use super::error::TlsError;
use super::pair::{Pair, PairFiles, Stamp, key_is_open};
use super::report::now;

/// One pair of files and what of it is served now.
#[derive(Debug)]
pub(super) struct Slot {
    files: PairFiles,
    served: RwLock<Served>,
    trouble: Mutex<Trouble>,
}

#[derive(Debug)]
struct Served {
    pair: Arc<Pair>,
    /// The files as they were just before they were read.
    stamp: Stamp,
}

/// Files that changed and can't be taken up.
#[derive(Debug, Default)]
struct Trouble {
    /// What was wrong the last time.
    seen: Option<String>,
    /// It was said.
    told: bool,
}

/// What a look at the files brought.
#[derive(Debug)]
pub(super) enum Look {
    /// They are as they were.
    Same,
    /// They were written again, with the same certificate.
    Again,
    /// A new certificate is served from now on.
    New,
    /// They changed and can't be used; what was served is served on.
    Wrong(TlsError),
}

impl Slot {
    fn load(files: PairFiles) -> Result<Self, TlsError> {
        let stamp = files.stamp();
        let pair = Arc::new(files.read()?);
        let served = RwLock::new(Served { pair, stamp });
        Ok(Self { files, served, trouble: Mutex::default() })
    }

    /// Where they stand.
    pub(super) fn files(&self) -> &PairFiles {
        &self.files
    }

    /// What is served now.
    pub(super) fn pair(&self) -> Arc<Pair> {
        Arc::clone(&self.served.read().unwrap_or_else(PoisonError::into_inner).pair)
    }

    /// Why the files as they are now can't be taken up.
    pub(super) fn trouble(&self) -> Option<String> {
        lock(&self.trouble).seen.clone()
    }

    /// Takes the files up if they changed.
    pub(super) fn look(&self) -> Look {
        let stamp = self.files.stamp();
        if self.served.read().unwrap_or_else(PoisonError::into_inner).stamp == stamp {
            lock(&self.trouble).seen = None;
            return Look::Same;
        }
        let pair = match self.files.read() {
            Ok(pair) => Arc::new(pair),
            Err(error) => return Look::Wrong(error),
        };
        *lock(&self.trouble) = Trouble::default();
        let mut served = self.served.write().unwrap_or_else(PoisonError::into_inner);
        let same = served.pair.fingerprint() == pair.fingerprint();
        *served = Served { pair, stamp };
        if same { Look::Again } else { Look::New }
    }

    /// Looks, and logs what an operator must know: once for each trouble, and only when a second
    /// look finds it too, as files that are just being written are no trouble.
    pub(super) fn look_and_tell(&self) {
        let file = self.files.certificate.display().to_string();
        match self.look() {
            Look::Same | Look::Again => {}
            Look::New => {
                let pair = self.pair();
                let names = pair.leaf().map_or_else(String::new, |leaf| leaf.names.join(","));
                let fingerprint = pair.fingerprint();
                tracing::info!(file, names, fingerprint, "a new certificate is served");
                for warning in judge(&pair.chain, now()) {
                    tracing::warn!(file, "{warning}");
                }
            }
            Look::Wrong(error) => {
                let said = error.to_string();
                let mut trouble = lock(&self.trouble);
                if trouble.seen.as_deref() != Some(&said) {
                    *trouble = Trouble { seen: Some(said), told: false };
                } else if !trouble.told {
                    trouble.told = true;
                    let remedy = remedy(&error);
                    tracing::error!(
                        file,
                        "the new certificate can't be used, the old one is served on: {said}{remedy}"
                    );
                }
            }
        }
    }

    /// What an operator must hear of what is served.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut said = judge(&self.pair().chain, now());
        if key_is_open(&self.files.key) {
            said.push(format!(
                "everybody on this machine can read the key {}: chmod o-r",
                self.files.key.display()
            ));
        }
        said
    }
}

fn remedy(error: &TlsError) -> &'static str {
    if error.is_permission() {
        "; only root may: restart, or have `dovetail tls copy` place copies for this daemon"
    } else {
        ""
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every slot of this process that somebody still serves from.
static SLOTS: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

/// The slot of these files: the one that is there, after a look at the files, or a new one.
///
/// # Errors
/// The files can't be used. Files that this process may not read any more are no error where they
/// are loaded already: that is said in the log, and what was loaded is served on.
pub(super) fn open(files: PairFiles) -> Result<Arc<Slot>, TlsError> {
    if let Some(slot) = all().into_iter().find(|slot| *slot.files() == files) {
        return match slot.look() {
            Look::Wrong(error) if error.is_permission() => {
                tracing::warn!("kept the certificate that is served: {error}{}", remedy(&error));
                Ok(slot)
            }
            Look::Wrong(error) => Err(error),
            Look::Same | Look::Again | Look::New => Ok(slot),
        };
    }
    let slot = Arc::new(Slot::load(files)?);
    lock(&SLOTS).push(Arc::downgrade(&slot));
    Ok(slot)
}

/// All that are served from now, in the order in which they were opened.
pub(super) fn all() -> Vec<Arc<Slot>> {
    let mut slots = lock(&SLOTS);
    slots.retain(|slot| slot.strong_count() > 0);
    slots.iter().filter_map(Weak::upgrade).collect()
}

/// What an operator must hear of all certificates that this process has read for its settings, each
/// with its file: `config check` and each start say it.
#[must_use]
pub fn warnings() -> Vec<String> {
    let of = |slot: Arc<Slot>| {
        let file = slot.files().certificate.display().to_string();
        slot.warnings().into_iter().map(move |said| format!("{file}: {said}"))
    };
    all().into_iter().flat_map(of).collect()
}
