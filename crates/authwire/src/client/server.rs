//! The answering side of the client protocol.
//!
//! The machine owns the handshake, the live ids and what closes a connection. It is generic over
//! `X`, the state of a mechanism's exchange that waits for the client's next message: the machine
//! keeps it, and hands it out when that message comes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{FailCode, Failure, MAX_LIVE_REQUESTS, Mech, VERSION_MINOR};
use crate::params::{fields, number, request_id, text};
use crate::{Params, RequestId, VERSION_MAJOR, escape_into};

/// What a server says of itself when a client connects.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// The mechanisms on offer, in order.
    pub mechanisms: Vec<Mech>,
    /// This process's id.
    pub process: u32,
    /// This connection's number.
    pub connection: u32,
    /// 16 bytes that nobody can guess.
    pub cookie: [u8; 16],
}

impl Greeting {
    /// The whole handshake. It goes out at once, before the client's VERSION: that suits clients
    /// that wait for it and those that don't.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = format!("VERSION\t{VERSION_MAJOR}\t{VERSION_MINOR}\n").into_bytes();
        for mech in &self.mechanisms {
            out.extend_from_slice(b"MECH\t");
            escape_into(&mut out, mech.name.as_bytes());
            for flag in &mech.flags {
                out.push(b'\t');
                out.extend_from_slice(flag.name().as_bytes());
            }
            out.push(b'\n');
        }
        let cookie: String = self.cookie.iter().map(|byte| format!("{byte:02x}")).collect();
        let tail =
            format!("SPID\t{}\nCUID\t{}\nCOOKIE\t{cookie}\nDONE\n", self.process, self.connection);
        out.extend_from_slice(tail.as_bytes());
        out
    }
}

/// A live request: its id, told apart from a later request of the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    id: RequestId,
    serial: u64,
}

impl Ticket {
    /// The id the client gave.
    #[must_use]
    pub const fn id(self) -> RequestId {
        self.id
    }
}

/// An `AUTH` request. Its Debug form leaves the initial response out: it holds the password.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginRequest {
    /// The mechanism's name in capitals; one of those on offer.
    pub mechanism: String,
    /// The asking service: `smtp`, `imap`.
    pub service: String,
    /// Everything else that was said: `rip`, `lip`, `rport`, `lport`, `secured`, `session` …
    pub params: Params,
    /// The mechanism's first message; `None` when there is none, which differs from an empty one.
    pub initial: Option<Vec<u8>>,
}

impl std::fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginRequest")
            .field("mechanism", &self.mechanism)
            .field("service", &self.service)
            .field("params", &self.params)
            .field("initial", &self.initial.as_ref().map(|_| "…"))
            .finish()
    }
}

/// What a line from the client means.
#[derive(Debug)]
pub enum Event<X> {
    /// Nothing to do.
    Nothing,
    /// A login begins.
    Begin(Ticket, LoginRequest),
    /// The client's next message in an exchange, with the exchange's state.
    Continue(Ticket, X, Vec<u8>),
    /// The client gave a request up, or the machine did; no reply goes out.
    Dropped(Ticket),
    /// This line goes out at once, without any delay; the request, if there was one, has ended.
    Reply(Vec<u8>),
}

/// Why the connection must be closed, without a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// The first line is no VERSION, or not of our major version.
    #[error("no VERSION of major {VERSION_MAJOR} as the first line")]
    Version,
    /// The second line is no CPID, or its number is 0 or none.
    #[error("no valid CPID after VERSION")]
    Cpid,
    /// A command that doesn't exist.
    #[error("unknown command")]
    UnknownCommand,
    /// The id is 0, no number, or belongs to a request that runs.
    #[error("bad or duplicate request id")]
    BadId,
    /// A mechanism that isn't on offer.
    #[error("mechanism not on offer")]
    UnknownMechanism,
    /// AUTH without `service=`.
    #[error("AUTH without service=")]
    NoService,
    /// Something stands behind `resp=`, or behind the data of CONT.
    #[error("data behind the response")]
    TrailingData,
    /// More than [`MAX_LIVE_REQUESTS`] requests are being worked on.
    #[error("more than {MAX_LIVE_REQUESTS} unanswered requests")]
    TooManyRequests,
}

