//! A connection that asks about logins: a client of Postfix's kind, or one of our daemons.
//!
//! Many logins may be under way on it. Each one that must be checked is a task of its own; the
//! answers go out as they come.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use authwire::client::{Close, Event, Greeting, LoginRequest, MAX_LIVE_REQUESTS, Server, Ticket};
use authwire::{CLIENT_LINE_LIMIT, Params};
use sasl::{Exchange, Malformed, Mechanism, Step};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use userdb::directory::Asking;

use crate::Service;
use crate::lines::{End, HANDSHAKE_PATIENCE, Lines, Replies};
use crate::service::{Attempt, Outcome};

/// How long a login may wait for its client's next message. Postfix never cancels one that its
/// client gave up.
const LOGIN_PATIENCE: Duration = Duration::from_secs(150);

/// How many logins of one connection are checked or held back at a time; beyond that nothing is
/// read from it.
const MAX_WORK: usize = 512;

/// Clients of this minor version (Postfix, Exim) take any FAIL for a wrong password, and a closed
/// connection for what it is: a temporary failure.
const MINOR_WITHOUT_CODES: u32 = 0;

static CONNECTIONS: AtomicU32 = AtomicU32::new(0);

/// Serves one connection until the client goes, breaks a rule, or the daemon stops.
pub async fn serve<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    peer: String,
    service: Arc<Service>,
    shutdown: CancellationToken,
) {
    let (read, write) = tokio::io::split(stream);
    let greeting = match greeting(&service) {
        Ok(greeting) => greeting,
        Err(error) => return tracing::error!(%error, "no random bytes for a greeting"),
    };
    let mut connection = Connection {
        server: Server::new(&greeting),
        replies: Replies::new(write),
        service,
        shutdown,
        work: JoinSet::new(),
        waiting: VecDeque::new(),
    };
    let ended = connection.run(Lines::new(read, CLIENT_LINE_LIMIT), &greeting).await;
    match ended {
        Ok(()) | Err(Ended::Lines(End::Gone(_)) | Ended::Write(_)) => {}
        Err(why) => tracing::warn!(peer, "login connection closed: {why}"),
    }
}

