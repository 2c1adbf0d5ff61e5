//! What tries change in an entry's record: fates, next tries, and which reports the sender is owed.
//!
//! Pure: run inside [`spool::Spool::update`], time an argument. RFC 3461 §4.1 rules who wants to
//! hear of what, RFC 5321 §6.1 that nothing with the null sender is reported to it.

use smtp::Rcpt;
use spool::{Fate, Head, Notice, NoticeKind, State, derived_id};

use crate::schedule::{Millis, retry_at};
use crate::settings::{BounceFailures, Settings};
use crate::verdict::{Attempt, Result};

/// The sender of reports to the postmaster: what comes from it is never reported on.
pub(crate) const DOUBLE_BOUNCE: &str = "double-bounce";

/// What a recipient's log line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Sent,
    Deferred,
    Bounced,
    Expired,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Deferred => "deferred",
            Self::Bounced => "bounced",
            Self::Expired => "expired",
        }
    }
}

/// The circumstances of a try.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) now: Millis,
    /// The next hop has the mailbox: what it takes is delivered.
    pub(crate) is_final: bool,
}

/// When an entry's time is over.
pub(crate) fn expires(settings: &Settings, head: &Head) -> Millis {
    let null = head.envelope.mail.from.address().is_none();
    settings.retry.expires(head.arrived, null)
}

/// Records one recipient's try.
pub(crate) fn record(
    when: When<'_>,
    head: &Head,
    state: &mut State,
    index: u32,
    attempt: &Attempt,
) -> Status {
    let Some(rcpt) = head.envelope.rcpts.get(index as usize) else { return Status::Bounced };
    let recipient = state.recipient_mut(index);
    recipient.attempts = recipient.attempts.saturating_add(1);
    recipient.last = when.now;
    recipient.verdict = Some(attempt.verdict.clone());
    let expires = expires(when.settings, head);
    match attempt.result {
        Result::Sent => {
            recipient.fate = Fate::Delivered;
            // A relayd's next hop tells of its own success if it can (RFC 3461 §5.2.2).
            let wanted = when.is_final && rcpt.params.notify.is_some_and(|notify| notify.success);
            recipient.owed =
                (wanted && reports(when.settings, head)).then_some(NoticeKind::Success);
            Status::Sent
        }
        Result::Deferred => {
            let next = retry_at(&when.settings.retry, head.arrived, expires, when.now);
            if let Some(next) = next {
                recipient.next = next;
                if !recipient.delay_told && warns(when, head, rcpt) {
                    recipient.owed = Some(NoticeKind::Delay);
                }
                return Status::Deferred;
            }
            recipient.fate = Fate::Failed;
            recipient.owed = failure(when.settings, head, rcpt);
            Status::Expired
        }
        Result::Failed => {
            recipient.fate = Fate::Failed;
            recipient.owed = failure(when.settings, head, rcpt);
            Status::Bounced
        }
    }
}

/// Turns what the sender is owed into reports with an id of their own, in one step; their rounds.
pub(crate) fn fix(
    settings: &Settings,
    head: &Head,
    state: &mut State,
    id: address::EntryId,
    now: Millis,
) -> Vec<u32> {
    let mut rounds = Vec::new();
    for kind in [NoticeKind::Failure, NoticeKind::Delay, NoticeKind::Success] {
        let recipients = state.owing(kind, head.total());
        if recipients.is_empty() {
            continue;
        }
        let round = state.next_round();
        let mut notice = Notice::new(round, kind, derived_id(id, round, now), now, recipients);
        notice.to_postmaster = !reports(settings, head);
        state.fix(notice);
        rounds.push(round);
    }
    rounds
}

/// Whether a report about this entry may go to its sender.
fn reports(settings: &Settings, head: &Head) -> bool {
    head.envelope.mail.from.address().is_some_and(|from| !is_double_bounce(settings, from))
}

fn is_double_bounce(settings: &Settings, from: &address::Address) -> bool {
    from.local().as_str().eq_ignore_ascii_case(DOUBLE_BOUNCE)
        && from.domain().is_none_or(|domain| *domain == settings.origin)
}

/// The report that a failure causes, if any.
fn failure(settings: &Settings, head: &Head, rcpt: &Rcpt) -> Option<NoticeKind> {
    match head.envelope.mail.from.address() {
        Some(from) if is_double_bounce(settings, from) => None,
        Some(_) => rcpt.params.notify.is_none_or(|n| n.failure).then_some(NoticeKind::Failure),
        None => {
            let told = settings.bounce_failures == BounceFailures::Postmaster;
            told.then_some(NoticeKind::Failure)
        }
    }
}

/// Whether the sender is to be told that this recipient's copy is late.
fn warns(when: When<'_>, head: &Head, rcpt: &Rcpt) -> bool {
    let (after, age) = (when.settings.delay_warning, when.now.saturating_sub(head.arrived));
    let late = match rcpt.params.notify {
        Some(notify) => notify.delay && age >= after,
        // RFC 3461 §4.1: without NOTIFY it is the operator's choice.
        None => after > 0 && age >= after,
    };
    late && reports(when.settings, head)
}

#[cfg(test)]
mod tests;
