//! The operator's routes: what waits, in the keys of `postqueue -j`, and what can be done about it.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use address::EntryId;
use daemon::{Admin, Answer, Figure, Method, Refusal, Request, now_millis, rfc3339};
use serde_json::{Map, Value, json};
use smtp::XFORWARD_NAMES;
use spool::{Entry, Fate, SpoolError};

use crate::queue::{Queue, blocking};
use crate::report;
use crate::route;
use crate::schedule::Which;

/// Messages listed if `limit` doesn't say otherwise, and the most it may say.
const LISTED: usize = 10_000;
const MOST_LISTED: usize = 100_000;
/// How much of a message's header is shown, in octets.
const SHOWN_HEADER: u64 = 16 * 1024;

pub(crate) fn register(admin: &Admin, queue: &Arc<Queue>) {
    let figure = |figure: Figure, of: fn(&Queue) -> u64| {
        let queue = Arc::clone(queue);
        admin.figure(figure, move || of(&queue));
    };
    let (counter, gauge) = (Figure::counter, Figure::gauge);
    let accepted = counter("messages_accepted", "Messages taken in.");
    figure(accepted, |queue| queue.figures.accepted.get());
    let sent = counter("recipients_sent", "Recipients whose next hop took the message.");
    figure(sent, |queue| queue.figures.sent.get());
    let deferred = counter("tries_deferred", "Tries of a recipient that failed for now.");
    figure(deferred, |queue| queue.figures.deferred.get());
    let bounced = counter("recipients_bounced", "Recipients given up.");
    figure(bounced, |queue| queue.figures.bounced.get());
    let reports = counter("reports_handed_over", "Reports to senders handed over.");
    figure(reports, |queue| queue.figures.reports.get());
    let intake = gauge("intake_sessions", "Messages that are being taken in.");
    figure(intake, |queue| queue.sessions() as u64);
    let running = gauge("deliveries_running", "Deliveries that run now.");
    figure(running, |queue| queue.schedule().figures().0 as u64);
    let held = gauge("recipients_in_memory", "Recipients and reports held in memory.");
    figure(held, |queue| queue.schedule().figures().1 as u64);
    let help = "From a message's arrival to a recipient's next hop taking it.";
    admin.times("delay_seconds", help, &queue.figures.delays);

    let q = Arc::clone(queue);
    admin.route(Method::GET, "/v1/queue", move |request| list(Arc::clone(&q), request));
    let q = Arc::clone(queue);
    admin.route(Method::GET, "/v1/queue/{id}", move |request| show(Arc::clone(&q), request));
    let q = Arc::clone(queue);
    admin.route(Method::POST, "/v1/queue/flush", move |request| flush(Arc::clone(&q), request));
    let q = Arc::clone(queue);
    admin.route(Method::DELETE, "/v1/queue/{id}", move |request| delete(Arc::clone(&q), request));
}

/// `GET /v1/queue?limit=N&after=ID`: by id, which is by age. `next` is the `after` of the rest.
async fn list(queue: Arc<Queue>, request: Request) -> Answer {
    let limit = match request.query.get("limit") {
        None => LISTED,
        Some(text) => text
            .parse::<usize>()
            .map(|limit| limit.min(MOST_LISTED))
            .map_err(|_| Refusal::bad_request("limit is a number"))?,
    };
    let after = match request.query.get("after") {
        None => None,
        Some(text) => {
            Some(text.parse::<EntryId>().map_err(|_| Refusal::bad_request("after is a queue id"))?)
        }
    };
    let listed = blocking(move || {
        // The first `limit` ids behind `after`, and one more to know whether that is all.
        let mut ids = BTreeSet::new();
        queue.spool.scan(|id| {
            if after.is_none_or(|after| id > after) {
                ids.insert(id);
                if ids.len() > limit.saturating_add(1) {
                    ids.pop_last();
                }
            }
            ControlFlow::Continue(())
        })?;
        let more = (ids.len() > limit).then(|| ids.pop_last()).flatten().is_some();
        let next = if more { ids.last().map(ToString::to_string) } else { None };
        let entries = ids.into_iter().filter_map(|id| queue.spool.load(id).ok());
        let messages: Vec<Value> =
            entries.map(|entry| Value::Object(summary(&queue, &entry))).collect();
        Ok::<_, SpoolError>(json!({ "messages": messages, "next": next }))
    });
    listed.await.ok_or_else(cut_short)?.map_err(|error| refused(&error))
}

/// `GET /v1/queue/{id}`: all that is known of one message.
async fn show(queue: Arc<Queue>, request: Request) -> Answer {
    let id = entry_id(request.part("id"))?;
    let shown = blocking(move || {
        let entry = queue.spool.load(id)?;
        let header = queue.spool.body(id)?.beginning(SHOWN_HEADER).unwrap_or_default();
        let end = message::header::header_end(&header).unwrap_or(header.len());
        let header = String::from_utf8_lossy(header.get(..end).unwrap_or_default()).into_owned();
        let mut shown = summary(&queue, &entry);
        let head = &entry.head;
        shown.insert("trace_id".into(), head.trace.to_string().into());
        shown.insert("arrived".into(), rfc3339(head.arrived).into());
        shown.insert("origin".into(), head.origin.clone().into());
        shown.insert("mail".into(), head.envelope.mail.to_string().into());
        let client = head.client.lines(&XFORWARD_NAMES.map(str::to_owned));
        shown.insert("client".into(), client.into());
        shown.insert("tries".into(), tries(&entry));
        shown.insert("header".into(), header.into());
        Ok::<_, SpoolError>(Value::Object(shown))
    });
    shown.await.ok_or_else(cut_short)?.map_err(|error| refused(&error))
}

