//! The asking side of the master protocol.

use crate::params::{fields, number, request_id, text};
use crate::{MASTER_REQUEST_LIMIT, Params, RequestId, VERSION_MAJOR, escape_into};

use super::VERSION_MINOR;

/// What the server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskerReply {
    /// The user's name as the server has it, and its fields.
    User(String, Params),
    /// What the password side says of a user; `user` is the name.
    Pass {
        /// The user's name as the server has it.
        user: String,
        /// What else the password side said.
        fields: Params,
    },
    /// There is no such user.
    NotFound,
    /// It couldn't be found out now; with the reason, if one was given.
    Fail(Option<String>),
    /// One name of a list; more follow.
    ListItem(String),
    /// The list is over; `false`: it isn't complete.
    ListDone(bool),
}

/// What a line of the server means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskerEvent {
    /// Nothing to do.
    Nothing,
    /// The handshake is over.
    Ready,
    /// An answer, or a part of one.
    Reply(RequestId, AskerReply),
}

/// The server said something that ends the connection, or a request can't be put on the wire.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Another protocol, or another major version.
    #[error("the server speaks no version {VERSION_MAJOR} of the master protocol")]
    Version,
    /// MECH lines, as the client side says them.
    #[error("this is a socket for logins, not for user look-ups")]
    WrongSocket,
    /// A reply that can't be understood.
    #[error("the server sent a malformed {0} line")]
    Malformed(&'static str),
    /// The request would pass the line limit.
    #[error("a request line longer than {MASTER_REQUEST_LIMIT} bytes")]
    TooLong,
}

/// One connection, seen from the client.
#[derive(Debug, Default)]
pub struct Asker {
    version_seen: bool,
    ready: bool,
}

impl Asker {
    /// A fresh connection; [`Asker::hello`] goes out first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the client says first.
    #[must_use]
    pub fn hello() -> Vec<u8> {
        format!("VERSION\t{VERSION_MAJOR}\t{VERSION_MINOR}\n").into_bytes()
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
        match *command {
            b"SPID" if !self.ready => {
                self.ready = true;
                Ok(AskerEvent::Ready)
            }
            b"MECH" if !self.ready => Err(WireError::WrongSocket),
            command => reply(command, rest),
        }
    }

    /// Writes a `USER` line.
    ///
    /// # Errors
    /// The line is too long for any server to take.
    pub fn user(id: RequestId, name: &str, service: &str) -> Result<Vec<u8>, WireError> {
        Self::named("USER", id, name, service)
    }

    /// Writes a `PASS` line.
    ///
    /// # Errors
    /// The line is too long for any server to take.
    pub fn pass(id: RequestId, name: &str, service: &str) -> Result<Vec<u8>, WireError> {
        Self::named("PASS", id, name, service)
    }

    /// Writes a `LIST` line.
    #[must_use]
    pub fn list(id: RequestId) -> Vec<u8> {
        format!("LIST\t{id}\tservice=doveadm\n").into_bytes()
    }

    fn named(word: &str, id: RequestId, name: &str, service: &str) -> Result<Vec<u8>, WireError> {
        let mut out = format!("{word}\t{id}\t").into_bytes();
        escape_into(&mut out, name.as_bytes());
        out.extend_from_slice(b"\tservice=");
        escape_into(&mut out, service.as_bytes());
        if out.len() > MASTER_REQUEST_LIMIT {
            return Err(WireError::TooLong);
        }
        out.push(b'\n');
        Ok(out)
    }
}

fn reply(command: &[u8], rest: &[&[u8]]) -> Result<AskerEvent, WireError> {
    let id = request_id(rest.first());
    let fields = rest.get(1..).unwrap_or_default();
    let first = fields.first().copied().unwrap_or_default();
    let (name, reply) = match command {
        b"USER" => {
            let fields = Params::decode(fields.get(1..).unwrap_or_default());
            ("USER", AskerReply::User(text(first), fields))
        }
        b"PASS" => {
            let mut fields = Params::decode(fields);
            let user = fields.take("user").unwrap_or_default();
            ("PASS", AskerReply::Pass { user, fields })
        }
        b"NOTFOUND" => ("NOTFOUND", AskerReply::NotFound),
        b"FAIL" => ("FAIL", AskerReply::Fail(Params::decode(fields).take("reason"))),
        b"LIST" => ("LIST", AskerReply::ListItem(text(first))),
        b"DONE" => ("DONE", AskerReply::ListDone(first != b"fail")),
        _ => return Ok(AskerEvent::Nothing),
    };
    let id = id.ok_or(WireError::Malformed(name))?;
    if matches!(&reply, AskerReply::User(user, _) if user.is_empty()) {
        return Err(WireError::Malformed(name));
    }
    Ok(AskerEvent::Reply(id, reply))
}
