//! Handing a message over: straight in to lmtpd, or to qmgrd.
//!
//! The hop is opened before the client gets its 354, the content streams through, and the client's
//! answer is the hop's. What went straight in is kept until lmtpd has answered, so that it can go
//! to qmgrd under the same trace id if lmtpd fails to. Ruled by docs/architecture.md ("Who may go
//! straight in").

mod straight;

use std::time::{Duration, Instant};

use lmtp_client::{Client, Hop, HopError, Outcome};
use smtp::{Envelope, Reply, XForward};

use crate::kept::Kept;
use straight::Straight;

/// Where a message can go.
#[derive(Debug, Clone)]
pub struct Hops {
    /// lmtpd; none if the operator has switched straight in off.
    pub lmtpd: Option<Client>,
    /// qmgrd.
    pub qmgrd: Client,
}

/// A message that is about to be handed over.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Sender and recipients.
    pub envelope: Envelope,
    /// What the hop is told of the client and the message.
    pub xforward: XForward,
    /// Its one recipient has a mailbox here.
    pub single: bool,
    /// The client is trusted: what would be refused for now is queued instead.
    pub trusted: bool,
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To lmtpd, while the client waited.
    Straight,
    /// To qmgrd.
    Queue,
    /// To qmgrd, after lmtpd hadn't taken it.
    FellBack,
}

/// What became of a message: one reply for each recipient of the envelope.
#[derive(Debug)]
pub struct Verdict {
    /// In the envelope's order.
    pub replies: Vec<Reply>,
    /// Which way it went.
    pub way: Way,
    /// Who said it: `NAME[PATH]`.
    pub relay: String,
    /// How long the hop took to answer.
    pub took: Duration,
}

/// A message on its way over.
#[derive(Debug)]
pub enum Handover {
    /// To lmtpd, kept meanwhile.
    Straight(Box<Straight>),
    /// To qmgrd.
    Queue(Box<Queue>),
}

impl Handover {
    /// Opens the hop: after this the client may be told 354.
    ///
    /// # Errors
    /// What the client must be told instead.
    pub async fn open(hops: &Hops, parcel: Parcel, kept: Kept) -> Result<Self, Reply> {
        if let (true, Some(lmtpd)) = (parcel.single, &hops.lmtpd) {
            match straight::open(lmtpd, &parcel).await {
                Ok(hop) => {
                    let straight = Straight::new(hops.clone(), parcel, hop, kept);
                    return Ok(Self::Straight(Box::new(straight)));
                }
                Err(straight::NotStraight::Say(reply)) => return Err(reply),
                Err(straight::NotStraight::Queue(why)) => {
                    tracing::info!(id = ident(&parcel), relay = "lmtpd", "not straight in: {why}");
                    let queue = Queue::open(hops, &parcel, Way::FellBack).await?;
                    return Ok(Self::Queue(Box::new(queue)));
                }
            }
        }
        Ok(Self::Queue(Box::new(Queue::open(hops, &parcel, Way::Queue).await?)))
    }

    /// Passes a piece of the content on. What goes wrong shows in the verdict.
    pub async fn write(&mut self, bytes: &[u8]) {
        match self {
            Self::Straight(straight) => straight.write(bytes).await,
            Self::Queue(queue) => queue.write(bytes).await,
        }
    }

    /// The content is complete.
    pub async fn finish(self) -> Verdict {
        match self {
            Self::Straight(straight) => straight.finish().await,
            Self::Queue(queue) => queue.finish().await,
        }
    }

    /// The message is given up: nothing of it may be stored.
    pub async fn abandon(self) {
        match self {
            Self::Straight(straight) => straight.abandon().await,
            Self::Queue(queue) => queue.abandon().await,
        }
    }
}

/// A message on its way to qmgrd, which takes all of its recipients or none.
#[derive(Debug)]
pub struct Queue {
    hop: Hop,
    way: Way,
}

impl Queue {
    async fn open(hops: &Hops, parcel: &Parcel, way: Way) -> Result<Self, Reply> {
        let opened = hops.qmgrd.open(&parcel.xforward, &parcel.envelope).await;
        let mut hop = opened.map_err(|error| tell(&error, "qmgrd", parcel))?;
        if let Some(refusal) = worst(hop.recipients()) {
            let refusal = refusal.clone();
            hop.abandon().await;
            return Err(refusal);
        }
        if let Err(error) = hop.start_data().await {
            let reply = tell(&error, "qmgrd", parcel);
            hop.abandon().await;
            return Err(reply);
        }
        Ok(Self { hop, way })
    }

    async fn write(&mut self, bytes: &[u8]) {
        // A hop that is lost tells of it when it is finished.
        let _ = self.hop.write(bytes).await;
    }

    async fn finish(self) -> Verdict {
        let (started, relay) = (Instant::now(), self.hop.relay());
        let outcomes = self.hop.finish().await.into_iter();
        let replies = outcomes.map(|outcome| queue_reply(outcome, &relay)).collect();
        Verdict { replies, way: self.way, relay, took: started.elapsed() }
    }

    async fn abandon(self) {
        self.hop.abandon().await;
    }
}

fn queue_reply(outcome: Outcome, relay: &str) -> Reply {
    match outcome {
        Outcome::Reply(reply) => reply,
        // The client comes again. If qmgrd did store it, that is the one copy too many that
        // RFC 1047 tells of.
        Outcome::Unknown(why) | Outcome::Lost(why) => {
            tracing::warn!(relay, "no answer to a message: {why}");
            queue_failed()
        }
    }
}

/// Postfix's words for a queue that can't be written.
pub(crate) fn queue_failed() -> Reply {
    Reply::new(451, 3, 0, "Error: queue file write error")
}

/// The first refusal that is for now, else the first for good.
fn worst(replies: &[Reply]) -> Option<&Reply> {
    let refused = |reply: &&Reply| !reply.is_positive();
    replies.iter().find(|reply| reply.is_transient()).or_else(|| replies.iter().find(refused))
}

/// Logs why a hop isn't open, and gives the client's reply.
fn tell(error: &HopError, relay: &str, parcel: &Parcel) -> Reply {
    // The client hears a verdict on its message, but not where our sockets are: and that the queue
    // takes nothing at all is our trouble, not the message's.
    let reply = match error {
        HopError::Away(_) | HopError::Lost(_) | HopError::Unwilling(..) => queue_failed(),
        HopError::Busy(_) => Reply::new(451, 3, 2, "Error: too many messages at once"),
        HopError::Refused(_) | HopError::NeedsSmtpUtf8 => error.as_reply(),
    };
    tracing::warn!(id = ident(parcel), relay, dsn = %reply.status(), "hop not open: {error}");
    reply
}

fn ident(parcel: &Parcel) -> &str {
    parcel.xforward.ident.as_deref().unwrap_or_default()
}
