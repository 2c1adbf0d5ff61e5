//! A story that walks every row of the spool's table, told to a spool on the model, with a ledger
//! of what was promised.

use std::collections::{BTreeMap, BTreeSet};

use address::EntryId;
use spool::{Fate, Notice, NoticeKind, Spool, State, derived_id};

use super::model::{Faults, Model, Platter};
use crate::sample::{head, offer, trace};

/// What the ledger says of an entry that is there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Promise {
    pub message: Message,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Message {
    pub trace: u64,
    pub to: &'static [&'static str],
    pub content: &'static [u8],
}

pub(crate) type Ledger = BTreeMap<EntryId, Promise>;

/// What is done to an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    Deliver(u32),
    Defer(u32),
    Fail(u32),
    /// A report of this round about this recipient is fixed.
    Fix(u32, u32),
    HandOver(u32),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Step {
    /// A message is offered; it is, or becomes, this part.
    Offer(Message, u16),
    Update(u64, u16, &'static [Change]),
    Delete(u64, u16),
    /// The process goes and comes again; nothing is lost.
    Restart,
}

const ONE: Message = Message {
    trace: 1,
    to: &["a@b.test", "c@d.test", "e@f.test"],
    content: b"Subject: one\r\n\r\nfirst half, second half\r\n",
};
const OTHER: Message = Message { trace: 1, to: &["x@y.test"], content: ONE.content };
const TWO: Message = Message { trace: 2, to: &["g@h.test"], content: b"Subject: two\r\n\r\n\r\n" };

use Change::{Defer, Deliver, Fail, Fix, HandOver};
use Step::{Delete, Offer, Restart, Update};

pub(crate) const STORY: &[Step] = &[
    Offer(ONE, 1),
    Update(1, 1, &[Deliver(0), Defer(1), Defer(2)]),
    Offer(ONE, 1),
    Offer(OTHER, 2),
    Update(1, 1, &[Fail(1)]),
    Update(1, 1, &[Fix(1, 1)]),
    Update(1, 1, &[HandOver(1), Deliver(2)]),
    // A second life under the same name: it must inherit nothing.
    Restart,
    Offer(ONE, 1),
    Update(1, 2, &[Deliver(0)]),
    Offer(TWO, 1),
    Update(2, 1, &[Defer(0)]),
    Delete(2, 1),
    Offer(TWO, 1),
    Update(1, 1, &[Deliver(0), Deliver(1), Deliver(2)]),
];

fn change(state: &mut State, id: EntryId, changes: &[Change]) {
    for change in changes {
        match *change {
            Deliver(n) => state.recipient_mut(n).fate = Fate::Delivered,
            Defer(n) => state.recipient_mut(n).next = 700 + u64::from(n),
            Fail(n) => {
                state.recipient_mut(n).fate = Fate::Failed;
                state.recipient_mut(n).owed = Some(NoticeKind::Failure);
            }
            Fix(round, n) => {
                // A second try of the step must not make a second report.
                if state.notice_mut(round).is_none() {
                    let id = derived_id(id, round, 9);
                    state.fix(Notice::new(round, NoticeKind::Failure, id, 9, vec![n]));
                }
            }
            HandOver(round) => drop(state.drop_notice(round)),
        }
    }
}

/// One moment of a telling: the disk, and what was promised by then.
pub(crate) struct Moment {
    pub(crate) platter: Platter,
    /// What was promised for certain.
    pub(crate) before: Ledger,
    /// The same with the step that was on its way, if it came to its end.
    pub(crate) after: Ledger,
}

/// Tells the story to its end: its moments, before each operation and at the end.
pub(crate) fn tell(faults: Faults) -> Vec<Moment> {
    let model = Model::new(faults);
    let mut before = Ledger::new();
    let mut spool = open(&model);
    let mut ledgers = vec![(before.clone(), before.clone()); model.ops()];
    for step in STORY {
        let after = expected(&before, *step);
        let done = (0..3).any(|_| {
            // Every step is tried again until it is done, as clients and qmgrd do.
            if spool.as_ref().is_some_and(|open| take(open, *step, &before).is_some()) {
                return true;
            }
            drop(spool.take());
            model.restart();
            spool = open(&model);
            false
        });
        assert!(done, "{step:?} was not done in three tries");
        if matches!(step, Step::Restart) {
            drop(spool.take());
            spool = open(&model);
        }
        ledgers.resize(model.ops(), (before, after.clone()));
        before = after;
    }
    ledgers.push((before.clone(), before));
    let moments = model.moments().into_iter().zip(ledgers);
    moments.map(|(platter, (before, after))| Moment { platter, before, after }).collect()
}

/// Opens the spool; the operator tries again where it fails.
fn open(model: &Model) -> Option<Spool<Model>> {
    for _ in 0..3 {
        if let Ok((spool, _)) = Spool::open(model.clone()) {
            return Some(spool);
        }
        model.restart();
    }
    None
}

fn expected(before: &Ledger, step: Step) -> Ledger {
    let mut after = before.clone();
    match step {
        Offer(message, part) => {
            let id = EntryId::new(trace(message.trace), part);
            after.entry(id).or_insert(Promise { message, state: State::default() });
        }
        Update(n, part, changes) => {
            let id = EntryId::new(trace(n), part);
            let promise = after.get_mut(&id).unwrap();
            change(&mut promise.state, id, changes);
            if promise.state.is_settled(promise.message.to.len() as u32) {
                after.remove(&id);
            }
        }
        Delete(n, part) => drop(after.remove(&EntryId::new(trace(n), part))),
        Restart => {}
    }
    after
}

fn take(spool: &Spool<Model>, step: Step, before: &Ledger) -> Option<()> {
    match step {
        Offer(message, part) => {
            let head = head(trace(message.trace), message.to);
            let done = offer(spool, head, message.content).ok()?;
            assert_eq!(done.id, EntryId::new(trace(message.trace), part), "{step:?}");
        }
        Update(n, part, changes) => {
            let id = EntryId::new(trace(n), part);
            match spool.update(id, |_, state| change(state, id, changes)) {
                Ok(_) => {}
                // An earlier try had settled it.
                Err(error) if error.is_not_found() && before.contains_key(&id) => {}
                Err(_) => return None,
            }
        }
        Delete(n, part) => match spool.delete(EntryId::new(trace(n), part)) {
            Err(error) if !error.is_not_found() => return None,
            _ => {}
        },
        Restart => {}
    }
    Some(())
}

/// What is wrong with a disk after a loss of power, if anything is.
pub(crate) fn fault(disk: Model, moment: &Moment) -> Option<String> {
    let spool = match Spool::open(disk) {
        Ok((spool, _)) => spool,
        Err(error) => return Some(format!("does not open: {error}")),
    };
    let mut ids: BTreeSet<EntryId> =
        moment.before.keys().chain(moment.after.keys()).copied().collect();
    let listed = spool.scan(|id| {
        ids.insert(id);
        std::ops::ControlFlow::Continue(())
    });
    if let Err(error) = listed {
        return Some(format!("cannot be listed: {error}"));
    }
    for id in ids {
        let there = match spool.load(id) {
            Ok(entry) => Some(entry),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Some(format!("{id} is torn: {error}")),
        };
        let fits = |promise: Option<&Promise>| match (&there, promise) {
            (None, None) => true,
            (Some(entry), Some(promise)) => {
                let whole = head(trace(promise.message.trace), promise.message.to);
                entry.state == promise.state
                    && entry.head.envelope == whole.envelope
                    && spool.body(id).unwrap().beginning(10_000).unwrap() == promise.message.content
            }
            _ => false,
        };
        if !fits(moment.before.get(&id)) && !fits(moment.after.get(&id)) {
            let state = there.map(|entry| entry.state);
            return Some(format!(
                "{id}: found {state:?}, promised {:?} or {:?}",
                moment.before.get(&id),
                moment.after.get(&id)
            ));
        }
    }
    None
}
