//! The answering side of the master protocol.

use crate::params::{fields, number, request_id, text};
use crate::{MASTER_REPLY_LIMIT, Params, RequestId, VERSION_MAJOR, escape_into};

use super::VERSION_MINOR;

/// What the server says when a client connects. There is no DONE.
#[must_use]
pub fn greeting(process: u32) -> Vec<u8> {
    format!("VERSION\t{VERSION_MAJOR}\t{VERSION_MINOR}\nSPID\t{process}\n").into_bytes()
}

/// A request on a userdb socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The client's id for it.
    pub id: RequestId,
    /// What is asked.
    pub question: Question,
    /// The asking service (`lmtp`, `imap`); "" in a LIST that names none.
    pub service: String,
    /// Everything else that was said: `rip`, `lip` …
    pub params: Params,
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// `USER`: where does this user's mail live?
    User(String),
    /// `PASS`: does the password side know this user, and what does it say of it?
    Pass(String),
    /// `LIST`: all users' names.
    List,
}

/// Why the connection must be closed, without a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// The first line is no VERSION, or not of our major version.
    #[error("no VERSION of major {VERSION_MAJOR} as the first line")]
    Version,
    /// A command that doesn't exist here (CPID, CACHE-FLUSH and REQUEST among them).
    #[error("unknown command")]
    UnknownCommand,
    /// The id is 0 or no number.
    #[error("bad request id")]
    BadId,
    /// No name to look up.
    #[error("a request without a name")]
    NoName,
    /// No `service=`.
    #[error("a request without service=")]
    NoService,
}

/// One client's connection, seen from the server.
#[derive(Debug, Default)]
pub struct Server {
    ready: bool,
}

impl Server {
    /// A fresh connection; [`greeting`] goes out first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one line of the client, without its LF. `None`: nothing to do.
    ///
    /// # Errors
    /// The connection must be closed, and why.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Request>, Close> {
        let fields = fields(line);
        let (command, rest) = fields.split_first().ok_or(Close::UnknownCommand)?;
        if !self.ready {
            let major = rest.first().and_then(|field| number(field));
            if *command != b"VERSION" || major != Some(VERSION_MAJOR) {
                return Err(Close::Version);
            }
            self.ready = true;
            return Ok(None);
        }
        let named: fn(String) -> Question = match *command {
            b"USER" => Question::User,
            b"PASS" => Question::Pass,
            b"LIST" => return list(rest).map(Some),
            _ => return Err(Close::UnknownCommand),
        };
        let id = request_id(rest.first()).ok_or(Close::BadId)?;
        let name = rest.get(1).ok_or(Close::NoName)?;
        let mut params = Params::decode(rest.get(2..).unwrap_or_default());
        let service = params.take("service").or_else(|| params.take("protocol"));
        let service = service.filter(|s| !s.is_empty()).ok_or(Close::NoService)?;
        Ok(Some(Request { id, question: named(text(name)), service, params }))
    }
}

fn list(rest: &[&[u8]]) -> Result<Request, Close> {
    let id = request_id(rest.first()).ok_or(Close::BadId)?;
    let mut params = Params::decode(rest.get(1..).unwrap_or_default());
    let service = params.take("service").unwrap_or_default();
    Ok(Request { id, question: Question::List, service, params })
}

/// A reply to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The user, under the name it has after normalising, with its fields.
    User(&'a str, &'a Params),
    /// What the password side says of the user; never the password.
    Pass(&'a str, &'a Params),
    /// There is no such user.
    NotFound,
    /// It can't be found out now.
    Fail(Option<&'a str>),
    /// One name of a list.
    ListItem(&'a str),
    /// The list is over; `false`: it couldn't be finished.
    ListDone(bool),
}

impl Answer<'_> {
    /// The reply's line. One that would pass the reply limit becomes a FAIL: the client would
    /// have to close the connection.
    #[must_use]
    pub fn to_wire(&self, id: RequestId) -> Vec<u8> {
        let mut out = self.encode(id);
        if out.len() > MASTER_REPLY_LIMIT {
            out = Answer::Fail(Some("the user's fields are too long")).encode(id);
        }
        out.push(b'\n');
        out
    }

    fn encode(&self, id: RequestId) -> Vec<u8> {
        let mut out = Vec::new();
        let mut head = |word: &str, value: Option<&str>| {
            out.extend_from_slice(format!("{word}\t{id}").as_bytes());
            if let Some(value) = value {
                out.push(b'\t');
                escape_into(&mut out, value.as_bytes());
            }
        };
        match self {
            Self::User(name, fields) => {
                head("USER", Some(name));
                fields.encode(&mut out);
            }
            Self::Pass(name, fields) => {
                head("PASS", Some(&format!("user={name}")));
                fields.encode(&mut out);
            }
            Self::NotFound => head("NOTFOUND", None),
            Self::Fail(None) => head("FAIL", None),
            Self::Fail(Some(reason)) => head("FAIL", Some(&format!("reason={reason}"))),
            Self::ListItem(name) => head("LIST", Some(name)),
            // The TAB is always there.
            Self::ListDone(good) => head("DONE", Some(if *good { "" } else { "fail" })),
        }
        out
    }
}
