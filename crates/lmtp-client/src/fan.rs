//! One message to several servers at once: each recipient is offered to the server that it belongs to,
//! the content goes to all of them while it comes, and each recipient has its own server's verdict.
//!
//! Nothing is kept: a piece of content is held until every server took it, so the slowest sets the
//! pace, within bounds. A server that dies, hangs or refuses costs its own recipients only. Who the
//! servers are is the caller's: a daemon's instances under other uids, other machines.

use std::time::Duration;

use smtp::{Envelope, Mail, Rcpt, Reply, XForward};
use tokio::time::{Instant, timeout_at};

use crate::client::{Client, Hop};
use crate::error::{HopError, Outcome};
use crate::join::{Work, join};

/// The bounds of a [`Fan`].
#[derive(Debug, Clone, Copy)]
pub struct FanLimits {
    /// Servers of one message.
    pub servers: usize,
    /// For opening the hops and for the verdicts on all recipients, together.
    pub opening: Duration,
    /// For one piece of content: a server that doesn't take it in this time is given up.
    pub stall: Duration,
    /// For all waiting from DATA to the last verdict, together. The client's silence doesn't count.
    pub patience: Duration,
}

/// A message's hops.
#[derive(Debug)]
pub struct Fan {
    limits: FanLimits,
    branches: Vec<Branch>,
    opening_left: Duration,
    left: Duration,
}

/// Where a recipient's verdict will be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    branch: usize,
    at: usize,
}

/// What became of the message, for each recipient that was taken.
#[derive(Debug)]
pub struct Verdicts(Vec<Finished>);

#[derive(Debug)]
struct Finished {
    outcomes: Vec<Outcome>,
    /// Where none came.
    rest: Outcome,
    relay: String,
}

#[derive(Debug)]
struct Branch {
    client: Client,
    relay: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(Box<Hop>),
    /// It is lost, and why; nothing is stored there.
    Gone(String),
    /// It refused the content.
    Refused(Reply),
    Finished(Vec<Outcome>),
    /// The final dot may have been said.
    Unknown(String),
}

impl Fan {
    /// Without servers.
    #[must_use]
    pub fn new(limits: FanLimits) -> Self {
        let (opening_left, left) = (limits.opening, limits.patience);
        Self { limits, branches: Vec::new(), opening_left, left }
    }

    /// Offers a recipient to its server: opens the hop with the message's first recipient there, and
    /// adds the others to it. The server's positive reply, and where the verdict will be.
    ///
    /// # Errors
    /// [`HopError::Refused`] with the server's reply, or why there is none. A server that was lost once
    /// isn't tried again for this message.
    pub async fn rcpt(
        &mut self,
        client: &Client,
        from: &XForward,
        mail: &Mail,
        rcpt: &Rcpt,
    ) -> Result<(Slot, Reply), HopError> {
        let began = Instant::now();
        let until = began + self.opening_left;
        let known = self.branches.iter().position(|one| one.client.target() == client.target());
        let at = match known {
            Some(at) => at,
            None if self.branches.len() >= self.limits.servers => {
                // RFC 5321 §4.5.3.1.10: the rest comes in another transaction.
                let text = "Too many recipients of different owners, send the rest later";
                return Err(HopError::Refused(Reply::new(452, 5, 3, text)));
            }
            None => {
                let envelope = Envelope { mail: mail.clone(), rcpts: Vec::new() };
                let opened = timeout_at(until, client.open(from, &envelope)).await;
                let opened = opened.unwrap_or_else(|_| Err(late(client)));
                let state = match opened {
                    Ok(hop) => State::Open(Box::new(hop)),
                    // The server's word on this sender, or on its own load: the next may be luckier.
                    Err(error @ (HopError::Refused(_) | HopError::NeedsSmtpUtf8)) => {
                        self.opening_left = self.opening_left.saturating_sub(began.elapsed());
                        return Err(error);
                    }
                    Err(error) => State::Gone(error.to_string()),
                };
                let relay = match &state {
                    State::Open(hop) => hop.relay(),
                    _ => client.target().to_string(),
                };
                self.branches.push(Branch { client: client.clone(), relay, state });
                self.branches.len() - 1
            }
        };
        let offered = match self.branches.get_mut(at) {
            Some(branch) => branch.rcpt(rcpt, until).await,
            None => Err(HopError::Lost("no such server".into())),
        };
        self.opening_left = self.opening_left.saturating_sub(began.elapsed());
        offered.map(|(number, reply)| (Slot { branch: at, at: number }, reply))
    }

    /// Says DATA to all. What fails here is told by the verdicts.
    pub async fn begin(&mut self) {
        let (began, until) = (Instant::now(), self.until(self.limits.stall));
        join(self.branches.iter_mut().map(|branch| branch.begin(until)).collect()).await;
        self.left = self.left.saturating_sub(began.elapsed());
    }

