//! The checks that every daemon has: listeners, disk, descriptors, certificates, log.
//!
//! Their thresholds are `[health]`, taken up anew by a reload.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use serde_json::{Map, Value, json};

use super::health::Check;
use super::process;
use crate::config::{Table, print_size};
use crate::listener::Serving;
use crate::tls;

/// How long lost log lines are a warning.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// What `[health]` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thresholds {
    warn_free: u64,
    min_free: u64,
    warn_inodes: u64,
    min_inodes: u64,
    descriptors_percent: u64,
    certificate_days: i64,
}

impl Thresholds {
    pub(crate) fn read(table: &Table) -> Self {
        let count = |key| u64::try_from(table.integer(key)).unwrap_or(0);
        Self {
            warn_free: table.size("warn_free"),
            min_free: table.size("min_free"),
            warn_inodes: count("warn_free_inodes"),
            min_inodes: count("min_free_inodes"),
            descriptors_percent: count("descriptors_percent"),
            certificate_days: table.integer("certificate_days"),
        }
    }
}

/// What the built-in checks look at.
#[derive(Default)]
pub(super) struct Watched {
    listeners: Mutex<Vec<(String, Value, Arc<Serving>)>>,
    /// Listeners that couldn't be made though the daemon goes on, each said in full.
    missing: Mutex<Vec<String>>,
    folders: RwLock<Vec<PathBuf>>,
    thresholds: RwLock<Option<Thresholds>>,
}

fn unpoisoned<T>(result: Result<T, PoisonError<T>>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    pub(super) fn add_listener(&self, name: &str, addresses: Vec<String>, serving: Arc<Serving>) {
        unpoisoned(self.listeners.lock()).push((name.to_owned(), addresses.into(), serving));
    }

    pub(super) fn add_missing(&self, said: &[String]) {
        unpoisoned(self.missing.lock()).extend_from_slice(said);
    }

    pub(super) fn set(&self, thresholds: Thresholds, folders: Vec<PathBuf>) {
        *unpoisoned(self.thresholds.write()) = Some(thresholds);
        *unpoisoned(self.folders.write()) = folders;
    }

    /// Where each listener is, for `/v1/status`.
    pub(super) fn places(&self) -> Value {
        let listeners = unpoisoned(self.listeners.lock());
        Value::Object(listeners.iter().map(|(name, at, _)| (name.clone(), at.clone())).collect())
    }

    /// Each listener, and whether it accepts.
    pub(super) fn serving(&self) -> Vec<(String, bool)> {
        let listeners = unpoisoned(self.listeners.lock());
        listeners
            .iter()
            .map(|(name, _, serving)| (name.clone(), serving.problem().is_none()))
            .collect()
    }

    pub(super) fn check_listeners(&self) -> Check {
        let mut check = Check::good();
        let mut shown = Map::new();
        for (name, _, serving) in unpoisoned(self.listeners.lock()).iter() {
            let problem = serving.problem();
            shown.insert(
                name.clone(),
                problem.clone().unwrap_or_else(|| "serving".to_owned()).into(),
            );
            if let Some(problem) = problem {
                check = check.and(Check::bad(format!("{name}: {problem}")));
            }
        }
        for said in unpoisoned(self.missing.lock()).iter() {
            check = check.and(Check::warn(said.clone()));
        }
        check.detail("listeners", Value::Object(shown))
    }

    /// Blocks, maybe for long: a file server may not answer.
    pub(super) fn check_disk(&self) -> Check {
        let Some(thresholds) = *unpoisoned(self.thresholds.read()) else { return Check::good() };
        let folders = unpoisoned(self.folders.read()).clone();
        let mut check = Check::good();
        let mut shown = Vec::new();
        for folder in &folders {
            let (found, place) = room(folder, &thresholds);
            check = check.and(found);
            shown.push(place);
        }
        check.detail("folders", shown)
    }

    pub(super) fn check_descriptors(&self) -> Check {
        let Some((open, limit)) = process::descriptors() else { return Check::good() };
        let percent = unpoisoned(self.thresholds.read()).map_or(100, |t| t.descriptors_percent);
        let check = if open.saturating_mul(100) >= limit.saturating_mul(percent) {
            Check::warn(format!("{open} of {limit} descriptors are open"))
        } else {
            Check::good()
        };
        check.detail("open", open).detail("limit", limit)
    }
}

impl Watched {
    pub(super) fn check_certificates(&self) -> Check {
        let days = unpoisoned(self.thresholds.read()).map_or(0, |t| t.certificate_days);
        let mut check = Check::good();
        let mut shown = Vec::new();
        for served in tls::certificates() {
            check = check.and(certificate(&served, days));
            shown.push(json!({
                "file": served.file.display().to_string(),
                "names": served.names,
                "days_left": served.days_left,
            }));
        }
        check.detail("certificates", shown)
    }
}

fn certificate(served: &tls::Served, days: i64) -> Check {
    let name = served.names.first().cloned();
    let name = name.unwrap_or_else(|| served.file.display().to_string());
    let check = match served.days_left {
        left if left < 0 => Check::bad(format!("{name} has expired")),
        left if left < days => Check::warn(format!("{name} expires in {left} days")),
        _ => Check::good(),
    };
    match &served.trouble {
        Some(trouble) => {
            check.and(Check::warn(format!("{name}: a renewed one is unusable: {trouble}")))
        }
        None => check,
    }
}

/// The samples of `dovetail_certificate_expiry_seconds`.
#[expect(clippy::cast_precision_loss, reason = "the format has no other numbers")]
pub(super) fn certificate_ends() -> Vec<(String, f64)> {
    let one = |served: tls::Served| (served.file.display().to_string(), served.not_after as f64);
    tls::certificates().into_iter().map(one).collect()
}

