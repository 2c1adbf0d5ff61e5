//! Power cuts: whatever was acknowledged is there afterwards, nothing is torn or invented, and no UID
//! means two messages.
//!
//! A [`recorder`] stands between the store and the disk and writes down every operation that changes
//! something. Of that record the [`model`] builds the states that a power cut may leave at any moment:
//! data that wasn't synced is lost, cut short or zero-filled, folder entries that weren't synced are
//! there or not, one by one. A rename is one entry that moves, as on every journaling file system of
//! Linux. In each state the store starts anew, and the [`ledger`] says whether it kept its word.
//!
//! The control that makes it a test: without any single one of the store's sync points the run finds
//! a broken word.

mod ledger;
mod model;
mod recorder;
mod scenarios;

use std::collections::HashSet;
use std::path::Path;

use store::fs::SyncPoint;

use ledger::Ledger;
use model::Model;
use scenarios::SCENARIOS;

/// All of them, so that none is forgotten: the match in [`all_points`] fails to compile for a new one.
const POINTS: &[SyncPoint] = &[
    SyncPoint::Message,
    SyncPoint::Delivered,
    SyncPoint::Appended,
    SyncPoint::Copied,
    SyncPoint::Flags,
    SyncPoint::Expunged,
    SyncPoint::UidlistAppend,
    SyncPoint::UidlistForeign,
    SyncPoint::UidlistRewrite,
    SyncPoint::UidlistFolder,
    SyncPoint::Keywords,
    SyncPoint::KeywordsFolder,
    SyncPoint::Subscriptions,
    SyncPoint::SubscriptionsFolder,
    SyncPoint::UidValidity,
    SyncPoint::MadeFolder,
    SyncPoint::RenamedFolder,
    SyncPoint::DeletedFolder,
];

/// Whether `point` is in [`POINTS`].
fn is_listed(point: SyncPoint) -> bool {
    match point {
        SyncPoint::Message
        | SyncPoint::Delivered
        | SyncPoint::Appended
        | SyncPoint::Copied
        | SyncPoint::Flags
        | SyncPoint::Expunged
        | SyncPoint::UidlistAppend
        | SyncPoint::UidlistForeign
        | SyncPoint::UidlistRewrite
        | SyncPoint::UidlistFolder
        | SyncPoint::Keywords
        | SyncPoint::KeywordsFolder
        | SyncPoint::Subscriptions
        | SyncPoint::SubscriptionsFolder
        | SyncPoint::UidValidity
        | SyncPoint::MadeFolder
        | SyncPoint::RenamedFolder
        | SyncPoint::DeletedFolder => POINTS.contains(&point),
    }
}

/// States looked at, at most, of one moment.
const PER_MOMENT: usize = 40;

/// Where states are built: in memory, if that is to be had.
fn workshop() -> tempfile::TempDir {
    let builder = || tempfile::Builder::new().prefix("dv-crash").to_owned();
    let memory = Path::new("/dev/shm");
    builder().tempdir_in(memory).or_else(|_| builder().tempdir()).expect("a scratch folder")
}

/// Runs a scenario, without one of the sync points if told so, and looks at the states after it, at
/// most `per_moment` of each moment. The number of states, or the first broken word.
fn explore(
    scenario: fn(&mut scenarios::Stage),
    seed: u64,
    without: Option<SyncPoint>,
    per_moment: usize,
) -> Result<usize, String> {
    let place = workshop();
    let mut stage = scenarios::Stage::new(place.path(), seed, without);
    scenario(&mut stage);
    let (operations, ledger): (_, Ledger) = stage.end();
    let model = Model::new(operations);
    let mut seen = HashSet::new();
    for moment in 0..=model.len() {
        for state in model.states(moment, per_moment) {
            if seen.insert(state.fingerprint() ^ ledger.facts_at(moment)) {
                let home = workshop();
                state.build(home.path());
                ledger.check(moment, home.path()).map_err(|broken| {
                    format!(
                        "after operation {moment} ({}): {broken}\n{state:?}",
                        model.show(moment)
                    )
                })?;
            }
        }
    }
    Ok(seen.len())
}

/// How many random walks are taken: `DOVETAIL_CRASH_ROUNDS`, some hundred states each.
fn rounds() -> u64 {
    let text = std::env::var("DOVETAIL_CRASH_ROUNDS").ok();
    text.map_or(3, |text| text.parse().expect("DOVETAIL_CRASH_ROUNDS is a number"))
}

#[test]
fn a_power_cut_breaks_no_word() {
    let walks = (1..=rounds()).map(|seed| ("a random walk", scenarios::walk as _, seed));
    let all: Vec<_> =
        SCENARIOS.iter().map(|(name, scenario)| (*name, *scenario, 0)).chain(walks).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let states = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        while let Some((name, scenario, seed)) =
            all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        {
            match explore(*scenario, *seed, None, PER_MOMENT) {
                Ok(count) => {
                    println!("{name} {seed}: {count} states");
                    states.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
                }
                Err(broken) => panic!("{name} {seed}: {broken}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let states = states.into_inner();
    assert!(states > 2000, "only {states} states: the model sees nothing");
}

#[test]
fn without_any_one_sync_point_a_word_is_broken() {
    for point in POINTS {
        assert!(is_listed(*point));
        let found = SCENARIOS.iter().find_map(|(name, scenario)| {
            explore(*scenario, 0, Some(*point), PER_MOMENT).err().map(|broken| (name, broken))
        });
        match found {
            Some((name, broken)) => {
                println!("{point:?}: {name}: {}", broken.lines().next().unwrap_or_default());
            }
            None => panic!("nobody notices that {point:?} is missing"),
        }
    }
}
