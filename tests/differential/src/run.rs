//! Plays many transcripts, a few at a time, those that need the same configuration on one start.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::play::play;
use crate::side::{Alone, Domains, Pair, Side};
use crate::transcript::{Config, Transcript};
use crate::wire::Filter;

/// How many transcripts are played at a time: they mostly wait.
const AT_A_TIME: usize = 6;
/// What takes longer is told, so that all of it stays quick.
const SLOW: Duration = Duration::from_secs(1);

/// What was heard, step by step; the last step is what came unasked. Or why it broke off.
pub type Heard = Result<Vec<Vec<String>>, String>;

/// What one transcript came to.
#[derive(Debug)]
pub struct Played {
    /// The transcript's name.
    pub name: String,
    /// What the real one said, or what is recorded of it.
    pub theirs: Heard,
    /// What ours said.
    pub ours: Heard,
}

/// Transcripts of one configuration, each with its number.
type Group<'a> = (&'a Config, Vec<(Domains, &'a Transcript)>);

fn groups(transcripts: &[Transcript]) -> Vec<Group<'_>> {
    let mut groups: BTreeMap<&Config, Vec<(Domains, &Transcript)>> = BTreeMap::new();
    for (number, transcript) in transcripts.iter().enumerate() {
        groups.entry(&transcript.config).or_default().push((Domains(number), transcript));
    }
    groups.into_iter().collect()
}

/// Plays all of them on both sides.
pub fn play_all(transcripts: &[Transcript]) -> Vec<Played> {
    let play = |(config, group): &Group<'_>| {
        let begun = Instant::now();
        let pair = Pair::start(group, config);
        let started = begun.elapsed();
        let played = each(group, |domains, transcript| Played {
            name: transcript.name.clone(),
            theirs: heard(transcript, &pair.theirs, domains, None),
            ours: heard(transcript, &pair.ours, domains, None),
        });
        let time = begun.elapsed() - started;
        pair.end();
        let (started, time) = (started.as_secs_f64(), time.as_secs_f64());
        println!("{} transcripts: {started:.1} s to start, {time:.1} s to play", group.len());
        played
    };
    in_order(groups(transcripts).iter().flat_map(play).collect())
}

/// Plays all of them on ours alone, through a filter; the other side is what is recorded.
pub fn play_ours(transcripts: &[Transcript], filter: Option<Filter<'_>>) -> Vec<Played> {
    let play = |(config, group): &Group<'_>| {
        let alone = Alone::start(group, config);
        each(group, |domains, transcript| Played {
            name: transcript.name.clone(),
            theirs: Ok(transcript.recorded()),
            ours: heard(transcript, &alone.ours, domains, filter),
        })
    };
    in_order(groups(transcripts).iter().flat_map(play).collect())
}

fn in_order(mut played: Vec<Played>) -> Vec<Played> {
    played.sort_by(|a, b| a.name.cmp(&b.name));
    played
}

/// Does the work for each transcript of a group, a few at a time.
fn each(
    group: &[(Domains, &Transcript)],
    work: impl Fn(Domains, &Transcript) -> Played + Sync,
) -> Vec<Played> {
    let queue: Mutex<VecDeque<_>> = Mutex::new(group.iter().collect());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some((domains, transcript)) = { queue.lock().unwrap().pop_front() } {
                    let played = work(*domains, transcript);
                    done.lock().unwrap().push(played);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

fn heard(
    transcript: &Transcript,
    side: &Side,
    domains: Domains,
    filter: Option<Filter<'_>>,
) -> Heard {
    let begun = Instant::now();
    let played = AssertUnwindSafe(|| play(transcript, side, domains, filter));
    let played = catch_unwind(played).map_err(|panic| said(panic.as_ref()));
    if begun.elapsed() > SLOW {
        let time = begun.elapsed().as_secs_f64();
        println!("{}: {} took {time:.1} s", transcript.name, side.name);
    }
    played
}

/// A panic's text.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
