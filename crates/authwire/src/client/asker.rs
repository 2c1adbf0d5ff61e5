//! The asking side of the client protocol.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Failure, Mech, MechFlag, VERSION_MINOR};
use crate::params::{fields, number, request_id, text};
use crate::{CLIENT_LINE_LIMIT, Params, RequestId, VERSION_MAJOR, escape_into};

/// A login to ask for. Its Debug form leaves the initial response out: it holds the password.
#[derive(Clone)]
pub struct AuthRequest {
    /// The mechanism, one that the server offers.
    pub mechanism: String,
    /// The asking service: `smtp`, `imap`.
    pub service: String,
    /// `lip`, `rip`, `secured` and so on, in order.
    pub params: Params,
    /// The mechanism's first message, if there is one.
    pub initial: Option<Vec<u8>>,
}

impl std::fmt::Debug for AuthRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthRequest")
            .field("mechanism", &self.mechanism)
            .field("service", &self.service)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// What the server answered to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The mechanism's next message.
    Challenge(Vec<u8>),
    /// The login is good.
    Accepted {
        /// The user's name as the server has it now.
        user: String,
        /// What else the server said of the login.
        fields: Params,
    },
    /// It isn't, or the server couldn't tell.
    Failed(Failure),
}

/// What a line of the server means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskerEvent {
    /// Nothing to do.
    Nothing,
    /// The handshake is over; requests may go out.
    Ready,
    /// The answer to a request.
    Reply(RequestId, Reply),
}

/// The server said something that ends the connection, or a request can't be put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Another protocol, or another major version.
    #[error("the server speaks no version {VERSION_MAJOR} of the auth protocol")]
    Version,
    /// SPID before any MECH, as the master side says it.
    #[error("this is a userdb socket, not one for logins")]
    WrongSocket,
    /// A reply that can't be understood.
    #[error("the server sent a malformed {0} line")]
    Malformed(&'static str),
    /// The mechanism isn't offered; asking for it would close the connection.
    #[error("the server doesn't offer this mechanism")]
    UnknownMechanism,
    /// The request would pass the line limit.
    #[error("a request line longer than {0} bytes")]
    TooLong(usize),
    /// A request before the handshake was over.
    #[error("the handshake isn't over")]
    NotReady,
}

/// One connection, seen from the client.
#[derive(Debug, Default)]
pub struct Asker {
    version_seen: bool,
    ready: bool,
    mechanisms: Vec<Mech>,
}

impl Asker {
    /// A fresh connection; [`Asker::hello`] goes out first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the client says first, without waiting: some servers wait for it.
    #[must_use]
    pub fn hello(process: u32) -> Vec<u8> {
        let process = process.max(1);
        format!("VERSION\t{VERSION_MAJOR}\t{VERSION_MINOR}\nCPID\t{process}\n").into_bytes()
    }

    /// The mechanisms the server offers; complete once it is ready.
    #[must_use]
    pub fn mechanisms(&self) -> &[Mech] {
        &self.mechanisms
    }

    /// Takes one line of the server, without its LF.
    ///
    /// # Errors
    /// The connection is of no use any more.
    pub fn line(&mut self, line: &[u8]) -> Result<AskerEvent, WireError> {
        let fields = fields(line);
        let (command, rest) = fields.split_first().ok_or(WireError::Version)?;
        if !self.version_seen {
            let major = rest.first().and_then(|field| number(field));
            if *command != b"VERSION" || major != Some(VERSION_MAJOR) {
                return Err(WireError::Version);
            }
            self.version_seen = true;
            return Ok(AskerEvent::Nothing);
        }
        if self.ready { reply(command, rest) } else { self.handshake(command, rest) }
    }

    fn handshake(&mut self, command: &[u8], rest: &[&[u8]]) -> Result<AskerEvent, WireError> {
        match command {
            b"MECH" => {
                let (name, flags) = rest.split_first().ok_or(WireError::Malformed("MECH"))?;
                let name = text(name).to_ascii_uppercase();
                let flags = flags.iter().filter_map(|flag| MechFlag::from_name(flag)).collect();
                self.mechanisms.push(Mech { name, flags });
            }
            b"SPID" if self.mechanisms.is_empty() => return Err(WireError::WrongSocket),
            b"DONE" => {
                self.ready = true;
                return Ok(AskerEvent::Ready);
            }
            _ => {}
        }
        Ok(AskerEvent::Nothing)
    }

    /// Writes an `AUTH` line. The id must be free.
    ///
    /// # Errors
    /// The handshake isn't over, the mechanism isn't offered, or the line is too long: nothing
    /// may be sent then.
    pub fn auth(&self, id: RequestId, request: &AuthRequest) -> Result<Vec<u8>, WireError> {
        if !self.ready {
            return Err(WireError::NotReady);
        }
        let mechanism = request.mechanism.to_ascii_uppercase();
        if !self.mechanisms.iter().any(|m| m.name == mechanism) {
            return Err(WireError::UnknownMechanism);
        }
        let mut out = format!("AUTH\t{id}\t{mechanism}\tservice=").into_bytes();
        escape_into(&mut out, request.service.as_bytes());
        request.params.encode(&mut out);
        if let Some(initial) = &request.initial {
            out.extend_from_slice(b"\tresp=");
            out.extend_from_slice(STANDARD.encode(initial).as_bytes());
        }
        finish(out)
    }

    /// Writes a `CONT` line.
    ///
    /// # Errors
    /// The line is too long.
    pub fn cont(id: RequestId, data: &[u8]) -> Result<Vec<u8>, WireError> {
        finish(format!("CONT\t{id}\t{}", STANDARD.encode(data)).into_bytes())
    }

    /// Writes a `CANCEL` line.
    #[must_use]
    pub fn cancel(id: RequestId) -> Vec<u8> {
        format!("CANCEL\t{id}\n").into_bytes()
    }
}

fn finish(mut line: Vec<u8>) -> Result<Vec<u8>, WireError> {
    if line.len() > CLIENT_LINE_LIMIT {
        return Err(WireError::TooLong(CLIENT_LINE_LIMIT));
    }
    line.push(b'\n');
    Ok(line)
}

fn reply(command: &[u8], rest: &[&[u8]]) -> Result<AskerEvent, WireError> {
    let name = match command {
        b"OK" => "OK",
        b"CONT" => "CONT",
        b"FAIL" => "FAIL",
        // A server may say more than we know.
        _ => return Ok(AskerEvent::Nothing),
    };
    let id = request_id(rest.first()).ok_or(WireError::Malformed(name))?;
    let fields = rest.get(1..).unwrap_or_default();
    let reply = match name {
        "CONT" => {
            let data = fields.first().copied().unwrap_or_default();
            Reply::Challenge(STANDARD.decode(data).map_err(|_| WireError::Malformed(name))?)
        }
        "OK" => {
            let mut fields = Params::decode(fields);
            // Nobody is logged in under no name.
            let user = fields.take("user").filter(|user| !user.is_empty());
            Reply::Accepted { user: user.ok_or(WireError::Malformed(name))?, fields }
        }
        _ => Reply::Failed(Failure::decode(Params::decode(fields))),
    };
    Ok(AskerEvent::Reply(id, reply))
}
