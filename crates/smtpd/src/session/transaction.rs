//! One message: its sender, its recipients, and where it is on its way over.

use std::time::Instant;

use address::{ReversePath, TraceId};
use daemon::fresh_trace_id;
use smtp::{Envelope, Mail, Rcpt, Reply};
use tracing::Instrument as _;

use crate::client::Client;
use crate::content::Content;
use crate::handover::{Handover, Parcel};
use crate::kept::Kept;
use crate::resolve::{Place, Target};
use crate::settings::Role;
use crate::site::Site;

/// Final addresses a message may have in all; RCPT gets 452 beyond.
pub(super) const MAX_TARGETS: usize = 10_000;

/// One message.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) trace: TraceId,
    /// The queue id that a Postfix in front gave the message, for the log.
    pub(super) origin: Option<String>,
    pub(super) began: Instant,
    pub(super) mail: Mail,
    pub(super) accepted: Vec<Accepted>,
    pub(super) over: Option<Over>,
}

/// A recipient that the client got a 250 for.
#[derive(Debug, Clone)]
pub(super) struct Accepted {
    pub(super) given: Rcpt,
    pub(super) targets: Vec<Target>,
}

/// The content on its way over.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) handover: Handover,
    pub(super) envelope: Envelope,
    /// Which of the envelope's recipients each accepted one became.
    pub(super) places: Vec<Vec<usize>>,
    pub(super) content: Content,
    /// What came out of `content` and hasn't gone over yet.
    pub(super) pending: Vec<u8>,
}

impl Transaction {
    /// MAIL was said.
    pub(super) fn begin(site: &Site, client: &Client, mail: &Mail) -> Result<Self, Reply> {
        let mut mail = mail.clone();
        if let ReversePath::Address(address) = mail.from {
            if address.local().as_str().starts_with('-') {
                // Postfix's allow_min_user = no: nobody's address, but some program's option.
                return Err(Reply::new(501, 1, 7, "Bad sender address syntax"));
            }
            mail.from = ReversePath::Address(address.or_domain(&site.settings.rules.myorigin));
        }
        // RFC 4954 §5: what a client says here isn't ours to vouch for.
        mail.params.auth = None;
        let (trace, origin) = identify(site, client)?;
        let began = Instant::now();
        Ok(Self { trace, origin, began, mail, accepted: Vec::new(), over: None })
    }

    /// Opens the way over: after this the client may be told 354.
    pub(super) async fn open(&mut self, site: &Site, client: &Client) -> Result<(), Reply> {
        let (envelope, places) = self.envelope();
        let trusted = client.is_trusted();
        let protocol = client.protocol(self.mail.params.smtputf8);
        let parcel = Parcel {
            xforward: client.xforward(self.trace.as_str(), protocol),
            single: self.goes_straight(client, &envelope),
            trusted,
            envelope: envelope.clone(),
        };
        let settings = &site.settings;
        let kept = Kept::new(settings.body_in_memory, settings.scratch.clone());
        match Handover::open(&site.hops, parcel, kept).instrument(self.span()).await {
            Ok(handover) => {
                let content = Content::new(self.missing(site, client));
                let pending = self.received(site, client).into_bytes();
                self.over = Some(Over { handover, envelope, places, content, pending });
                Ok(())
            }
            Err(reply) => {
                self.told(site, client, &reply, "DATA");
                Err(reply)
            }
        }
    }

    /// Exactly one recipient after aliases, and its mailbox is here. What our own daemons bring
    /// never goes straight in: they might wait for each other in a ring. A report of success
    /// (RFC 3461 §4.1) is qmgrd's to make.
    fn goes_straight(&self, client: &Client, envelope: &Envelope) -> bool {
        let mut targets = self.accepted.iter().flat_map(|accepted| &accepted.targets);
        let success = |rcpt: &Rcpt| rcpt.params.notify.is_some_and(|notify| notify.success);
        client.role != Role::Internal
            && envelope.rcpts.len() == 1
            && !envelope.rcpts.iter().any(success)
            && targets.all(|target| target.place == Place::Mailbox)
    }

    pub(super) async fn abandon(self) {
        if let Some(over) = self.over {
            over.handover.abandon().await;
        }
    }
}

/// The message's id: a fresh one, unless a daemon of ours that we trust with it brings one along.
fn identify(site: &Site, client: &Client) -> Result<(TraceId, Option<String>), Reply> {
    let ident = client.forwarded.ident.clone();
    if client.peer.is_one_of(&site.settings.trusted_ids)
        && let Some(Ok(trace)) = ident.as_deref().map(str::parse)
    {
        return Ok((trace, None));
    }
    match fresh_trace_id() {
        Ok(trace) => Ok((trace, ident)),
        Err(error) => {
            tracing::error!(%error, "no trace id");
            Err(Reply::new(451, 3, 0, "Error: no message id"))
        }
    }
}