/// `POST /v1/queue/flush`, with `id` or `domain` in the query or in the body, or neither.
async fn flush(queue: Arc<Queue>, request: Request) -> Answer {
    let said = |key: &str| {
        let body = request.body.get(key).and_then(Value::as_str).map(str::to_owned);
        request.query.get(key).cloned().or(body)
    };
    let which = match (said("id"), said("domain")) {
        (Some(id), _) => Which::Entry(entry_id(&id)?),
        (None, Some(domain)) => Which::Domain(domain.to_lowercase()),
        (None, None) => Which::All,
    };
    if let Which::Entry(id) = which {
        let spool = queue.spool.clone();
        let there = blocking(move || spool.due(id).and_then(|_| spool.load(id)));
        there.await.ok_or_else(cut_short)?.map_err(|error| refused(&error))?;
    }
    let flushed = match &which {
        Which::All => "all".to_owned(),
        Which::Entry(id) => id.to_string(),
        Which::Domain(domain) => domain.clone(),
    };
    queue.schedule().flush(now_millis(), &which);
    queue.wake();
    tracing::info!("the operator has the queue tried now: {flushed}");
    Ok(json!({ "flushed": flushed }))
}

/// `DELETE /v1/queue/{id}`: dropped without a report.
async fn delete(queue: Arc<Queue>, request: Request) -> Answer {
    let id = entry_id(request.part("id"))?;
    let spool = queue.spool.clone();
    let deleted = blocking(move || spool.delete(id)).await.ok_or_else(cut_short)?;
    deleted.map_err(|error| refused(&error))?;
    queue.schedule().forget(id);
    queue.wake();
    tracing::info!(id = %id, "the operator deleted it");
    Ok(json!({ "deleted": id.to_string() }))
}

/// The keys of `postqueue -j`, and the reports that wait.
fn summary(queue: &Queue, entry: &Entry) -> Map<String, Value> {
    let (settings, now) = (queue.settings(), now_millis());
    let schedule = queue.schedule();
    let never_tried = entry.state.tried() == 0;
    let active = never_tried || schedule.is_running(entry.id);
    let recipients: Vec<Value> = entry
        .state
        .pending(entry.head.total())
        .filter_map(|n| {
            let rcpt = entry.head.envelope.rcpts.get(n as usize)?;
            let mut shown = Map::new();
            shown.insert("address".into(), rcpt.to.address().to_string().into());
            let verdict = entry.state.recipient(n).verdict.map(|verdict| verdict.text);
            let reason =
                verdict.or_else(|| schedule.resting_reason(&route::of(&settings, rcpt), now));
            if let Some(reason) = reason {
                shown.insert("delay_reason".into(), reason.into());
            }
            Some(Value::Object(shown))
        })
        .collect();
    drop(schedule);
    let sender = entry.head.envelope.mail.from.address();
    let mut shown = Map::new();
    shown.insert("queue_name".into(), if active { "active" } else { "deferred" }.into());
    shown.insert("queue_id".into(), entry.id.to_string().into());
    shown.insert("arrival_time".into(), (entry.head.arrived / 1000).into());
    shown.insert("message_size".into(), entry.size.into());
    shown.insert("forced_expire".into(), false.into());
    shown.insert("sender".into(), sender.map(ToString::to_string).unwrap_or_default().into());
    shown.insert("recipients".into(), recipients.into());
    if !entry.state.notices().is_empty() {
        let reports: Vec<Value> = entry
            .state
            .notices()
            .iter()
            .map(|notice| {
                let to = report::addressee(&settings, entry, notice);
                json!({
                    "id": notice.id.to_string(),
                    "to": to.map(|to| to.to_string()),
                    "attempts": notice.attempts,
                    "delay_reason": notice.reason,
                })
            })
            .collect();
        shown.insert("reports".into(), reports.into());
    }
    shown
}

/// How far each recipient is.
fn tries(entry: &Entry) -> Value {
    let time = |millis: u64| if millis == 0 { Value::Null } else { rfc3339(millis).into() };
    let one = |(n, rcpt): (usize, &smtp::Rcpt)| {
        let recipient = entry.state.recipient(u32::try_from(n).unwrap_or(u32::MAX));
        let verdict = recipient.verdict.unwrap_or_default();
        let pending = recipient.fate == Fate::Pending;
        json!({
            "rcpt": rcpt.to_string(),
            "fate": match recipient.fate {
                Fate::Pending => "pending",
                Fate::Delivered => "delivered",
                Fate::Failed => "failed",
            },
            "attempts": recipient.attempts,
            "last_attempt": time(recipient.last),
            "next_attempt": if pending { time(recipient.next) } else { Value::Null },
            "dsn": verdict.dsn,
            "relay": verdict.relay,
            "said": verdict.text,
        })
    };
    entry.head.envelope.rcpts.iter().enumerate().map(one).collect()
}

fn entry_id(text: &str) -> Result<EntryId, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(format!("no entry {text} in the queue")))
}

fn refused(error: &SpoolError) -> Refusal {
    if error.is_not_found() {
        Refusal::not_found(error.to_string())
    } else {
        tracing::error!(%error, "the operator's request failed");
        Refusal::unavailable(error.to_string())
    }
}

fn cut_short() -> Refusal {
    Refusal::unavailable("the work was cut short")
}
