//! An open transaction: the content goes out piece by piece, and each recipient's outcome comes back.
//!
//! A transaction that is dropped closes its connection without the final dot, and the server forgets it.

use std::time::Duration;

use smtp::client::rcpt_line;
use smtp::data::Encoder;
use smtp::{Protocol, Rcpt, Reply};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::connection::Connection;
use crate::error::{HopError, Outcome};

/// Octets that are gathered before they are written.
const BLOCK: usize = 16 << 10;
/// How long a server that closed is listened to for the reply that says why.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// MAIL and all RCPTs were answered.
#[derive(Debug)]
pub struct Transaction<S> {
    connection: Connection<S>,
    recipients: Vec<Reply>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// DATA wasn't said, or was refused.
    NotBegun,
    /// It goes out.
    Going { encoder: Encoder, block: Vec<u8> },
    /// The connection was lost.
    Lost(Failure),
}

#[derive(Debug, Clone)]
struct Failure {
    why: String,
    last_words: Option<Reply>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Transaction<S> {
    pub(crate) fn new(connection: Connection<S>, recipients: Vec<Reply>) -> Self {
        Self { connection, recipients, content: Content::NotBegun }
    }

    /// The verdict on each recipient, in the envelope's order.
    #[must_use]
    pub fn recipients(&self) -> &[Reply] {
        &self.recipients
    }

    /// The connection that it goes over.
    #[must_use]
    pub fn connection(&self) -> &Connection<S> {
        &self.connection
    }

    /// Offers one more recipient, before the content, and returns the verdict on it: for callers that
    /// learn of their recipients one by one.
    ///
    /// # Errors
    /// [`HopError::Lost`]; [`Transaction::finish`] tells of it for all recipients.
    pub async fn rcpt(&mut self, rcpt: &Rcpt) -> Result<Reply, HopError> {
        if !matches!(self.content, Content::NotBegun) {
            return Err(self.failure().into_error());
        }
        let line = rcpt_line(rcpt, self.connection.capabilities());
        let patience = self.connection.patience.command;
        match self.connection.wire.command(&line, patience, "sending RCPT TO").await {
            Ok(reply) => {
                let verdict = judged(reply);
                self.recipients.push(verdict.clone());
                Ok(verdict)
            }
            Err(error) => {
                let why = error.to_string();
                self.content = Content::Lost(Failure { why, last_words: None });
                self.recipients.push(Reply::new(451, 4, 2, error.to_string()));
                Err(error.into())
            }
        }
    }

    fn accepted(&self) -> usize {
        self.recipients.iter().filter(|reply| accepts(reply)).count()
    }

    /// Says DATA. Without an accepted recipient nothing is said, and it is refused here.
    ///
    /// # Errors
    /// [`HopError::Refused`] with the server's reply; [`HopError::Lost`].
    pub async fn start_data(&mut self) -> Result<(), HopError> {
        if self.accepted() == 0 {
            return Err(HopError::Refused(Reply::new(554, 5, 1, "Error: no valid recipients")));
        }
        let patience = self.connection.patience.data_start;
        let doing = "sending DATA command";
        let reply = match self.connection.wire.command("DATA", patience, doing).await {
            Ok(reply) => reply,
            Err(error) => {
                let why = error.to_string();
                self.content = Content::Lost(Failure { why, last_words: None });
                return Err(error.into());
            }
        };
        match reply.code() {
            354 => {
                let encoder = Encoder::default();
                self.content = Content::Going { encoder, block: Vec::with_capacity(2 * BLOCK) };
                Ok(())
            }
            421 => {
                let why = format!("{} said: {reply}", self.connection.wire.peer);
                self.content = Content::Lost(Failure { why, last_words: Some(reply.clone()) });
                Err(HopError::Refused(reply))
            }
            400..=599 => Err(HopError::Refused(reply)),
            _ => {
                let why = format!("protocol error: unexpected {reply} in reply to DATA");
                self.content = Content::Lost(Failure { why: why.clone(), last_words: None });
                Err(HopError::Lost(why))
            }
        }
    }

    /// Passes content on: lines that end in CRLF, in pieces of any size. Dots are doubled here. After an
    /// error the rest may be written too, in vain; [`Transaction::finish`] tells of it.
    ///
    /// # Errors
    /// [`HopError::Lost`]
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), HopError> {
        for piece in octets.chunks(BLOCK) {
            let Content::Going { encoder, block } = &mut self.content else {
                return Err(self.failure().into_error());
            };
            encoder.push(piece, block);
            if block.len() >= BLOCK {
                // Taken first: a write that is given up half-way must not be repeated.
                let full = std::mem::replace(block, Vec::with_capacity(2 * BLOCK));
                self.send(&full).await?;
            }
        }
        Ok(())
    }

