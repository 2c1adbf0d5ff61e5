//! Taking messages in: one LMTP connection. 250 is said when the message is on stable storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use address::TraceId;
use daemon::{Peer, Sessions, Stream, now_millis};
use smtp::{Envelope, Mail, Rcpt, Reply, XForward};
use smtp_server::Handler;
use spool::{Committed, Disk, Draft, Head, SpoolError, State};

use crate::queue::{Queue, blocking};

/// How much of a message is collected in memory before it is written, in octets.
const BUFFER: usize = 256 * 1024;

/// Serves a connection to its end.
pub(crate) async fn serve(queue: Arc<Queue>, sessions: Sessions, stream: Stream, peer: Peer) {
    let settings = queue.settings();
    // Asked now, not when the settings were read: that was before privileges were dropped.
    let ourselves = peer.is_one_of(&[daemon::users::own_ids().0]);
    let trusted = ourselves || peer.is_one_of(&settings.trusted_ids);
    let options = settings.server_options();
    let clear = (options.session.hostname.as_str(), false);
    let admitted = smtp_server::admit(&sessions, "lmtp", (stream, &peer), clear).await;
    let Some((stream, seat)) = admitted else { return };
    let mut session = Session::new(queue, trusted);
    let ended = smtp_server::serve(stream, &options, &mut session, &seat).await;
    tracing::debug!(client = %peer, ?ended, "connection ended");
}

struct Session {
    queue: Arc<Queue>,
    /// This peer's trace ids count.
    trusted: bool,
    client: XForward,
    transaction: Option<Transaction>,
}

/// A message on its way in.
struct Transaction {
    /// Counted while it lives.
    _place: Place,
    mail: Mail,
    rcpts: Vec<Rcpt>,
    content: Content,
}

/// What came of the content so far.
enum Content {
    None,
    Open(Box<Open>),
    Failed(Reply),
}

/// Content that is coming in.
struct Open {
    head: Head,
    /// None while everything fits the buffer.
    draft: Option<Draft<Disk>>,
    buffer: Vec<u8>,
}

/// One of `max_sessions`.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(count: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let taken = count.fetch_add(1, Ordering::AcqRel);
        let place = Self(Arc::clone(count));
        (taken < limit).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Session {
    fn new(queue: Arc<Queue>, trusted: bool) -> Self {
        Self { queue, trusted, client: XForward::default(), transaction: None }
    }

    /// The message's trace id, and the id of a peer whose ids don't count.
    fn ids(&self) -> Result<(TraceId, Option<String>), Reply> {
        let said = self.client.ident.as_deref();
        if self.trusted
            && let Some(trace) = said.and_then(|text| text.parse().ok())
        {
            return Ok((trace, None));
        }
        match daemon::fresh_trace_id() {
            Ok(trace) => Ok((trace, said.map(str::to_owned))),
            Err(error) => {
                tracing::error!(%error, "no trace id for a message");
                Err(write_failed())
            }
        }
    }

    /// Whether the disk has room: RFC 5321 §4.2.2's 452, in Postfix's words.
    async fn check_space(&self, size: u64) -> Result<(), Reply> {
        let (spool, needed) = (self.queue.spool.clone(), self.queue.settings().min_free_space);
        match blocking(move || spool.free_space()).await {
            Some(Ok(free)) if free >= needed.saturating_add(size) => Ok(()),
            Some(Ok(free)) => {
                tracing::warn!(free, min_free_space = needed, "too little room in the spool");
                Err(Reply::new(452, 3, 1, "Insufficient system storage"))
            }
            Some(Err(error)) => {
                tracing::error!(%error, "nothing can be taken in");
                Err(write_failed())
            }
            None => Err(write_failed()),
        }
    }

    fn logged(&self, head: &Head, done: Committed) {
        let client = self.client.addr.as_deref().unwrap_or("-");
        let mail = &head.envelope.mail;
        let (count, size) = (head.envelope.rcpts.len(), done.size);
        let what = if done.known { "known already" } else { "queued" };
        match &head.origin {
            Some(origin) => tracing::info!(
                id = %done.id, origin = origin.as_str(), from = %mail.from, client, size,
                recipients = count, "{what}"
            ),
            None => tracing::info!(
                id = %done.id, from = %mail.from, client, size, recipients = count, "{what}"
            ),
        }
    }
}