/// Remembers when lost lines last grew more.
#[derive(Debug, Default)]
pub(super) struct LostLines(Mutex<(u64, Option<Instant>)>);

impl LostLines {
    pub(super) fn check(&self, lost: u64, now: Instant) -> Check {
        let mut last = unpoisoned(self.0.lock());
        if lost > last.0 {
            *last = (lost, Some(now));
        }
        let check = match last.1 {
            Some(at) if now.saturating_duration_since(at) < RECENT => {
                Check::warn(format!("{lost} log lines were lost"))
            }
            _ => Check::good(),
        };
        check.detail("lost", lost)
    }
}

/// What is left on a folder's file system for those who aren't root.
fn room(folder: &Path, thresholds: &Thresholds) -> (Check, Value) {
    let name = folder.display().to_string();
    let found = match statvfs(folder) {
        Ok(found) => found,
        Err(error) => return (Check::bad(format!("{name}: {error}")), json!({ "path": name })),
    };
    let free = found.blocks_available().saturating_mul(found.fragment_size());
    let mut place = Map::new();
    place.insert("path".to_owned(), name.clone().into());
    place.insert("free".to_owned(), free.into());
    let mut check = level(&name, free, thresholds.min_free, thresholds.warn_free, |free| {
        format!("{} free", print_size(free))
    });
    // File systems without a fixed number of inodes say 0.
    if found.files() > 0 {
        let inodes = found.files_available();
        place.insert("free_inodes".to_owned(), inodes.into());
        let (least, few) = (thresholds.min_inodes, thresholds.warn_inodes);
        check = check.and(level(&name, inodes, least, few, |free| format!("{free} inodes free")));
    }
    (check, Value::Object(place))
}

fn level(folder: &str, free: u64, least: u64, few: u64, say: impl Fn(u64) -> String) -> Check {
    if free < least {
        Check::bad(format!("{folder}: {}", say(free)))
    } else if free < few {
        Check::warn(format!("{folder}: {}", say(free)))
    } else {
        Check::good()
    }
}

#[cfg(test)]
mod tests {
    use super::super::health::State;
    use super::*;

    fn watched(warn_free: u64, min_free: u64, folder: &Path) -> Watched {
        let watched = Watched::default();
        let thresholds = Thresholds {
            warn_free,
            min_free,
            warn_inodes: 0,
            min_inodes: 0,
            descriptors_percent: 80,
            certificate_days: 14,
        };
        watched.set(thresholds, vec![folder.to_owned()]);
        watched
    }

    #[test]
    fn disks() {
        let dir = tempfile::tempdir().unwrap();
        let state = |warn, min| watched(warn, min, dir.path()).check_disk();
        assert_eq!(state(1, 1).state(), State::Good);
        assert_eq!(state(u64::MAX, 1).state(), State::Warn);
        let bad = state(u64::MAX, u64::MAX);
        assert_eq!(bad.state(), State::Bad);
        assert!(bad.message().contains(&format!("{}: ", dir.path().display())), "{bad:?}");
        assert!(bad.message().ends_with(" free"), "{bad:?}");
        let gone = watched(1, 1, &dir.path().join("gone")).check_disk();
        assert!(gone.message().contains("gone: ENOENT"), "{gone:?}");
    }

    #[test]
    fn certificates() {
        let served = |days_left, trouble: Option<&str>| tls::Served {
            file: "/x.pem".into(),
            names: vec!["mx.example.test".to_owned()],
            not_after: 0,
            days_left,
            trouble: trouble.map(str::to_owned),
        };
        assert_eq!(certificate(&served(14, None), 14), Check::good());
        let soon = Check::warn("mx.example.test expires in 13 days");
        assert_eq!(certificate(&served(13, None), 14), soon);
        assert_eq!(certificate(&served(-1, None), 14), Check::bad("mx.example.test has expired"));
        let torn = certificate(&served(20, Some("no key")), 14);
        let said = "mx.example.test: a renewed one is unusable: no key";
        assert_eq!(torn, Check::warn(said));
    }

    #[test]
    fn lost_lines_are_a_warning_for_a_while() {
        let (lines, now) = (LostLines::default(), Instant::now());
        assert_eq!(lines.check(0, now).state(), State::Good);
        assert_eq!(lines.check(3, now).message(), "3 log lines were lost");
        let later = now + RECENT / 2;
        assert_eq!(lines.check(3, later).state(), State::Warn);
        assert_eq!(lines.check(3, now + RECENT).state(), State::Good);
        assert_eq!(lines.check(4, now + RECENT).state(), State::Warn);
    }

    #[test]
    fn listeners() {
        let watched = Watched::default();
        let serving = Arc::<Serving>::default();
        watched.add_listener("smtp", vec!["127.0.0.1:25".to_owned()], Arc::clone(&serving));
        let check = watched.check_listeners();
        assert_eq!(
            (check.state(), check.message().as_str()),
            (State::Bad, "smtp: nobody serves it")
        );
        serving.accepting();
        assert_eq!(watched.check_listeners().state(), State::Good);
        serving.failing("accept: Too many open files");
        assert!(watched.check_listeners().message().ends_with("Too many open files"));
        serving.accepting();
        watched.add_missing(&["listener postfix: away".to_owned()]);
        assert_eq!(watched.check_listeners().state(), State::Warn);
        assert_eq!(watched.places(), json!({"smtp": ["127.0.0.1:25"]}));
    }
}
