//! One LMTP connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use address::{Address, TraceId};
use auth_client::UserClient;
use daemon::{Admin, Figure, Histogram, LONG_TIMES, Peer};
use smtp::server::Hello;
use smtp::{Mail, Rcpt, Reply, XForward};
use smtp_server::Handler;

use crate::content::Content;
use crate::deliver::{Outcome, Plan, deliver};
use crate::header::{Front, Source};
use crate::once::Deliveries;
use crate::recipient::{Recipient, resolve};
use crate::settings::Settings;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) users: UserClient,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) own_uid: u32,
    pub(crate) figures: Figures,
}

/// Counts for the operator.
#[derive(Debug)]
pub(crate) struct Figures {
    delays: Arc<Histogram>,
    stored: AtomicU64,
    repeated: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            delays: Arc::new(Histogram::new(LONG_TIMES)),
            stored: AtomicU64::default(),
            repeated: AtomicU64::default(),
            failed: AtomicU64::default(),
            refused: AtomicU64::default(),
        }
    }
}

impl Figures {
    /// Shows them on the admin socket.
    pub(crate) fn show(shared: &Arc<Shared>, admin: &Admin) {
        let figure = |name, get: fn(&Shared) -> u64| {
            let shared = Arc::clone(shared);
            admin.figure(name, move || get(&shared));
        };
        let (counter, gauge) = (Figure::counter, Figure::gauge);
        let stored = counter("stored", "Copies that were stored.");
        figure(stored, |shared| shared.figures.stored.load(Ordering::Relaxed));
        let again = counter("offered_again", "Copies that were there already.");
        figure(again, |shared| shared.figures.repeated.load(Ordering::Relaxed));
        let failed = counter("failed", "Copies that couldn't be stored for now.");
        figure(failed, |shared| shared.figures.failed.load(Ordering::Relaxed));
        let refused = counter("refused", "Copies refused for good.");
        figure(refused, |shared| shared.figures.refused.load(Ordering::Relaxed));
        let remembered = gauge("remembered", "Deliveries whose second offer would be recognised.");
        figure(remembered, |shared| shared.deliveries.remembered() as u64);
        let help = "From when a message came in to when its copy was stored.";
        admin.times("delay_seconds", help, &shared.figures.delays);
    }
}

/// A connection's state.
pub(crate) struct Session {
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    peer: Peer,
    helo: String,
    client: XForward,
    message: Option<Message>,
}

/// A transaction.
struct Message {
    mail: Mail,
    id: TraceId,
    /// The id that somebody whose ids don't count gave it.
    origin: Option<String>,
    recipients: Vec<Recipient>,
    /// Since content began.
    data: Option<(Arc<Plan>, Content)>,
}

impl Session {
    pub(crate) fn new(settings: Arc<Settings>, shared: Arc<Shared>, peer: Peer) -> Self {
        let (helo, client) = (String::new(), XForward::default());
        Self { settings, shared, peer, helo, client, message: None }
    }

    /// The message's id, and the one that didn't count. An IDENT serves one message: the next needs
    /// an XFORWARD of its own.
    fn identify(&mut self) -> Result<(TraceId, Option<String>), Reply> {
        let said = self.client.ident.take();
        let trusted = self.peer.uid == Some(self.shared.own_uid)
            || self.peer.is_one_of(&self.settings.trusted_ids);
        if let Some(id) = said.as_deref().filter(|_| trusted).and_then(|id| id.parse().ok()) {
            return Ok((id, None));
        }
        let fresh = daemon::fresh_trace_id().map_err(|error| {
            tracing::error!(%error, "can't make a trace id");
            Reply::new(451, 3, 0, "Temporary internal error")
        })?;
        Ok((fresh, said))
    }

    fn log(&self, message: &Message, to: &Address, user: Option<&str>, reply: &Reply, what: &str) {
        let status = if reply.is_positive() {
            "sent"
        } else if reply.is_transient() {
            "deferred"
        } else {
            "bounced"
        };
        let delay = daemon::now_millis().saturating_sub(message.id.millis());
        if reply.is_positive() {
            self.shared.figures.delays.observe(Duration::from_millis(delay));
        }
        let client =
            self.client.addr.as_deref().map_or_else(|| self.peer.to_string(), str::to_owned);
        tracing::info!(
            id = %message.id,
            origin = message.origin.as_deref(),
            from = %message.mail.from,
            to = %format_args!("<{to}>"),
            client,
            user,
            delay = %format_args!("{}.{:03}", delay / 1000, delay % 1000),
            dsn = %reply.status(),
            status,
            "{what}"
        );
    }

