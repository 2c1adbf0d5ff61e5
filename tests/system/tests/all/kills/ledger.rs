//! What clients were promised, held against what lies in the mailboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use support::Demo;

use super::{COPIES, USERS};

/// The protocol that a client spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wire {
    Smtp,
    Lmtp,
    Append,
    Copy,
}

/// One message for one mailbox, and what became of all tries to get it there.
#[derive(Debug, Clone)]
pub(crate) struct Parcel {
    pub(crate) wire: Wire,
    pub(crate) token: String,
    pub(crate) user: &'static str,
    /// It was acknowledged.
    pub(crate) done: bool,
    /// The trace id that the acknowledgement told.
    pub(crate) id: Option<String>,
    /// Tries whose outcome nobody told: each may have stored a copy.
    pub(crate) unknown: usize,
    /// STORE +FLAGS (\Flagged) was acknowledged.
    pub(crate) flagged: bool,
}

impl Parcel {
    pub(crate) fn new(wire: Wire, token: &str, user: &'static str) -> Self {
        let token = token.to_owned();
        Self { wire, token, user, done: false, id: None, unknown: 0, flagged: false }
    }
}

/// A file of a mailbox.
struct Mail {
    token: String,
    id: Option<String>,
    flagged: bool,
}

/// A body that shows whether it is whole: numbered lines, and a last one.
pub(crate) fn content(token: &str, lines: usize) -> String {
    let body: String = (0..lines).map(|n| format!("{token} line {n}\r\n")).collect();
    format!("From: <a@remote.test>\r\nSubject: {token}\r\n\r\n{body}{token} end\r\n")
}

/// The figures of a run.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// By wire: acknowledged, unknown outcomes, second copies.
    by_wire: BTreeMap<Wire, [usize; 3]>,
    ids: usize,
    flagged: usize,
}

impl Figures {
    /// Every wire had its share of the load: on a busy machine a mailbox waits for a dead holder's lock.
    pub(crate) fn enough_for(&self, kills: usize) -> bool {
        let done = |wire| self.by_wire.get(&wire).map_or(0, |counts| counts[0]);
        [Wire::Smtp, Wire::Lmtp, Wire::Append].into_iter().all(|wire| done(wire) >= kills / 8)
            && done(Wire::Copy) > 0
            && self.flagged > 0
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (wire, [done, unknown, second]) in &self.by_wire {
            write!(f, "{wire:?}: {done} acknowledged, {unknown} unknown, {second} doubled; ")?;
        }
        write!(f, "{} trace ids told, {} flags", self.ids, self.flagged)
    }
}

/// Fails with everything that is wrong, all of it.
pub(crate) fn check(demo: &Demo, parcels: &[Parcel]) -> Figures {
    let mut wrong = Vec::new();
    let mut boxes: BTreeMap<(&str, bool), Vec<Mail>> = BTreeMap::new();
    for user in USERS {
        let inbox = demo.maildir(user);
        boxes.insert((user, false), read(inbox.path(), &mut wrong));
        boxes.insert((user, true), read(inbox.folder(COPIES).path(), &mut wrong));
    }
    for ((user, _), mails) in &boxes {
        twice(user, mails, &mut wrong);
    }
    let mut figures = Figures::default();
    let known: BTreeSet<&str> = parcels.iter().map(|parcel| parcel.token.as_str()).collect();
    for mail in boxes.values().flatten().filter(|mail| !known.contains(mail.token.as_str())) {
        wrong.push(format!("{}: nobody sent it", mail.token));
    }
    for parcel in parcels {
        let mails = &boxes[&(parcel.user, parcel.wire == Wire::Copy)];
        judge(parcel, mails, &mut figures, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    figures
}

fn judge(parcel: &Parcel, mails: &[Mail], figures: &mut Figures, wrong: &mut Vec<String>) {
    let copies: Vec<&Mail> = mails.iter().filter(|mail| mail.token == parcel.token).collect();
    let counts = figures.by_wire.entry(parcel.wire).or_default();
    counts[0] += usize::from(parcel.done);
    counts[1] += parcel.unknown;
    counts[2] += copies.len().saturating_sub(1);
    let (at_least, at_most) = (usize::from(parcel.done), usize::from(parcel.done) + parcel.unknown);
    if copies.len() < at_least {
        wrong.push(format!("lost: {parcel:?}"));
    }
    if copies.len() > at_most {
        wrong.push(format!("{} copies, at most {at_most} may be: {parcel:?}", copies.len()));
    }
    if let Some(id) = &parcel.id {
        figures.ids += 1;
        let of_it = copies.iter().filter(|mail| mail.id.as_ref() == Some(id)).count();
        if of_it != 1 {
            wrong.push(format!("{of_it} copies of the id that was told: {parcel:?}"));
        }
    }
    if parcel.flagged {
        figures.flagged += 1;
        if !copies.iter().any(|mail| mail.flagged) {
            wrong.push(format!("its flag is lost: {parcel:?}"));
        }
    }
}

/// One trace id is in one mailbox once, whatever happened.
fn twice(user: &str, mails: &[Mail], wrong: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for id in mails.iter().filter_map(|mail| mail.id.as_ref()) {
        if !seen.insert(id) {
            wrong.push(format!("trace id {id} is twice at {user}"));
        }
    }
}

fn read(folder: &Path, wrong: &mut Vec<String>) -> Vec<Mail> {
    let files = ["new", "cur"].into_iter().flat_map(|sub| {
        std::fs::read_dir(folder.join(sub)).into_iter().flatten().map(|entry| entry.unwrap().path())
    });
    let mut mails = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).replace("\r\n", "\n");
        let token = text.split("Subject: ").nth(1).and_then(|rest| rest.lines().next());
        let Some(token) = token.filter(|token| text.ends_with(&format!("\n{token} end\n"))) else {
            wrong.push(format!("torn: {}", file.display()));
            continue;
        };
        let flags = name.split_once(":2,").map_or("", |(_, flags)| flags);
        mails.push(Mail {
            token: token.to_owned(),
            id: trace_id(&name),
            flagged: flags.contains('F'),
        });
    }
    mails
}

/// `SEC.MUSECP<pid>T<id>.<host>,…`: an id has twenty characters.
fn trace_id(name: &str) -> Option<String> {
    let unique = name.split('.').nth(1)?;
    let (before, id) = unique.split_at(unique.len().checked_sub(20)?);
    before.ends_with('T').then(|| id.to_owned())
}