#[derive(Debug)]
enum Stage {
    AwaitVersion,
    AwaitCpid,
    Ready,
}

#[derive(Debug)]
struct Live<X> {
    serial: u64,
    /// `None` while the server works on it.
    waiting: Option<X>,
}

/// One client's connection, seen from the server.
#[derive(Debug)]
pub struct Server<X> {
    stage: Stage,
    minor: u32,
    offered: Vec<String>,
    live: BTreeMap<RequestId, Live<X>>,
    next_serial: u64,
}

impl<X> Server<X> {
    /// A fresh connection on which `greeting` goes out.
    #[must_use]
    pub fn new(greeting: &Greeting) -> Self {
        let offered = greeting.mechanisms.iter().map(|m| m.name.clone()).collect();
        Self {
            stage: Stage::AwaitVersion,
            minor: 0,
            offered,
            live: BTreeMap::new(),
            next_serial: 0,
        }
    }

    /// The minor version the client announced (0 until it did, and with Postfix and Exim).
    #[must_use]
    pub const fn client_minor(&self) -> u32 {
        self.minor
    }

    /// How many requests are unanswered.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Takes one line of the client, without its LF.
    ///
    /// # Errors
    /// The connection must be closed, and why.
    pub fn line(&mut self, line: &[u8]) -> Result<Event<X>, Close> {
        let fields = fields(line);
        let (command, rest) = fields.split_first().ok_or(Close::UnknownCommand)?;
        match self.stage {
            Stage::AwaitVersion => self.version(command, rest),
            Stage::AwaitCpid => self.cpid(command, rest),
            Stage::Ready => match *command {
                b"AUTH" => self.auth(rest),
                b"CONT" => self.cont(rest),
                b"CANCEL" => self.cancel(rest),
                _ => Err(Close::UnknownCommand),
            },
        }
    }

    fn version(&mut self, command: &[u8], rest: &[&[u8]]) -> Result<Event<X>, Close> {
        let [major, minor, ..] = rest else { return Err(Close::Version) };
        if command != b"VERSION" || number(major) != Some(VERSION_MAJOR) {
            return Err(Close::Version);
        }
        self.minor = number(minor).ok_or(Close::Version)?;
        self.stage = Stage::AwaitCpid;
        Ok(Event::Nothing)
    }

    fn cpid(&mut self, command: &[u8], rest: &[&[u8]]) -> Result<Event<X>, Close> {
        // Processes may share a number: it is checked for being one, and no more.
        if command != b"CPID" || request_id(rest.first()).is_none() {
            return Err(Close::Cpid);
        }
        self.stage = Stage::Ready;
        Ok(Event::Nothing)
    }

    fn auth(&mut self, rest: &[&[u8]]) -> Result<Event<X>, Close> {
        let id = request_id(rest.first()).ok_or(Close::BadId)?;
        if self.live.contains_key(&id) {
            return Err(Close::BadId);
        }
        let mechanism = text(rest.get(1).copied().unwrap_or_default()).to_ascii_uppercase();
        if !self.offered.contains(&mechanism) {
            return Err(Close::UnknownMechanism);
        }
        let params = rest.get(2..).unwrap_or_default();
        let response = params.iter().position(|field| field.starts_with(b"resp="));
        let (params, response) = match response.map(|at| params.split_at(at)) {
            Some((params, [response])) => (params, response.get(b"resp=".len()..)),
            Some(_) => return Err(Close::TrailingData),
            None => (params, None),
        };
        let mut params = Params::decode(params);
        // 2.4 calls it protocol, and takes both.
        let service = params.take("service").or_else(|| params.take("protocol"));
        let service = service.filter(|s| !s.is_empty()).ok_or(Close::NoService)?;
        let initial = match response.map(|response| self.initial(response)) {
            None => None,
            Some(Ok(initial)) => initial,
            Some(Err(())) => return Ok(bad_base64(id, "initial")),
        };
        let ticket = self.admit(id)?;
        Ok(Event::Begin(ticket, LoginRequest { mechanism, service, params, initial }))
    }

