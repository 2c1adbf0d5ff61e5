//! One delivery: some recipients of one entry, to one destination.

use std::io;

use daemon::now_millis;
use lmtp_client::{Client, Hop, HopError, Outcome};
use smtp::{Envelope, Rcpt, XForward};
use spool::{Body, Disk, Entry, Head, State};

use crate::queue::{Job, Queue, blocking};
use crate::record::{self, Status, When};
use crate::route;
use crate::schedule::{Destination, Feedback, Task, Work};
use crate::settings::Settings;
use crate::verdict::{self, Attempt, Peer, Step};

/// How much of a body is read at a time, in octets.
const PIECE: usize = 64 * 1024;

/// Delivers to `recipients`; with `given_up`, only records that as what came of it.
pub(crate) async fn run(job: Job, recipients: Vec<u32>, given_up: Option<String>) {
    let Some(started) = job.started().cloned() else { return };
    let queue = std::sync::Arc::clone(&job.queue);
    let (id, spool) = (started.entry, queue.spool.clone());
    let loaded = blocking(move || Ok((spool.load(id)?, spool.body(id)?))).await;
    let (entry, body) = match loaded {
        Some(Ok(loaded)) => loaded,
        Some(Err(error)) => {
            queue.unreadable(id, &error);
            return job.entry_is_gone();
        }
        // The job is due again.
        None => return,
    };
    // The record counts, not what the schedule remembers.
    let pending: Vec<u32> = entry.state.pending(entry.head.total()).collect();
    let recipients: Vec<u32> = recipients.into_iter().filter(|n| pending.contains(n)).collect();
    let settings = queue.settings();
    let attempts = match given_up {
        // Nothing is left to try; but the round may end here.
        _ if recipients.is_empty() => Vec::new(),
        Some(reason) => recipients.iter().map(|n| given_up_for(&entry, *n, &reason)).collect(),
        None => {
            let client = queue.client(&settings, &started.destination.route);
            let relays = is_relay(&settings, &started.destination);
            attempt(&client, &entry, body, &recipients, relays).await
        }
    };
    settle(job, &settings, entry, started.destination, recipients, attempts).await;
}

/// The last reason that a recipient was given, or why nobody tries it.
fn given_up_for(entry: &Entry, n: u32, reason: &str) -> Attempt {
    let text = format!("delivery temporarily suspended: {reason}");
    let mut attempt = verdict::failing("4.4.1", &text, "none", Feedback::Unknown);
    if let Some(last) = entry.state.recipient(n).verdict {
        attempt.verdict = last;
    }
    attempt
}

/// Whether a destination's socket is a relayd: not a final one.
fn is_relay(settings: &Settings, destination: &Destination) -> bool {
    *destination.route == *settings.domains.remote_lmtp.to_string_lossy()
}

/// The LMTP transaction: one attempt for each of `recipients`, in their order.
async fn attempt(
    client: &Client,
    entry: &Entry,
    body: Body<Disk>,
    recipients: &[u32],
    relays: bool,
) -> Vec<Attempt> {
    let envelope = envelope(entry, recipients);
    let count = envelope.rcpts.len();
    let forward =
        XForward { ident: Some(entry.id.trace().to_string()), ..entry.head.client.clone() };
    let target = client.target().to_string();
    let mut hop = match client.open(&forward, &envelope).await {
        Ok(hop) => hop,
        Err(error) => {
            let relay = format!("{target}[{target}]");
            let attempt = verdict::of_error(&error, Step::Mail, Peer { relay: &relay, relays });
            return vec![attempt; count];
        }
    };
    let relay = hop.relay();
    let peer = Peer { relay: &relay, relays };
    let replies = hop.recipients().to_vec();
    if !replies.iter().any(smtp::Reply::is_positive) {
        hop.abandon().await;
        return replies.iter().map(|reply| verdict::of_reply(reply, Step::Rcpt, peer)).collect();
    }
    let rest = match hop.start_data().await {
        Ok(()) => match stream(&mut hop, body).await {
            Ok(()) => {
                let outcomes = hop.finish().await;
                return after_content(&replies, &outcomes, peer);
            }
            Err(error) => {
                hop.abandon().await;
                let text = format!("cannot read the queue file: {error}");
                verdict::failing("4.3.0", &text, "none", Feedback::Unknown)
            }
        },
        Err(error) => {
            // What was refused at DATA is the verdict on all that were taken at RCPT.
            if matches!(error, HopError::Refused(_)) {
                hop.abandon().await;
            }
            verdict::of_error(&error, Step::Data, peer)
        }
    };
    let each = replies.iter().map(|reply| match reply.is_positive() {
        true => rest.clone(),
        false => verdict::of_reply(reply, Step::Rcpt, peer),
    });
    each.collect()
}

fn after_content(replies: &[smtp::Reply], outcomes: &[Outcome], peer: Peer<'_>) -> Vec<Attempt> {
    let missing = Outcome::Unknown("no reply for this recipient".to_owned());
    let of = |(index, reply): (usize, &smtp::Reply)| match reply.is_positive() {
        true => verdict::of_outcome(outcomes.get(index).unwrap_or(&missing), Step::End, peer),
        false => verdict::of_reply(reply, Step::Rcpt, peer),
    };
    replies.iter().enumerate().map(of).collect()
}