    fn count(&self, outcome: &Outcome) {
        let figures = &self.shared.figures;
        let counter = match outcome {
            Outcome::Stored { mailbox: Some(_) } => &figures.stored,
            Outcome::Stored { mailbox: None } => &figures.repeated,
            Outcome::Failed(_) | Outcome::TimeUp => &figures.failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Handler for Session {
    async fn hello(&mut self, hello: &Hello) -> Result<(), Reply> {
        self.helo.clone_from(&hello.name);
        Ok(())
    }

    fn xforward(&mut self, client: &XForward) {
        self.client = client.clone();
    }

    async fn mail(&mut self, mail: &Mail) -> Reply {
        match self.identify() {
            Err(reply) => reply,
            Ok((id, origin)) => {
                let (mail, recipients) = (mail.clone(), Vec::new());
                self.message = Some(Message { mail, id, origin, recipients, data: None });
                Reply::new(250, 1, 0, "OK")
            }
        }
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        let resolved = resolve(rcpt, &self.shared.users, &self.settings, self.shared.own_uid).await;
        match resolved {
            Ok(recipient) => {
                if let Some(message) = &mut self.message {
                    message.recipients.push(recipient);
                }
                Reply::new(250, 1, 5, "OK")
            }
            Err(reply) => {
                self.shared.figures.refused.fetch_add(1, Ordering::Relaxed);
                if let Some(message) = &self.message {
                    self.log(message, rcpt.to.address(), None, &reply, &reply.text());
                }
                reply
            }
        }
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        let Some(message) = &mut self.message else {
            return Err(Reply::new(503, 5, 0, "MAIL needed first"));
        };
        let recipients = std::mem::take(&mut message.recipients);
        let only = if let [one] = recipients.as_slice() { Some(&one.address) } else { None };
        let addr = self.peer.remote.map(|remote| remote.ip().to_string());
        let source = Source {
            helo: &self.helo,
            addr: addr.as_deref(),
            hostname: &self.settings.hostname,
            seconds: i64::try_from(daemon::now_millis() / 1000).unwrap_or(i64::MAX),
        };
        let plan = Plan {
            id: message.id,
            front: Front::new(&message.mail, &message.id, source, only),
            recipients,
            mail_roots: self.settings.mail_roots.clone(),
            autocreate: self.settings.autocreate,
        };
        message.data = Some((Arc::new(plan), Content::Memory(Vec::new())));
        Ok(())
    }

    async fn chunk(&mut self, octets: &[u8]) {
        let in_memory = self.settings.body_in_memory;
        if let Some(Message { data: Some((plan, content)), .. }) = &mut self.message {
            content.push(octets, in_memory, plan).await;
        }
    }

    async fn finish(&mut self) -> Vec<Reply> {
        let Some(mut message) = self.message.take() else { return Vec::new() };
        let Some((plan, content)) = message.data.take() else { return Vec::new() };
        let limit = self.settings.work_limit;
        let outcomes = deliver(Arc::clone(&plan), content, &self.shared.deliveries, limit).await;
        let mut replies = Vec::with_capacity(outcomes.len());
        for (recipient, outcome) in plan.recipients.iter().zip(outcomes) {
            let reply = outcome.reply(recipient, &plan.id);
            let what = match &outcome {
                Outcome::Stored { mailbox: Some(name) } => {
                    format!("stored mail into mailbox '{name}'")
                }
                Outcome::Stored { mailbox: None } => "was stored already".to_owned(),
                Outcome::Failed(error) => error.to_string(),
                Outcome::TimeUp => "takes too long".to_owned(),
            };
            self.log(&message, &recipient.address, Some(&recipient.user), &reply, &what);
            self.count(&outcome);
            replies.push(reply);
        }
        replies
    }

    async fn abort(&mut self) {
        // A draft that was begun is removed as it is dropped: files, so not on this thread.
        if let Some(Message { data: Some((_, content @ Content::Drafted(_))), .. }) =
            self.message.take()
        {
            tokio::task::spawn_blocking(move || drop(content));
        }
    }
}
