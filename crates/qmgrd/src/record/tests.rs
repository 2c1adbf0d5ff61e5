//! Who is told of what, when a time is over, and that a round makes one report of a kind.

use smtp::Reply;
use spool::NoticeKind::{Delay, Failure, Success};

use super::*;
use crate::schedule::Feedback;
use crate::tests::{head, settings};
use crate::verdict::{Peer, Step, failing, of_reply};

const ARRIVED: Millis = 1_000_000;
const PEER: Peer<'_> = Peer { relay: "mx.test[/local]", relays: false };

fn reply(code: u16) -> Attempt {
    of_reply(&Reply::new(code, 1, 1, "said"), Step::Rcpt, PEER)
}

/// The state after one try, `age` ms after arrival, of a recipient with these parameters.
fn after(
    settings: &Settings,
    from: &str,
    params: &str,
    age: Millis,
    attempt: &Attempt,
) -> (Status, spool::Recipient) {
    let mut head = head(from, &["b@example.test"]);
    head.arrived = ARRIVED;
    let line = format!("RCPT TO:<b@example.test>{params}");
    head.envelope.rcpts = vec![Rcpt::parse(&line).expect("a recipient")];
    let mut state = State::default();
    let when = When { settings, now: ARRIVED + age, is_final: true };
    let status = record(when, &head, &mut state, 0, attempt);
    (status, state.recipient(0))
}

#[test]
fn who_is_told_of_what() {
    let mut settings = settings();
    let mut table = Vec::new();
    for (from, params) in [
        ("<a@b.test>", ""),
        ("<a@b.test>", " NOTIFY=NEVER"),
        ("<a@b.test>", " NOTIFY=SUCCESS"),
        ("<a@b.test>", " NOTIFY=FAILURE,DELAY"),
        ("<>", ""),
        ("<double-bounce@example.test>", ""),
    ] {
        let owed = |attempt: &Attempt| after(&settings, from, params, 1, attempt).1.owed;
        table.push((owed(&reply(250)), owed(&reply(450)), owed(&reply(550))));
    }
    assert_eq!(
        table,
        [
            (None, None, Some(Failure)),
            (None, None, None),
            (Some(Success), None, None),
            (None, Some(Delay), Some(Failure)),
            (None, None, None),
            (None, None, None),
        ]
    );
    settings.bounce_failures = BounceFailures::Postmaster;
    let owed = |from: &str| after(&settings, from, "", 1, &reply(550)).1.owed;
    assert_eq!(owed("<>"), Some(Failure));
    assert_eq!(owed("<double-bounce@example.test>"), None);
    settings.delay_warning = 500;
    let owed = |age| after(&settings, "<a@b.test>", "", age, &reply(450)).1.owed;
    assert_eq!((owed(499), owed(500)), (None, Some(Delay)));
}

#[test]
fn the_time_is_over_after_a_try() {
    let settings = settings();
    let lifetime = settings.retry.lifetime;
    let attempt = failing("4.4.1", "connect to x: refused", "none", Feedback::Unknown);
    let (status, recipient) = after(&settings, "<a@b.test>", "", 0, &attempt);
    assert_eq!((status, recipient.fate), (Status::Deferred, Fate::Pending));
    assert_eq!(recipient.next, ARRIVED + settings.retry.min);
    let (status, recipient) = after(&settings, "<a@b.test>", "", lifetime, &attempt);
    assert_eq!((status, recipient.fate), (Status::Expired, Fate::Failed));
    assert_eq!(recipient.owed, Some(Failure));
    let verdict = recipient.verdict.expect("the last reason");
    assert_eq!(verdict.dsn, "4.4.1");
}

#[test]
fn one_report_a_kind_and_round() {
    let settings = settings();
    let head = head("<a@b.test>", &["1@x.test", "2@x.test", "3@x.test"]);
    let id = address::EntryId::new(head.trace, 1);
    let mut state = State::default();
    let when = When { settings: &settings, now: head.arrived, is_final: true };
    record(when, &head, &mut state, 0, &reply(550));
    record(when, &head, &mut state, 2, &reply(550));
    fix(&settings, &head, &mut state, id, 7);
    fix(&settings, &head, &mut state, id, 8);
    record(when, &head, &mut state, 1, &reply(550));
    fix(&settings, &head, &mut state, id, 9);
    let shown: Vec<_> =
        state.notices().iter().map(|n| (n.round, n.kind, n.made, n.recipients.clone())).collect();
    assert_eq!(shown, [(1, Failure, 7, vec![0, 2]), (2, Failure, 9, vec![1])]);
    assert_eq!(state.notices()[0].id, derived_id(id, 1, 7));
    assert!(!state.notices()[0].to_postmaster);
    assert!(!state.is_settled(3));
    state.drop_notice(1);
    state.drop_notice(2);
    assert!(state.is_settled(3));
}