/// The envelope for these recipients, every parameter as it was given; SIZE as it is.
fn envelope(entry: &Entry, recipients: &[u32]) -> Envelope {
    let mut mail = entry.head.envelope.mail.clone();
    mail.params.size = Some(entry.size);
    let all: &[Rcpt] = &entry.head.envelope.rcpts;
    let rcpts = recipients.iter().filter_map(|n| all.get(*n as usize).cloned()).collect();
    Envelope { mail, rcpts }
}

/// Passes the content on. A connection that breaks is the final dot's to tell.
async fn stream(hop: &mut Hop, mut body: Body<Disk>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = blocking(move || {
            let read = body.read(&mut buffer);
            (body, buffer, read)
        });
        let read = read.await.ok_or_else(|| io::Error::other("cut short"))?;
        let length;
        (body, buffer, length) = read;
        match length? {
            0 => return Ok(()),
            length => {
                let piece = buffer.get(..length).unwrap_or_default();
                if hop.write(piece).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// What an update did.
struct Done {
    /// What became of each recipient, for the log.
    lines: Vec<(u32, Status)>,
    /// The reports that it fixed, by their rounds.
    fixed: Vec<u32>,
}

/// Records what came of it, in one step with the reports that it causes; logs; tells the schedule.
async fn settle(
    job: Job,
    settings: &std::sync::Arc<Settings>,
    entry: Entry,
    destination: Destination,
    recipients: Vec<u32>,
    attempts: Vec<Attempt>,
) {
    let queue = std::sync::Arc::clone(&job.queue);
    let (id, now) = (entry.id, now_millis());
    let feedback = verdict::feedback(attempts.iter());
    let is_final = !is_relay(settings, &destination);
    let pairs: Vec<(u32, Attempt)> = recipients.iter().copied().zip(attempts).collect();
    let shared = std::sync::Arc::new(pairs);
    let change = {
        let (settings, pairs) = (std::sync::Arc::clone(settings), std::sync::Arc::clone(&shared));
        let (queue, number) = (std::sync::Arc::clone(&queue), job.id());
        move |head: &Head, state: &mut State| {
            let when = When { settings: &settings, now, is_final };
            let status = |(n, attempt): &(u32, Attempt)| {
                (*n, record::record(when, head, state, *n, attempt))
            };
            let lines = pairs.iter().map(status).collect();
            // One report a round: the last of what is tried side by side makes it. Updates of one
            // entry come one after the other, so that the last one sees what the others recorded.
            let last = number.is_none_or(|number| queue.schedule().settles(id, number));
            let fixed = match last {
                true => record::fix(&settings, head, state, id, now),
                false => Vec::new(),
            };
            Done { lines, fixed }
        }
    };
    let Some(update) = queue.update(id, change).await else {
        return job.entry_is_gone();
    };
    for ((n, status), (_, attempt)) in update.value.lines.iter().zip(shared.iter()) {
        log(&queue, &entry, *n, *status, attempt, now);
    }
    if update.settled {
        return job.finish(feedback, None, Vec::new());
    }
    let again = again(&update.state, &recipients, destination);
    let report = |round: &u32| Work {
        destination: route::outgoing(settings),
        task: Task::Report(*round),
        due: 0,
    };
    job.finish(feedback, again, update.value.fixed.iter().map(report).collect());
}

/// What of this delivery must be tried later.
fn again(state: &State, recipients: &[u32], destination: Destination) -> Option<Work> {
    let pending = |n: &u32| state.recipient(*n).fate == spool::Fate::Pending;
    let left: Vec<u32> = recipients.iter().copied().filter(pending).collect();
    let due = left.iter().map(|n| state.recipient(*n).next).min()?;
    Some(Work { destination, task: Task::Deliver(left), due })
}

/// The line that tells of a recipient's try, with the fields that every daemon has.
fn log(queue: &Queue, entry: &Entry, n: u32, status: Status, attempt: &Attempt, now: u64) {
    let Some(rcpt) = entry.head.envelope.rcpts.get(n as usize) else { return };
    let took = now.saturating_sub(entry.head.arrived);
    match status {
        Status::Sent => {
            queue.figures.sent.add(1);
            queue.figures.delays.observe(std::time::Duration::from_millis(took));
        }
        Status::Deferred => queue.figures.deferred.add(1),
        Status::Bounced | Status::Expired => queue.figures.bounced.add(1),
    }
    let verdict = &attempt.verdict;
    let delay = took as f64 / 1000.0;
    tracing::info!(
        id = %entry.id,
        from = %entry.head.envelope.mail.from,
        to = %rcpt.to,
        relay = verdict.relay.as_str(),
        delay,
        dsn = verdict.dsn.as_str(),
        status = status.as_str(),
        "{}",
        verdict.text
    );
    let silent = matches!(status, Status::Bounced | Status::Expired)
        && entry.head.envelope.mail.from.address().is_none();
    if silent {
        tracing::info!(id = %entry.id, to = %rcpt.to, "it has the null sender: nobody is told");
    }
}