    async fn send(&mut self, octets: &[u8]) -> Result<(), HopError> {
        let patience = self.connection.patience.block;
        let doing = "sending message body";
        // If the caller gives up waiting, what was written of this block isn't known.
        let going = std::mem::replace(
            &mut self.content,
            Content::Lost(Failure {
                why: "given up while sending message body".into(),
                last_words: None,
            }),
        );
        match self.connection.wire.write(octets, patience, doing).await {
            Ok(()) => {
                self.content = going;
                Ok(())
            }
            Err(error) => {
                let why = error.to_string();
                let last_words = self.last_words().await;
                self.content = Content::Lost(Failure { why, last_words });
                Err(error.into())
            }
        }
    }

    /// A server that closes in the middle may have said why.
    async fn last_words(&mut self) -> Option<Reply> {
        let until = Instant::now() + LAST_WORDS;
        let reply = self.connection.wire.reply(until, "sending message body").await.ok()?;
        (reply.is_transient() || reply.is_permanent()).then_some(reply)
    }

    /// Says the final dot. One outcome for each recipient of the envelope, in its order; those that were
    /// refused keep their reply. The connection comes back where it is good for another message.
    pub async fn finish(mut self) -> (Vec<Outcome>, Option<Connection<S>>) {
        let content = std::mem::replace(&mut self.content, Content::NotBegun);
        let (encoder, mut block) = match content {
            Content::Going { encoder, block } => (encoder, block),
            other => {
                self.content = other;
                let failure = self.failure();
                return (self.outcomes(Vec::new(), &failure.into_outcome()), None);
            }
        };
        encoder.finish(&mut block);
        // The dot is the last octet but two: a write that fails hasn't sent it.
        if self.send(&block).await.is_err() {
            let failure = self.failure();
            return (self.outcomes(Vec::new(), &failure.into_outcome()), None);
        }
        let patience = self.connection.patience.final_dot;
        let until = Instant::now() + patience;
        let doing = "sending end of data -- message may be sent more than once";
        if let Err(error) = self.connection.wire.flush(patience, doing).await {
            return (self.outcomes(Vec::new(), &Outcome::Unknown(error.to_string())), None);
        }
        // RFC 2033 §4.2: a reply for each accepted recipient; RFC 5321 §4.1.1.4: one for all.
        let wanted = match self.connection.protocol() {
            Protocol::Smtp => 1,
            Protocol::Lmtp => self.accepted(),
        };
        let mut verdicts = Vec::new();
        while verdicts.len() < wanted {
            match self.connection.wire.reply(until, doing).await {
                Ok(reply) => verdicts.push(judged(reply)),
                Err(error) => {
                    return (self.outcomes(verdicts, &Outcome::Unknown(error.to_string())), None);
                }
            }
        }
        let gone = verdicts.iter().any(|reply| reply.code() == 421);
        let missing = Outcome::Unknown("the server gave no verdict".into());
        let outcomes = self.outcomes(verdicts, &missing);
        self.connection.dirty = false;
        (outcomes, (!gone).then_some(self.connection))
    }

    /// Gives the transaction up; nothing of it is stored. The connection comes back where DATA hadn't
    /// begun.
    #[must_use]
    pub fn abandon(self) -> Option<Connection<S>> {
        matches!(self.content, Content::NotBegun).then_some(self.connection)
    }

    fn failure(&self) -> Failure {
        match &self.content {
            Content::Lost(failure) => failure.clone(),
            _ => Failure { why: "the content was never begun".into(), last_words: None },
        }
    }

    /// Spreads the verdicts over the envelope's recipients; `rest` where none came.
    fn outcomes(&self, verdicts: Vec<Reply>, rest: &Outcome) -> Vec<Outcome> {
        let for_all = self.connection.protocol() == Protocol::Smtp;
        let mut next = verdicts.iter();
        let mut outcome = |refusal: &Reply| {
            if !accepts(refusal) {
                return Outcome::Reply(refusal.clone());
            }
            let verdict = if for_all { verdicts.first() } else { next.next() };
            verdict.map_or_else(|| rest.clone(), |reply| Outcome::Reply(reply.clone()))
        };
        self.recipients.iter().map(&mut outcome).collect()
    }
}

impl Failure {
    fn into_error(self) -> HopError {
        HopError::Lost(self.why)
    }

    fn into_outcome(self) -> Outcome {
        self.last_words.map_or(Outcome::Lost(self.why), Outcome::Reply)
    }
}

fn accepts(reply: &Reply) -> bool {
    reply.code() / 100 == 2
}

/// 3yz in reply to the final dot is no verdict: the message wasn't taken, as far as anybody knows.
fn judged(reply: Reply) -> Reply {
    if reply.code() / 100 == 3 {
        return Reply::new(451, 5, 0, format!("protocol error: unexpected {reply}"));
    }
    reply
}
