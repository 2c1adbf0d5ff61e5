//! Straight in: one recipient, whose mailbox is here, delivered while the client waits.

use std::time::Instant;

use lmtp_client::{Client, Hop, HopError, Outcome};
use smtp::Reply;

use super::{Hops, Parcel, Queue, Verdict, Way, ident, queue_failed};
use crate::kept::Kept;

/// A message on its way to lmtpd.
#[derive(Debug)]
pub struct Straight {
    hops: Hops,
    parcel: Parcel,
    hop: Hop,
    /// What qmgrd will get if it must; none once the scratch folder has failed.
    kept: Option<Kept>,
}

/// Why a message doesn't go straight in.
pub(super) enum NotStraight {
    /// This is the client's answer.
    Say(Reply),
    /// It goes to the queue; the reason is for the log.
    Queue(String),
}

/// Opens the hop up to DATA.
pub(super) async fn open(lmtpd: &Client, parcel: &Parcel) -> Result<Hop, NotStraight> {
    let opened = lmtpd.open(&parcel.xforward, &parcel.envelope).await;
    let mut hop = opened.map_err(|error| not_open(error, parcel))?;
    if let Some(refusal) = hop.recipients().iter().find(|reply| !reply.is_positive()) {
        let refusal = refusal.clone();
        hop.abandon().await;
        return Err(refused(refusal, parcel));
    }
    match hop.start_data().await {
        Ok(()) => Ok(hop),
        Err(error) => {
            hop.abandon().await;
            Err(not_open(error, parcel))
        }
    }
}

fn not_open(error: HopError, parcel: &Parcel) -> NotStraight {
    match error {
        HopError::Refused(reply) => refused(reply, parcel),
        HopError::NeedsSmtpUtf8 => NotStraight::Say(error.as_reply()),
        other => NotStraight::Queue(other.to_string()),
    }
}

/// lmtpd's 5xx is the client's answer. Its 4xx is a stranger's answer, who will come again; mail of
/// those we know waits in the queue.
fn refused(reply: Reply, parcel: &Parcel) -> NotStraight {
    if reply.is_permanent() || !parcel.trusted {
        NotStraight::Say(reply)
    } else {
        NotStraight::Queue(reply.to_string())
    }
}

impl Straight {
    pub(super) fn new(hops: Hops, parcel: Parcel, hop: Hop, kept: Kept) -> Self {
        Self { hops, parcel, hop, kept: Some(kept) }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        if let Some(kept) = &mut self.kept
            && let Err(error) = kept.push(bytes).await
        {
            tracing::error!(id = ident(&self.parcel), %error, "the body isn't kept");
            self.kept = None;
        }
        // A hop that is lost tells of it, and of lmtpd's last words, when it is finished.
        let _ = self.hop.write(bytes).await;
    }

    pub(super) async fn finish(self) -> Verdict {
        let started = Instant::now();
        let Self { hops, parcel, hop, kept } = self;
        let relay = hop.relay();
        let why = match said(hop, &parcel).await {
            Ok(reply) => {
                let (replies, took) = (vec![reply], started.elapsed());
                return Verdict { replies, way: Way::Straight, relay, took };
            }
            Err(why) => why,
        };
        tracing::info!(id = ident(&parcel), "not straight in but to the queue: {why}");
        match requeue(&hops, &parcel, kept).await {
            Ok(verdict) => Verdict { took: started.elapsed(), ..verdict },
            Err(reply) => Verdict {
                replies: vec![reply],
                way: Way::FellBack,
                relay: "none".into(),
                took: started.elapsed(),
            },
        }
    }

    pub(super) async fn abandon(self) {
        self.hop.abandon().await;
    }
}

/// The client's answer, or why the message goes to the queue after all.
async fn said(hop: Hop, parcel: &Parcel) -> Result<Reply, String> {
    match hop.finish().await.into_iter().next() {
        Some(Outcome::Reply(reply)) if reply.is_transient() && parcel.trusted => {
            Err(reply.to_string())
        }
        Some(Outcome::Reply(reply)) => Ok(reply),
        Some(Outcome::Unknown(why) | Outcome::Lost(why)) => Err(why),
        None => Err("no answer".into()),
    }
}

/// The same message, under the same trace id, to qmgrd: if lmtpd did store it, the queue's delivery
/// finds it there.
async fn requeue(hops: &Hops, parcel: &Parcel, kept: Option<Kept>) -> Result<Verdict, Reply> {
    let kept = kept.ok_or_else(queue_failed)?;
    let mut queue = Queue::open(hops, parcel, Way::FellBack).await?;
    let read = async {
        let mut reader = kept.reader().await?;
        while let Some(piece) = reader.next().await? {
            queue.write(&piece).await;
        }
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = read.await {
        tracing::error!(id = ident(parcel), %error, "the kept body can't be read");
        queue.abandon().await;
        return Err(queue_failed());
    }
    Ok(queue.finish().await)
}
