//! One LMTP connection: recipients of one domain a transaction, each answered by their own server.

use std::sync::Arc;
use std::time::Instant;

use daemon::Seat;
use smtp::{Class, Mail, Rcpt, Reply, XForward};
use smtp_server::Handler;
use tracing::Instrument as _;

use crate::deliver::Delivery;
use crate::dial::Dialer;
use crate::settings::Settings;

/// A connection's state.
pub(crate) struct Session {
    settings: Arc<Settings>,
    dialer: Arc<Dialer>,
    client: XForward,
    mail: Option<Mail>,
    message: Option<Message>,
    /// What the operator sees of it.
    seat: Seat,
}

/// A transaction.
struct Message {
    domain: String,
    begun: Instant,
    /// `NAME[ADDR]` of the remote server; `none` without one.
    relay: String,
    /// The remote transaction, or the verdict where there is none.
    remote: Result<Delivery, Reply>,
    /// Each recipient that was offered to the remote server, and whether it was taken.
    offered: Vec<(String, bool)>,
}

impl Session {
    pub(crate) fn new(settings: Arc<Settings>, dialer: Arc<Dialer>, seat: Seat) -> Self {
        Self { settings, dialer, client: XForward::default(), mail: None, message: None, seat }
    }

    async fn first(&mut self, domain: String, mail: &Mail, rcpt: &Rcpt) -> Reply {
        let begun = Instant::now();
        self.seat.state("connecting to the next server");
        let remote = Delivery::open(&self.dialer, &self.settings, &domain, mail, rcpt).await;
        let (verdict, relay) = match &remote {
            Ok(delivery) => (delivery.first_verdict(), delivery.host.to_string()),
            Err(reply) => (reply.clone(), "none".to_owned()),
        };
        let offered = vec![(rcpt.to.address().to_string(), verdict.is_positive())];
        self.message = Some(Message { domain, begun, relay, remote, offered });
        verdict
    }

    async fn verdict_on(&mut self, rcpt: &Rcpt) -> Reply {
        let Some(domain) = rcpt.to.address().domain().map(address::Domain::folded) else {
            return Reply::new(550, 1, 3, "a recipient of the outside world needs a domain");
        };
        let Some(mail) = self.mail.clone() else {
            return Reply::new(503, 5, 1, "Error: need MAIL command");
        };
        let Some(message) = &mut self.message else { return self.first(domain, &mail, rcpt).await };
        if message.domain != domain {
            return Reply::new(452, 5, 3, "one destination domain a transaction");
        }
        match &mut message.remote {
            Ok(delivery) => {
                let verdict = delivery.rcpt(rcpt).await;
                message.offered.push((rcpt.to.address().to_string(), verdict.is_positive()));
                verdict
            }
            Err(reply) => reply.clone(),
        }
    }

    /// One line for a recipient's end, with the fields that every daemon has.
    fn log(&self, message: Option<&Message>, to: &str, verdict: &Reply) {
        let status = match verdict.status().class {
            Class::Success => "sent",
            Class::Transient => "deferred",
            Class::Permanent => "bounced",
        };
        let relay = message.map_or("none", |message| message.relay.as_str());
        let delay = message.map_or(0.0, |message| message.begun.elapsed().as_secs_f64());
        let id = self.client.ident.as_deref().unwrap_or("-");
        let from = self.mail.as_ref().map(|mail| mail.from.to_string()).unwrap_or_default();
        let to = format_args!("<{to}>");
        tracing::info!(id, from, %to, relay, delay, dsn = %verdict.status(), status, "{verdict}");
    }
}

impl Handler for Session {
    fn xforward(&mut self, client: &XForward) {
        self.client = client.clone();
    }

    async fn mail(&mut self, mail: &Mail) -> Reply {
        self.mail = Some(mail.clone());
        self.message = None;
        Reply::new(250, 1, 0, "Ok")
    }

    async fn rcpt(&mut self, rcpt: &Rcpt) -> Reply {
        let span = tracing::error_span!("message", id = self.client.ident.as_deref());
        let verdict = self.verdict_on(rcpt).instrument(span).await;
        if !verdict.is_positive() {
            self.log(self.message.as_ref(), &rcpt.to.address().to_string(), &verdict);
        }
        verdict
    }

    async fn begin_data(&mut self) -> Result<(), Reply> {
        let Some(Message { remote: Ok(delivery), .. }) = &mut self.message else {
            return Err(Reply::new(503, 5, 1, "Error: need RCPT command"));
        };
        let begun = delivery.begin().await;
        if let (Err(reply), Some(message)) = (&begun, self.message.take_if(|_| begun.is_err())) {
            for (to, _) in message.offered.iter().filter(|(_, taken)| *taken) {
                self.log(Some(&message), to, reply);
            }
        }
        begun
    }

    async fn chunk(&mut self, octets: &[u8]) {
        if let Some(Message { remote: Ok(delivery), .. }) = &mut self.message {
            // A failure is kept by the transaction until its end.
            delivery.write(octets).await;
        }
    }

    async fn finish(&mut self) -> Vec<Reply> {
        let Some(mut message) = self.message.take() else { return Vec::new() };
        let over = Err(Reply::new(451, 4, 2, "the transaction is over"));
        let Ok(delivery) = std::mem::replace(&mut message.remote, over) else { return Vec::new() };
        self.seat.state("waiting for the next server");
        let verdicts = delivery.finish().await;
        let mut replies = Vec::new();
        for ((to, _), verdict) in
            message.offered.iter().zip(verdicts).filter(|((_, taken), _)| *taken)
        {
            self.log(Some(&message), to, &verdict);
            replies.push(verdict);
        }
        replies
    }

    async fn abort(&mut self) {
        if let Some(Message { remote: Ok(delivery), .. }) = self.message.take() {
            delivery.abandon();
        }
        self.mail = None;
    }
}
