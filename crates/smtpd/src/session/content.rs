//! The content passes: our Received in front, what is missing behind the header, hops counted; and
//! the verdict.

use address::ReversePath;
use daemon::now_millis;
use message::date::rfc5322;
use message::received::Received;
use smtp::Reply;
use tracing::Instrument as _;

use super::transaction::{Over, Transaction};
use crate::client::Client;
use crate::content::Missing;
use crate::figures::Figures;
use crate::handover::{Handover, Verdict, Way};
use crate::settings::Role;
use crate::site::Site;

/// Content goes over in pieces of at least this, so that short lines don't cost a write each.
const PIECE: usize = 16 << 10;

impl Transaction {
    /// Our Received field.
    pub(super) fn received(&self, site: &Site, client: &Client) -> String {
        let address = client.address();
        let protocol = client.protocol(self.mail.params.smtputf8);
        let only = match self.accepted.as_slice() {
            [only] => Some(only.given.to.address().to_string()),
            _ => None,
        };
        let certificate = client.tls.as_ref().map(|tls| tls.client.to_string());
        Received {
            // What our own daemons and programs here call themselves tells nobody anything.
            helo: match client.role {
                Role::Internal | Role::Sendmail => "",
                Role::Mx | Role::Submission => &client.helo,
            },
            client_name: None,
            client_addr: address.as_deref(),
            tls: client
                .tls
                .as_ref()
                .map(|tls| (tls.version.as_str(), tls.cipher.as_str(), tls.bits)),
            client_certificate: certificate.as_deref(),
            login: None,
            userid: client.userid(),
            by: &site.settings.hostname,
            with: &protocol,
            id: self.trace.as_str(),
            // As pickup(8) has it.
            recipient: only.as_deref().filter(|_| client.userid().is_none()),
            time: self.time(),
        }
        .to_header()
    }

    /// RFC 6409 §8: fields that a mail program of ours left out. A stranger's mail stays as it is.
    pub(super) fn missing(&self, site: &Site, client: &Client) -> Missing {
        if !client.is_trusted() {
            return Missing::default();
        }
        let (seconds, offset) = self.time();
        let from = match &self.mail.from {
            ReversePath::Null => format!("MAILER-DAEMON@{}", site.settings.rules.myorigin),
            ReversePath::Address(address) => address.to_string(),
        };
        Missing {
            message_id: format!("Message-ID: <{}@{}>\r\n", self.trace, site.settings.hostname),
            date: format!("Date: {}\r\n", rfc5322(seconds, offset)),
            from: format!("From: {from}\r\n"),
        }
    }

    /// When the message came, in UTC.
    fn time(&self) -> (i64, i32) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(0);
        let came = now_millis().saturating_sub(since) / 1000;
        (i64::try_from(came).unwrap_or(i64::MAX), 0)
    }

    /// A piece of the content came.
    pub(super) async fn content(&mut self, bytes: &[u8]) {
        let Some(over) = &mut self.over else { return };
        over.content.push(bytes, &mut over.pending);
        if over.pending.len() >= PIECE {
            over.handover.write(&over.pending).await;
            over.pending.clear();
        }
    }

    /// Whom the client's final dot waits for, as the operator sees it.
    pub(super) fn waits_for(&self) -> &'static str {
        match self.over.as_ref().map(|over| &over.handover) {
            Some(Handover::Straight(_)) => "waiting for lmtpd",
            _ => "waiting for qmgrd",
        }
    }

    /// The content is complete: who answers for it?
    pub(super) async fn finish(mut self, site: &Site, client: &Client) -> Vec<Reply> {
        let Some(mut over) = self.over.take() else {
            return vec![Reply::new(451, 3, 0, "Error: no way over"); self.accepted.len()];
        };
        over.content.end(&mut over.pending);
        if over.content.hops() > site.settings.hop_limit {
            let reply = Reply::new(554, 4, 0, "Error: too many hops");
            over.handover.abandon().await;
            self.told(site, client, &reply, "END-OF-MESSAGE");
            return self.replies(client, |_| reply.clone());
        }
        over.handover.write(&over.pending).await;
        let Over { handover, envelope, places, .. } = over;
        let verdict = handover.finish().instrument(self.span()).await;
        self.handed_over(site, client, &envelope, &verdict);
        match client.role {
            Role::Internal => self.replies(client, |at| {
                let own = places.get(at).into_iter().flatten();
                let said: Vec<_> = own.filter_map(|place| verdict.replies.get(*place)).collect();
                self.answer(&said, verdict.way)
            }),
            _ => vec![self.answer(&verdict.replies.iter().collect::<Vec<_>>(), verdict.way)],
        }
    }

    /// One reply, or for LMTP one for each accepted recipient (RFC 2033 §4.2).
    fn replies(&self, client: &Client, reply: impl Fn(usize) -> Reply) -> Vec<Reply> {
        let count = if client.role == Role::Internal { self.accepted.len() } else { 1 };
        (0..count).map(reply).collect()
    }

    /// What the hop's replies come to: 250 only if all are good; a refusal for now before one for
    /// good, so that nobody is given up who might yet get the message.
    fn answer(&self, said: &[&Reply], way: Way) -> Reply {
        let refused = said.iter().filter(|reply| !reply.is_positive());
        let worst = refused.clone().find(|reply| reply.is_transient()).or(refused.clone().next());
        match worst {
            Some(reply) => (*reply).clone(),
            None => {
                let done = if way == Way::Straight { "stored" } else { "queued" };
                Reply::new(250, 0, 0, format!("Ok: {done} as {}", self.trace))
            }
        }
    }

    /// Counts a message that a verdict was reached on, and logs each of its recipients.
    fn handed_over(
        &self,
        site: &Site,
        client: &Client,
        envelope: &smtp::Envelope,
        verdict: &Verdict,
    ) {
        let replies: Vec<_> = verdict.replies.iter().collect();
        let answer = self.answer(&replies, verdict.way);
        let figures = &site.figures;
        Figures::count(match (answer.is_positive(), verdict.way) {
            (true, Way::Straight) => &figures.straight_in,
            (true, _) => &figures.queued,
            (false, _) if answer.is_transient() => &figures.deferred,
            (false, _) => &figures.refused,
        });
        if verdict.way == Way::FellBack {
            Figures::count(&figures.fell_back);
        }
        for (rcpt, reply) in envelope.rcpts.iter().zip(&verdict.replies) {
            self.log_handover(client, rcpt, reply, verdict);
        }
    }
}