/// Why a connection was ended from here, or by the client.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Lines(#[from] End),
    #[error(transparent)]
    Broken(#[from] Close),
    #[error(transparent)]
    Write(#[from] io::Error),
    #[error("the client didn't introduce itself in time")]
    Silent,
    #[error("a login can't be checked now, and the client knows no other sign for that")]
    Unavailable,
}

/// An exchange that waits for its client's next message.
struct Parked {
    exchange: Exchange,
    attempt: Attempt,
}

struct Connection<S> {
    server: Server<Parked>,
    replies: Replies<S>,
    service: Arc<Service>,
    shutdown: CancellationToken,
    /// Logins that are being checked or held back. Dropped with the connection.
    work: JoinSet<(Ticket, Outcome)>,
    /// Logins that wait for their client, the oldest first.
    waiting: VecDeque<(Instant, Ticket)>,
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    async fn run(&mut self, mut lines: Lines<S>, greeting: &Greeting) -> Result<(), Ended> {
        self.replies.send(&greeting.to_wire()).await?;
        let introduced_by = Instant::now() + HANDSHAKE_PATIENCE;
        let mut introduced = 0;
        loop {
            let stopping = self.shutdown.is_cancelled();
            if stopping && self.work.is_empty() {
                return Ok(());
            }
            let expiry = self.waiting.front().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = self.shutdown.cancelled(), if !stopping => {}
                Some(done) = self.work.join_next() => {
                    if let Ok((ticket, outcome)) = done {
                        self.answer(ticket, outcome).await?;
                    }
                }
                () = sleep_until(expiry.unwrap_or(introduced_by)), if expiry.is_some() => {
                    if let Some((_, ticket)) = self.waiting.pop_front() {
                        self.server.expire(ticket);
                    }
                }
                () = sleep_until(introduced_by), if introduced < 2 => return Err(Ended::Silent),
                line = lines.next(), if !stopping && self.work.len() < MAX_WORK => {
                    // VERSION and CPID: anything else in their place ends the connection.
                    introduced = (introduced + 1).min(2);
                    self.line(&line?).await?;
                }
            }
        }
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), Ended> {
        match self.server.line(line)? {
            Event::Nothing | Event::Dropped(_) => Ok(()),
            Event::Reply(line) => Ok(self.replies.send(&line).await?),
            Event::Begin(ticket, request) => {
                // The machine lets only mechanisms through that were offered.
                let Some(mechanism) = Mechanism::from_name(&request.mechanism) else {
                    return Err(Close::UnknownMechanism.into());
                };
                let attempt = attempt(mechanism, &request);
                self.step(ticket, attempt, mechanism.start(request.initial.as_deref())).await
            }
            Event::Continue(ticket, Parked { exchange, mut attempt }, message) => {
                attempt.asked = Instant::now();
                self.step(ticket, attempt, exchange.respond(&message)).await
            }
        }
    }

    async fn step(
        &mut self,
        ticket: Ticket,
        attempt: Attempt,
        step: Result<Step, Malformed>,
    ) -> Result<(), Ended> {
        let (service, shutdown) = (Arc::clone(&self.service), self.shutdown.clone());
        match step {
            Ok(Step::Challenge(message, exchange)) => {
                let parked = Parked { exchange, attempt };
                if let Some(line) = self.server.challenge(ticket, &message, parked) {
                    self.park(ticket);
                    self.replies.send(&line).await?;
                }
            }
            Ok(Step::Verify(credentials)) => {
                self.work.spawn(async move {
                    (ticket, service.login(attempt, credentials, &shutdown).await)
                });
            }
            Err(why) => {
                self.work.spawn(async move {
                    (ticket, service.malformed(&attempt, why, &shutdown).await)
                });
            }
        }
        Ok(())
    }

    fn park(&mut self, ticket: Ticket) {
        // Most of them are answered long before their time: forget those now and then.
        if self.waiting.len() >= 2 * MAX_LIVE_REQUESTS {
            self.waiting.retain(|(_, ticket)| self.server.is_live(*ticket));
        }
        self.waiting.push_back((Instant::now() + LOGIN_PATIENCE, ticket));
    }

    async fn answer(&mut self, ticket: Ticket, outcome: Outcome) -> Result<(), Ended> {
        let line = match outcome {
            Outcome::Accepted(user, fields) => self.server.accept(ticket, &user, &fields),
            Outcome::Refused(failure) => self.server.refuse(ticket, &failure),
            Outcome::Unavailable(failure) => {
                if !self.server.is_live(ticket) {
                    return Ok(());
                }
                if self.server.client_minor() == MINOR_WITHOUT_CODES {
                    return Err(Ended::Unavailable);
                }
                self.server.refuse(ticket, &failure)
            }
        };
        match line {
            Some(line) => Ok(self.replies.send(&line).await?),
            None => Ok(()),
        }
    }
}

fn greeting(service: &Service) -> Result<Greeting, getrandom::Error> {
    let mut cookie = [0; 16];
    getrandom::fill(&mut cookie)?;
    Ok(Greeting {
        mechanisms: service.mechanisms(),
        process: std::process::id(),
        connection: CONNECTIONS.fetch_add(1, Ordering::Relaxed).wrapping_add(1),
        cookie,
    })
}

fn attempt(mechanism: Mechanism, request: &LoginRequest) -> Attempt {
    Attempt {
        mechanism,
        asking: asking(&request.service, &request.params),
        session: request.params.get("session").map(str::to_owned),
        asked: Instant::now(),
    }
}

/// Addresses that can't be read count as not said.
pub(crate) fn asking(service: &str, params: &Params) -> Asking {
    let address = |key| Some(params.get(key)?.parse::<IpAddr>().ok()?.to_canonical());
    Asking {
        service: service.into(),
        local: address("lip"),
        remote: address("rip"),
        ..Asking::default()
    }
}
