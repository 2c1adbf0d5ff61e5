//! Handing a delivery report over, under the id that is fixed in the original's record.
//!
//! A report that is refused for good, or that nobody takes within `bounce_lifetime`, is dropped with
//! a log line: there is nobody else to tell (RFC 5321 §6.1).

use std::sync::Arc;

use address::Address;
use daemon::now_millis;
use lmtp_client::Client;
use spool::{Entry, Head, Notice, State};

use crate::queue::{Job, Queue, blocking};
use crate::report::{self, Letter};
use crate::schedule::{Destination, Feedback, Millis, Task, Work, retry_at};
use crate::settings::Settings;
use crate::verdict::{self, Attempt, Peer, Result, Step};

/// Hands over the report of this round; with `given_up`, drops it for that reason.
pub(crate) async fn run(job: Job, round: u32, given_up: Option<String>) {
    let Some(started) = job.started().cloned() else { return };
    let queue = Arc::clone(&job.queue);
    let settings = queue.settings();
    let (id, spool, wanted) = (started.entry, queue.spool.clone(), Arc::clone(&settings));
    let loaded = blocking(move || {
        let entry = spool.load(id)?;
        let Some(notice) = entry.state.notices().iter().find(|n| n.round == round).cloned() else {
            return Ok(None);
        };
        let original =
            report::original(&wanted, &entry, &notice, &spool.body(id)?).map_err(|source| {
                spool::SpoolError::Io {
                    doing: "read a message",
                    folder: spool::fs::Folder::Queue,
                    source,
                }
            })?;
        Ok(Some((entry, notice, original)))
    });
    let (entry, notice, original) = match loaded.await {
        Some(Ok(Some(loaded))) => loaded,
        Some(Ok(None)) => return job.finish(Feedback::Unknown, None, Vec::new()),
        Some(Err(error)) => {
            queue.unreadable(id, &error);
            return job.entry_is_gone();
        }
        None => return,
    };
    let Some(to) = report::addressee(&settings, &entry, &notice) else {
        return settle(job, &settings, &entry, &notice, None, nobody()).await;
    };
    let attempt = match given_up {
        Some(reason) => verdict::failing("4.4.1", &reason, "none", Feedback::Unknown),
        None => {
            let letter = report::letter(&settings, &entry, &notice, &to, &original);
            offer(&queue.client(&settings, &started.destination.route), &letter).await
        }
    };
    settle(job, &settings, &entry, &notice, Some(to), attempt).await;
}

fn nobody() -> Attempt {
    let mut attempt = verdict::failing("5.1.7", "nobody to report to", "none", Feedback::Unknown);
    attempt.result = Result::Failed;
    attempt
}

async fn offer(client: &Client, letter: &Letter) -> Attempt {
    let target = client.target().to_string();
    let mut hop = match client.open(&letter.client, &letter.envelope).await {
        Ok(hop) => hop,
        Err(error) => {
            let relay = format!("{target}[{target}]");
            return verdict::of_error(&error, Step::Mail, Peer { relay: &relay, relays: false });
        }
    };
    let relay = hop.relay();
    let peer = Peer { relay: &relay, relays: false };
    if let Some(refusal) = hop.recipients().first().filter(|reply| !reply.is_positive()).cloned() {
        hop.abandon().await;
        return verdict::of_reply(&refusal, Step::Rcpt, peer);
    }
    if let Err(error) = hop.start_data().await {
        return verdict::of_error(&error, Step::Data, peer);
    }
    // A failure to write is told by the outcome.
    let _ = hop.write(&letter.content).await;
    match hop.finish().await.first() {
        Some(outcome) => verdict::of_outcome(outcome, Step::End, peer),
        None => verdict::failing("4.4.2", "no reply", &relay, Feedback::Unknown),
    }
}

/// When to offer it again; none if it is over with, one way or the other.
fn next(settings: &Settings, notice: &Notice, attempt: &Attempt, now: Millis) -> Option<Millis> {
    let expires = settings.retry.expires(notice.made, true);
    match attempt.result {
        Result::Sent | Result::Failed => None,
        Result::Deferred => retry_at(&settings.retry, notice.made, expires, now),
    }
}

async fn settle(
    job: Job,
    settings: &Settings,
    entry: &Entry,
    notice: &Notice,
    to: Option<Address>,
    attempt: Attempt,
) {
    let queue = Arc::clone(&job.queue);
    let (round, now) = (notice.round, now_millis());
    let next = next(settings, notice, &attempt, now);
    let reason = attempt.verdict.text.clone();
    let change = move |_: &Head, state: &mut State| match next {
        None => drop(state.drop_notice(round)),
        Some(next) => {
            if let Some(notice) = state.notice_mut(round) {
                notice.attempts = notice.attempts.saturating_add(1);
                notice.next = next;
                notice.reason.clone_from(&reason);
            }
        }
    };
    let updated = queue.update(entry.id, change).await;
    log(&queue, entry, notice, to.as_ref(), &attempt, next.is_some());
    if updated.is_none() {
        return job.entry_is_gone();
    }
    let again = next.map(|due| Work {
        destination: destination(&job, settings),
        task: Task::Report(round),
        due,
    });
    job.finish(attempt.feedback, again, Vec::new());
}

fn destination(job: &Job, settings: &Settings) -> Destination {
    let started = job.started().map(|started| started.destination.clone());
    started.unwrap_or_else(|| crate::route::outgoing(settings))
}

fn log(
    queue: &Queue,
    entry: &Entry,
    notice: &Notice,
    to: Option<&Address>,
    attempt: &Attempt,
    again: bool,
) {
    let status = match (attempt.result, again) {
        (Result::Sent, _) => {
            queue.figures.reports.add(1);
            "sent"
        }
        (_, true) => "deferred",
        _ => "bounced",
    };
    let verdict = &attempt.verdict;
    let what = match status {
        "sent" => "report handed over",
        "deferred" => "report waits",
        _ => "report dropped",
    };
    let to = to.map_or_else(|| "<>".to_owned(), |to| format!("<{to}>"));
    tracing::info!(
        id = %notice.id,
        parent = %entry.id,
        from = "<>",
        to,
        relay = verdict.relay.as_str(),
        delay = now_millis().saturating_sub(notice.made) as f64 / 1000.0,
        dsn = verdict.dsn.as_str(),
        status,
        "{what} on {}: {}",
        report::told_of(entry, notice),
        verdict.text
    );
}
