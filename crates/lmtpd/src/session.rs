//! One LMTP connection.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use address::{Address, TraceId};
use auth_client::UserClient;
use daemon::Peer;
use smtp::server::Hello;
use smtp::{Mail, Rcpt, Reply, XForward};
use smtp_server::Handler;
use tracing::Instrument as _;

use crate::content::Content;
use crate::deliver::{Outcome, Plan, deliver};
use crate::figures::Figures;
use crate::header::{Front, Source};
use crate::once::Deliveries;
use crate::proxy::{Passed, Passing, Proxy};
use crate::recipient::{Recipient, Resolved, resolve};
use crate::settings::Settings;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) users: UserClient,
    pub(crate) deliveries: Arc<Deliveries>,
    pub(crate) own_uid: u32,
    pub(crate) proxy: Proxy,
    pub(crate) figures: Figures,
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

/// What every line of the log says of a message.
struct About {
    mail: Mail,
    id: TraceId,
    /// The id that somebody whose ids don't count gave it.
    origin: Option<String>,
}

/// A transaction.
struct Message {
    about: About,
    /// Ours.
    recipients: Vec<Recipient>,
    /// Those of other uids' instances.
    passed: Vec<Passed>,
    passing: Passing,
    /// Whose each recipient is, in the order of RCPT.
    order: Vec<Whose>,
    /// Since content began, if any recipient is ours.
    data: Option<(Arc<Plan>, Content)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    AnInstances,
}

