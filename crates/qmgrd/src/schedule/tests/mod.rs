//! The schedule as scripts: a command with its time, then what it says; hours in no time.
//!
//! ```text
//! > @0 limits active=100 deliveries=10 initial=5 per=20 rest=300
//! > @0 admit A expires=9000 x.test:0,1 r2/y.test:2@50     entry, then [route/]domain:recipients[@due]
//! > @0 poll                                               until it has nothing more to say
//! start #1 A x.test 0,1
//! next 50
//! > @5 finish #1 good|unknown|down|away|broke [again=300]
//! > @5 flush all|A|x.test    > @5 forget A    > @5 scanned    > @5 wants A due=7
//! ```

use std::collections::HashMap;
use std::fmt::Write as _;

use address::{EntryId, TraceId};

use super::*;

struct Player {
    schedule: Schedule,
    started: HashMap<String, Started>,
    out: String,
}

fn entry(name: &str) -> EntryId {
    EntryId::new(TraceId::new(u64::from(name.as_bytes()[0]), 0), 1)
}

fn name(entry: EntryId) -> char {
    char::from(u8::try_from(entry.trace().millis()).expect("a letter"))
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

/// `[route/]domain:recipients[@due]`, or `[route/]domain:report`.
fn work(text: &str) -> Work {
    let (text, due) = text.split_once('@').map_or((text, 0), |(text, due)| (text, number(due)));
    let (to, what) = text.split_once(':').expect("a colon");
    let (route, domain) = to.split_once('/').unwrap_or(("r", to));
    let task = match what {
        "report" => Task::Report(1),
        list => Task::Deliver(list.split(',').map(|n| number(n) as u32).collect()),
    };
    Work { destination: Destination::new(route, domain), task, due }
}

fn shown(started: &Started) -> String {
    let to = match &*started.destination.route {
        "r" => started.destination.domain.to_string(),
        route => format!("{route}/{}", started.destination.domain),
    };
    let task = match &started.task {
        Task::Report(_) => "report".to_owned(),
        Task::Deliver(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
    };
    format!("#{} {} {to} {task}", started.job.0, name(started.entry))
}

impl Player {
    fn command(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let now = number(words.next().expect("a time").trim_start_matches('@'));
        let verb = words.next().expect("a verb");
        let rest: Vec<&str> = words.collect();
        let option = |name: &str| {
            rest.iter().find_map(|word| word.strip_prefix(&format!("{name}=")).map(number))
        };
        match verb {
            "limits" => {
                let count = |name| option(name).expect("a limit") as usize;
                self.schedule = Schedule::new(Limits {
                    active: count("active"),
                    deliveries: count("deliveries"),
                    initial: count("initial"),
                    per_destination: count("per"),
                    rest: option("rest").expect("rest"),
                });
            }
            "admit" => {
                let works = rest[1..].iter().filter(|word| word.contains(':'));
                let admission = Admission {
                    entry: entry(rest[0]),
                    expires: option("expires").unwrap_or(1_000_000),
                    work: works.map(|word| work(word)).collect(),
                };
                self.schedule.admit(admission, option("tried").unwrap_or(0));
            }
            "poll" => self.poll(now),
            "settles" => {
                let started = self.started.get(rest[0]).expect("it runs");
                let last = self.schedule.settles(started.entry, started.job);
                let _ = writeln!(self.out, "{}", if last { "the round is over" } else { "no" });
            }
            "finish" => self.finish(now, &rest, option("again")),
            "flush" => {
                let which = match rest[0] {
                    "all" => Which::All,
                    one if one.len() == 1 => Which::Entry(entry(one)),
                    domain => Which::Domain(domain.to_owned()),
                };
                self.schedule.flush(now, &which);
            }
            "forget" => self.schedule.forget(entry(rest[0])),
            "scanned" => self.schedule.scanned(now, rest.is_empty()),
            "wants" => {
                let due = option("due").unwrap_or(0);
                let wants = self.schedule.wants(entry(rest[0]), due, option("tried").unwrap_or(0));
                let _ = writeln!(self.out, "{}", if wants { "yes" } else { "no" });
            }
            "held" => {
                let mut names: Vec<char> = self.schedule.entries.keys().map(|e| name(*e)).collect();
                names.sort_unstable();
                let names: String = names.into_iter().collect();
                let _ = writeln!(self.out, "{}", if names.is_empty() { "nothing" } else { &names });
            }
            other => panic!("no such command: {other}"),
        }
    }

    fn poll(&mut self, now: Millis) {
        while let Some(action) = self.schedule.poll(now) {
            let (verb, started, why) = match action {
                Action::Scan => {
                    let _ = writeln!(self.out, "scan");
                    continue;
                }
                Action::Start(started) => ("start", started, String::new()),
                Action::GiveUp(started, why) => ("giveup", started, format!(" ({why})")),
            };
            let _ = writeln!(self.out, "{verb} {}{why}", shown(&started));
            self.started.insert(format!("#{}", started.job.0), started);
        }
        let _ = match self.schedule.next_deadline() {
            Some(at) => writeln!(self.out, "next {at}"),
            None => writeln!(self.out, "next none"),
        };
    }

    fn finish(&mut self, now: Millis, words: &[&str], again: Option<Millis>) {
        let started = self.started.remove(words[0]).unwrap_or_else(|| panic!("{}", words[0]));
        let feedback = match words[1] {
            "good" => Feedback::Good,
            "unknown" => Feedback::Unknown,
            "down" => Feedback::DestinationDown("its host is down".to_owned()),
            "away" => Feedback::RouteDown("nobody there".to_owned()),
            "broke" => Feedback::RouteBroke("it broke".to_owned()),
            other => panic!("no such feedback: {other}"),
        };
        let last = self.schedule.settles(started.entry, started.job);
        let again = again.map(|due| Work {
            destination: started.destination.clone(),
            task: started.task.clone(),
            due,
        });
        let more = words.iter().filter(|word| word.contains(':')).map(|word| work(word)).collect();
        self.schedule.finished(now, started.job, feedback, again, more);
        if last {
            let _ = writeln!(self.out, "the round is over");
        }
    }
}

/// Plays a script and compares what is said, command by command.
fn play(script: &str) {
    let limits = Limits { active: 100, deliveries: 10, initial: 5, per_destination: 20, rest: 300 };
    let mut player =
        Player { schedule: Schedule::new(limits), started: HashMap::new(), out: String::new() };
    let mut lines = script.lines().filter(|l| !l.is_empty() && !l.starts_with('#') || is_job(l));
    let mut next = lines.next();
    while let Some(command) = next.and_then(|line| line.strip_prefix("> ")) {
        player.out.clear();
        player.command(command.split("   ").next().unwrap_or(command));
        let mut expected = String::new();
        next = lines.next();
        while let Some(line) = next.filter(|line| !line.starts_with("> ")) {
            expected.push_str(line);
            expected.push('\n');
            next = lines.next();
        }
        assert_eq!(player.out, expected, "after: {command}\nin:\n{script}");
    }
}

/// A comment begins with `# `; nothing else does that is said.
fn is_job(line: &str) -> bool {
    line.starts_with('#') && !line.starts_with("# ")
}

#[test]
fn concurrency() {
    play(include_str!("concurrency.txt"));
}

#[test]
fn a_slow_destination() {
    play(include_str!("slow.txt"));
}

#[test]
fn failing_destinations_and_sockets() {
    play(include_str!("failing.txt"));
}

#[test]
fn bounded_memory() {
    play(include_str!("memory.txt"));
}

#[test]
fn flushing_and_forgetting() {
    play(include_str!("operator.txt"));
}