fn write_failed() -> Reply {
    Reply::new(451, 3, 0, "Error: queue file write error")
}

fn refusal(error: &SpoolError) -> Reply {
    tracing::error!(%error, "a message could not be queued");
    match error {
        _ if error.is_full() => Reply::new(452, 3, 1, "Insufficient system storage"),
        SpoolError::Envelope(why) => Reply::new(552, 5, 3, why.to_string()),
        _ => write_failed(),
    }
}

impl Content {
    /// Writes what is collected; at the end commits it.
    async fn write(&mut self, queue: &Queue, last: bool) -> Option<Committed> {
        let Self::Open(mut open) = std::mem::replace(self, Self::None) else { return None };
        let spool = queue.spool.clone();
        let done = blocking(move || {
            let mut draft = match open.draft.take() {
                Some(draft) => draft,
                None => spool.draft(open.head.clone())?,
            };
            draft.write(&open.buffer)?;
            open.buffer.clear();
            if last {
                return draft.commit().map(|committed| (open, Some(committed)));
            }
            open.draft = Some(draft);
            Ok((open, None))
        });
        match done.await {
            Some(Ok((open, committed))) => {
                *self = Self::Open(open);
                committed
            }
            Some(Err(error)) => {
                *self = Self::Failed(refusal(&error));
                None
            }
            None => {
                *self = Self::Failed(write_failed());
                None
            }
        }
    }
}

impl Handler for Session {
    fn xforward(&mut self, client: &XForward) {
        self.client = client.clone();
    }

    async fn mail(&mut self, mail: &Mail) -> Reply {
        let limit = self.queue.settings().max_sessions;
        let Some(place) = Place::take(&self.queue.sessions, limit) else {
            return Reply::new(451, 3, 2, "Error: too many sessions, try again later");
        };
        if let Err(reply) = self.check_space(mail.params.size.unwrap_or(0)).await {
            return reply;
        }
        self.transaction = Some(Transaction {
            _place: place,
            mail: mail.clone(),
            rcpts: Vec::new(),
            content: Content::None,
        });
        Reply::new(250, 1, 0, "Ok")
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        match &mut self.transaction {
            Some(transaction) => {
                transaction.rcpts.push(rcpt.clone());
                Reply::new(250, 1, 5, "Ok")
            }
            None => Reply::new(503, 5, 1, "Error: need MAIL command"),
        }
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        let ids = self.ids();
        let (trace, origin) = ids.inspect_err(|_| self.transaction = None)?;
        let Some(transaction) = &mut self.transaction else {
            return Err(Reply::new(503, 5, 1, "Error: need RCPT command"));
        };
        let envelope =
            Envelope { mail: transaction.mail.clone(), rcpts: transaction.rcpts.clone() };
        let head = Head {
            trace,
            arrived: now_millis(),
            origin,
            client: XForward { ident: None, ..self.client.clone() },
            envelope,
        };
        let open = Open { head, draft: None, buffer: Vec::new() };
        transaction.content = Content::Open(Box::new(open));
        Ok(())
    }

    async fn chunk(&mut self, octets: &[u8]) {
        let Some(transaction) = &mut self.transaction else { return };
        if let Content::Open(open) = &mut transaction.content {
            open.buffer.extend_from_slice(octets);
            if open.buffer.len() >= BUFFER {
                transaction.content.write(&self.queue, false).await;
            }
        }
    }

    async fn finish(&mut self) -> Vec<Reply> {
        let Some(mut transaction) = self.transaction.take() else { return Vec::new() };
        let committed = transaction.content.write(&self.queue, true).await;
        let reply = match (committed, transaction.content) {
            (Some(done), Content::Open(open)) => {
                self.logged(&open.head, done);
                if !done.known {
                    self.queue.figures.accepted.add(1);
                    self.queue.admit(done.id, &open.head, &State::default());
                }
                Reply::new(250, 0, 0, format!("Ok: queued as {}", done.id))
            }
            (_, Content::Failed(reply)) => reply,
            _ => write_failed(),
        };
        // The queue takes all recipients or none.
        vec![reply; transaction.rcpts.len()]
    }

    async fn abort(&mut self) {
        if let Some(Transaction { content: Content::Open(open), .. }) = self.transaction.take() {
            blocking(move || drop(open)).await;
        }
    }
}