    /// Clients before minor version 2 wrote an empty `resp=` for none at all.
    fn initial(&self, response: &[u8]) -> Result<Option<Vec<u8>>, ()> {
        if response.is_empty() || response == b"=" {
            return Ok((self.minor >= 2).then(Vec::new));
        }
        STANDARD.decode(response).map(Some).map_err(|_| ())
    }

    fn admit(&mut self, id: RequestId) -> Result<Ticket, Close> {
        if self.live.len() >= MAX_LIVE_REQUESTS {
            return Err(Close::TooManyRequests);
        }
        self.next_serial += 1;
        let ticket = Ticket { id, serial: self.next_serial };
        self.live.insert(id, Live { serial: ticket.serial, waiting: None });
        Ok(ticket)
    }

    fn cont(&mut self, rest: &[&[u8]]) -> Result<Event<X>, Close> {
        let id = request_id(rest.first()).ok_or(Close::BadId)?;
        let [_, data] = rest else { return Err(Close::TrailingData) };
        let Some(mut live) = self.live.remove(&id) else {
            return Ok(fail_now(id, None, "Authentication request timed out"));
        };
        let Some(exchange) = live.waiting.take() else {
            return Ok(fail_now(id, None, "Unexpected continuation"));
        };
        let Ok(data) = STANDARD.decode(data) else { return Ok(bad_base64(id, "continued")) };
        let ticket = Ticket { id, serial: live.serial };
        self.live.insert(id, live);
        Ok(Event::Continue(ticket, exchange, data))
    }

    fn cancel(&mut self, rest: &[&[u8]]) -> Result<Event<X>, Close> {
        let id = request_id(rest.first()).ok_or(Close::BadId)?;
        Ok(match self.live.remove(&id) {
            Some(live) => Event::Dropped(Ticket { id, serial: live.serial }),
            None => Event::Nothing,
        })
    }

    /// Whether a request is still unanswered.
    #[must_use]
    pub fn is_live(&self, ticket: Ticket) -> bool {
        self.live.get(&ticket.id).is_some_and(|live| live.serial == ticket.serial)
    }

    /// Asks the client for its next message and keeps the exchange. `None` if the request is gone.
    pub fn challenge(&mut self, ticket: Ticket, data: &[u8], exchange: X) -> Option<Vec<u8>> {
        let live = self.live.get_mut(&ticket.id).filter(|l| l.serial == ticket.serial)?;
        live.waiting = Some(exchange);
        Some(format!("CONT\t{}\t{}\n", ticket.id, STANDARD.encode(data)).into_bytes())
    }

    /// Ends a request well. `None` if the client has given it up meanwhile.
    pub fn accept(&mut self, ticket: Ticket, user: &str, fields: &Params) -> Option<Vec<u8>> {
        self.finish(ticket)?;
        let mut out = format!("OK\t{}\tuser=", ticket.id).into_bytes();
        escape_into(&mut out, user.as_bytes());
        fields.encode(&mut out);
        out.push(b'\n');
        Some(out)
    }

    /// Ends a request badly. `None` if the client has given it up meanwhile.
    pub fn refuse(&mut self, ticket: Ticket, failure: &Failure) -> Option<Vec<u8>> {
        self.finish(ticket)?;
        Some(fail_line(ticket.id, failure))
    }

    /// Drops a request without a reply, as one that ran out of time is. Whether it was there.
    pub fn expire(&mut self, ticket: Ticket) -> bool {
        self.finish(ticket).is_some()
    }

    fn finish(&mut self, ticket: Ticket) -> Option<()> {
        self.is_live(ticket).then_some(())?;
        self.live.remove(&ticket.id).map(|_| ())
    }
}

fn bad_base64<X>(id: RequestId, which: &str) -> Event<X> {
    let reason = format!("Invalid base64 data in {which} response");
    fail_now(id, Some(FailCode::InvalidBase64), &reason)
}

fn fail_now<X>(id: RequestId, code: Option<FailCode>, reason: &str) -> Event<X> {
    let mut failure = Failure { code, ..Failure::default() };
    failure.fields.push("reason", reason);
    Event::Reply(fail_line(id, &failure))
}

fn fail_line(id: RequestId, failure: &Failure) -> Vec<u8> {
    let mut out = format!("FAIL\t{id}").into_bytes();
    failure.encode(&mut out);
    out.push(b'\n');
    out
}