/// What a line of the log says beside the envelope and the reply.
#[derive(Debug, Clone, Copy, Default)]
struct What<'a> {
    user: Option<&'a str>,
    /// The instance that it was passed on to.
    relay: Option<&'a str>,
    text: &'a str,
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
            || self.peer.uid.is_some_and(|uid| self.settings.trusts(uid));
        if let Some(id) = said.as_deref().filter(|_| trusted).and_then(|id| id.parse().ok()) {
            return Ok((id, None));
        }
        let fresh = daemon::fresh_trace_id().map_err(|error| {
            tracing::error!(%error, "can't make a trace id");
            Reply::new(451, 3, 0, "Temporary internal error")
        })?;
        Ok((fresh, said))
    }

    fn log(&self, about: &About, to: &Address, reply: &Reply, what: What<'_>) {
        let status = if reply.is_positive() {
            "sent"
        } else if reply.is_transient() {
            "deferred"
        } else {
            "bounced"
        };
        let delay = daemon::now_millis().saturating_sub(about.id.millis());
        if reply.is_positive() {
            self.shared.figures.delays.observe(Duration::from_millis(delay));
        }
        let client =
            self.client.addr.as_deref().map_or_else(|| self.peer.to_string(), str::to_owned);
        tracing::info!(
            id = %about.id,
            origin = about.origin.as_deref(),
            from = %about.mail.from,
            to = %format_args!("<{to}>"),
            client,
            user = what.user,
            relay = what.relay,
            delay = Duration::from_millis(delay).as_secs_f64(),
            dsn = %reply.status(),
            status,
            "{}",
            what.text
        );
    }

    /// What is logged within it belongs to the message under way.
    fn span(&self) -> tracing::Span {
        let id = self.message.as_ref().map(|message| message.about.id.as_str());
        tracing::error_span!("message", id)
    }

    /// Takes a recipient, ourselves or by its uid's instance, or says why not.
    async fn take(&mut self, rcpt: &Rcpt) -> Result<Reply, Reply> {
        let (settings, shared) = (&self.settings, &self.shared);
        let resolved = resolve(rcpt, &shared.users, settings, shared.own_uid).await?;
        let Some(message) = &mut self.message else {
            return Err(Reply::new(503, 5, 0, "MAIL needed first"));
        };
        match resolved {
            Resolved::Here(recipient) => {
                message.recipients.push(recipient);
                message.order.push(Whose::Ours);
                Ok(Reply::new(250, 1, 5, "OK"))
            }
            Resolved::Instance { uid, user } => {
                let way = (&shared.proxy, &**settings);
                let offered =
                    message.passing.rcpt(way, (uid, user), &message.about.mail, rcpt).await;
                let (passed, reply) = offered?;
                message.passed.push(passed);
                message.order.push(Whose::AnInstances);
                Ok(reply)
            }
        }
    }

    /// The replies for our own recipients.
    fn own_replies(&self, about: &About, plan: &Plan, outcomes: &[Outcome]) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(outcomes.len());
        for (recipient, outcome) in plan.recipients.iter().zip(outcomes) {
            let reply = outcome.reply(recipient, &plan.id);
            let text = match outcome {
                Outcome::Stored { mailbox: Some(name) } => {
                    format!("stored mail into mailbox '{name}'")
                }
                Outcome::Stored { mailbox: None } => "was stored already".to_owned(),
                Outcome::Failed(error) => error.to_string(),
                Outcome::TimeUp => "takes too long".to_owned(),
            };
            let what = What { user: Some(&recipient.user), relay: None, text: &text };
            self.log(about, &recipient.address, &reply, what);
            self.shared.figures.count(outcome);
            replies.push(reply);
        }
        replies
    }

    /// The replies for instances' recipients.
    fn passed_replies(
        &self,
        about: &About,
        passed: &[Passed],
        verdicts: Vec<(Reply, String, String)>,
    ) -> Vec<Reply> {
        let mut replies = Vec::with_capacity(verdicts.len());
        for (one, (reply, relay, text)) in passed.iter().zip(verdicts) {
            let what = What { user: Some(&one.user), relay: Some(&relay), text: &text };
            self.log(about, &one.address, &reply, what);
            self.shared.figures.passed.fetch_add(1, Ordering::Relaxed);
            replies.push(reply);
        }
        replies
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
                let passing = Passing::new(&self.settings, &self.client, &id);
                self.message = Some(Message {
                    about: About { mail: mail.clone(), id, origin },
                    recipients: Vec::new(),
                    passed: Vec::new(),
                    passing,
                    order: Vec::new(),
                    data: None,
                });
                Reply::new(250, 1, 0, "OK")
            }
        }
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        let span = self.span();
        match self.take(rcpt).instrument(span).await {
            Ok(reply) => reply,
            Err(reply) => {
                self.shared.figures.refused.fetch_add(1, Ordering::Relaxed);
                if let Some(message) = &self.message {
                    let text = reply.text();
                    let what = What { text: &text, ..What::default() };
                    self.log(&message.about, rcpt.to.address(), &reply, what);
                }
                reply
            }
        }
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        let Some(message) = &mut self.message else {
            return Err(Reply::new(503, 5, 0, "MAIL needed first"));
        };
        message.passing.begin().await;
        let recipients = std::mem::take(&mut message.recipients);
        if recipients.is_empty() {
            return Ok(());
        }
        let only = if let [one] = recipients.as_slice() { Some(&one.address) } else { None };
        let addr = self.peer.remote.map(|remote| remote.ip().to_string());
        let source = Source {
            helo: &self.helo,
            addr: addr.as_deref(),
            hostname: &self.settings.hostname,
            seconds: i64::try_from(daemon::now_millis() / 1000).unwrap_or(i64::MAX),
        };
        let plan = Plan {
            id: message.about.id,
            front: Front::new(&message.about.mail, &message.about.id, source, only),
            recipients,
            mail_roots: self.settings.mail_roots.clone(),
            autocreate: self.settings.autocreate,
        };
        message.data = Some((Arc::new(plan), Content::Memory(Vec::new())));
        Ok(())
    }

    async fn chunk(&mut self, octets: &[u8]) {
        let in_memory = self.settings.body_in_memory;
        let Some(message) = &mut self.message else { return };
        let own = async {
            if let Some((plan, content)) = &mut message.data {
                content.push(octets, in_memory, plan).await;
            }
        };
        // The slowest sets the pace: nothing is heaped up here.
        tokio::join!(own, message.passing.write(octets));
    }

    async fn finish(&mut self) -> Vec<Reply> {
        let Some(message) = self.message.take() else { return Vec::new() };
        let Message { about, passed, passing, order, data, .. } = message;
        let (limit, deliveries) = (self.settings.work_limit, &self.shared.deliveries);
        let own = async {
            let (plan, content) = data?;
            let outcomes = deliver(Arc::clone(&plan), content, deliveries, limit).await;
            Some((plan, outcomes))
        };
        let (own, verdicts) = tokio::join!(own, passing.finish(&passed));
        let own = own.map(|(plan, outcomes)| self.own_replies(&about, &plan, &outcomes));
        let mut own = own.unwrap_or_default().into_iter();
        let mut passed = self.passed_replies(&about, &passed, verdicts).into_iter();
        let next = |whose: &Whose| match whose {
            Whose::Ours => own.next(),
            Whose::AnInstances => passed.next(),
        };
        order.iter().filter_map(next).collect()
    }

    async fn abort(&mut self) {
        let Some(message) = self.message.take() else { return };
        message.passing.abandon().await;
        // A draft that was begun is removed as it is dropped: files, so not on this thread.
        if let Some((_, content @ Content::Drafted(_))) = message.data {
            tokio::task::spawn_blocking(move || drop(content));
        }
    }
}
