//! The log lines of a message: refusals in Postfix's words, and who took it over.

use smtp::{Rcpt, Reply};

use super::transaction::Transaction;
use crate::client::Client;
use crate::figures::Figures;
use crate::handover::{Verdict, Way};
use crate::site::Site;

impl Transaction {
    /// What is logged within it belongs to this message.
    pub(super) fn span(&self) -> tracing::Span {
        tracing::error_span!("message", id = %self.trace)
    }

    /// A program of this machine's users sends it: the line of Postfix's pickup(8).
    pub(super) fn tell_user(&self, client: &Client) {
        let Some(uid) = client.userid() else { return };
        let (id, from) = (&self.trace, &self.mail.from);
        tracing::info!(%id, uid, %from, client = client.shown(), "{id}: uid={uid} from={from}");
    }

    /// A recipient was refused. `NOQUEUE: reject: RCPT from` is what log readers look for.
    pub(super) fn reject(&self, client: &Client, rcpt: &Rcpt, reply: &Reply) {
        let shown = client.shown();
        tracing::info!(
            id = %self.trace,
            from = %self.mail.from,
            to = %rcpt.to,
            client = shown,
            user = client.user(),
            dsn = %reply.status(),
            status = "reject",
            "NOQUEUE: reject: RCPT from {shown}: {reply}; from={} to={} proto={} helo=<{}>",
            self.mail.from,
            rcpt.to,
            client.protocol(self.mail.params.smtputf8),
            client.helo,
        );
    }

    /// The whole message was refused, by us or by a hop that didn't open.
    pub(super) fn told(&self, site: &Site, client: &Client, reply: &Reply, stage: &str) {
        let figures = &site.figures;
        let later = reply.is_transient();
        Figures::count(if later { &figures.deferred } else { &figures.refused });
        let shown = client.shown();
        tracing::info!(
            id = %self.trace,
            from = %self.mail.from,
            client = shown,
            user = client.user(),
            dsn = %reply.status(),
            status = if later { "deferred" } else { "reject" },
            "reject: {stage} from {shown}: {reply}; from={} proto={} helo=<{}>",
            self.mail.from,
            client.protocol(self.mail.params.smtputf8),
            client.helo,
        );
    }

    /// A hop answered for a recipient.
    pub(super) fn log_handover(
        &self,
        client: &Client,
        rcpt: &Rcpt,
        reply: &Reply,
        verdict: &Verdict,
    ) {
        let status = match (reply.is_positive(), verdict.way) {
            (true, Way::Straight) => "sent",
            (true, _) => "queued",
            (false, _) if reply.is_transient() => "deferred",
            (false, _) => "reject",
        };
        let (to, orcpt) = (rcpt.to.address().to_string(), rcpt.params.orcpt.as_ref());
        let orcpt = orcpt.map(|orcpt| orcpt.address.as_str()).filter(|orcpt| *orcpt != to);
        tracing::info!(
            id = %self.trace,
            origin = self.origin.as_deref(),
            from = %self.mail.from,
            to = %rcpt.to,
            orig_to = orcpt,
            client = client.shown(),
            user = client.user(),
            relay = verdict.relay,
            delay = self.began.elapsed().as_secs_f64(),
            hop = verdict.took.as_secs_f64(),
            dsn = %reply.status(),
            status,
            "{reply}"
        );
    }
}