    /// Passes a piece of content to all, and returns when each took it or is given up.
    pub async fn write(&mut self, octets: &[u8]) {
        let (began, until) = (Instant::now(), self.until(self.limits.stall));
        join(self.branches.iter_mut().map(|branch| branch.write(octets, until)).collect()).await;
        self.left = self.left.saturating_sub(began.elapsed());
    }

    /// Says the final dot to all, and waits for the verdicts.
    pub async fn finish(mut self) -> Verdicts {
        let until = self.until(self.left);
        join(self.branches.iter_mut().map(|branch| branch.finish(until)).collect()).await;
        Verdicts(self.branches.into_iter().map(Branch::verdict).collect())
    }

    /// Gives the message up at all servers. Where content hadn't begun, connections are kept.
    pub async fn abandon(self) {
        for branch in self.branches {
            if let State::Open(hop) = branch.state {
                hop.abandon().await;
            }
        }
    }

    fn until(&self, most: Duration) -> Instant {
        Instant::now() + self.left.min(most)
    }
}

impl Verdicts {
    /// The verdict on a recipient.
    #[must_use]
    pub fn of(&self, slot: Slot) -> Outcome {
        let Some(finished) = self.0.get(slot.branch) else {
            return Outcome::Lost("no such server".into());
        };
        finished.outcomes.get(slot.at).unwrap_or(&finished.rest).clone()
    }

    /// The recipient's server, `NAME[PATH]`, for logs.
    #[must_use]
    pub fn relay(&self, slot: Slot) -> &str {
        self.0.get(slot.branch).map_or("none", |finished| &finished.relay)
    }
}

impl Branch {
    async fn rcpt(&mut self, rcpt: &Rcpt, until: Instant) -> Result<(usize, Reply), HopError> {
        let hop = match &mut self.state {
            State::Open(hop) => hop,
            State::Gone(why) => return Err(HopError::Lost(why.clone())),
            _ => return Err(HopError::Lost("the content has begun".into())),
        };
        let number = hop.recipients().len();
        let error = match timeout_at(until, hop.rcpt(rcpt)).await {
            Ok(Ok(reply)) if reply.code() / 100 == 2 => return Ok((number, reply)),
            Ok(Ok(reply)) if reply.code() != 421 => return Err(HopError::Refused(reply)),
            // RFC 5321 §3.8: it hangs up.
            Ok(Ok(reply)) => HopError::Lost(format!("{} said: {reply}", self.relay)),
            Ok(Err(error)) => error,
            Err(_) => late(&self.client),
        };
        self.state = State::Gone(error.to_string());
        Err(error)
    }

    fn begin(&mut self, until: Instant) -> Work<'_> {
        Box::pin(async move {
            let State::Open(hop) = &mut self.state else { return };
            if !hop.recipients().iter().any(|reply| reply.code() / 100 == 2) {
                let unused = State::Gone("no recipient was taken".into());
                if let State::Open(hop) = std::mem::replace(&mut self.state, unused) {
                    hop.abandon().await;
                }
                return;
            }
            self.state = match timeout_at(until, hop.start_data()).await {
                Ok(Ok(())) => return,
                Ok(Err(HopError::Refused(reply))) => State::Refused(reply),
                Ok(Err(error)) => State::Gone(error.to_string()),
                Err(_) => State::Gone(late(&self.client).to_string()),
            };
        })
    }

    fn write<'a>(&'a mut self, octets: &'a [u8], until: Instant) -> Work<'a> {
        Box::pin(async move {
            let State::Open(hop) = &mut self.state else { return };
            if timeout_at(until, hop.write(octets)).await.is_err() {
                self.state = State::Gone(format!("{} doesn't take the message", self.relay));
            }
            // An error is kept by the hop, which may have the server's last words too.
        })
    }

    fn finish(&mut self, until: Instant) -> Work<'_> {
        Box::pin(async move {
            if !matches!(self.state, State::Open(_)) {
                return;
            }
            let unknown = State::Unknown(format!("no verdict of {} in time", self.relay));
            if let State::Open(hop) = std::mem::replace(&mut self.state, unknown)
                && let Ok(outcomes) = timeout_at(until, hop.finish()).await
            {
                self.state = State::Finished(outcomes);
            }
        })
    }

    fn verdict(self) -> Finished {
        let (outcomes, rest) = match self.state {
            State::Finished(outcomes) => (outcomes, Outcome::Lost("never offered".into())),
            State::Refused(reply) => (Vec::new(), Outcome::Reply(reply)),
            State::Gone(why) => (Vec::new(), Outcome::Lost(why)),
            State::Unknown(why) => (Vec::new(), Outcome::Unknown(why)),
            State::Open(_) => (Vec::new(), Outcome::Lost("the content wasn't ended".into())),
        };
        Finished { outcomes, rest, relay: self.relay }
    }
}

fn late(client: &Client) -> HopError {
    HopError::Lost(format!("conversation with {} timed out", client.target()))
}
