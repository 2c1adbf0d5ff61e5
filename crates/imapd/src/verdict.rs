//! How a command ends: the tagged line, made by whoever knows the outcome, sent by the session.

use std::time::Instant;

use imap::command::Tag;
use imap::response::{self, Code, Status};
use store::Kind;

use crate::blocking::{Fault, Trouble};
use crate::names::BadName;

/// A command being carried out.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) tag: Tag,
    started: Instant,
}

/// A finished command's tagged line. Only [`Asked`] makes one.
#[derive(Debug)]
#[must_use = "the client waits for it"]
pub(crate) struct Verdict {
    pub(crate) line: Vec<u8>,
    pub(crate) status: Status,
}

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// LOGOUT.
    LoggedOut,
    /// The client closed the connection, or it broke.
    Closed,
    /// The client took too long to say something.
    Inactive,
    /// The client took too long to read.
    NotReading,
    /// The daemon stops.
    Stopping,
    /// The operator ends the session.
    Kicked,
    /// Too many bad commands.
    BadCommands,
    /// More than is passed over of a command that doesn't fit.
    TooLong,
    /// A literal that doesn't fit, and comes unasked.
    LiteralTooBig,
    /// The mailbox isn't the one any more that the session opened.
    Inconsistent,
    /// A fault of ours in the middle of a reply, or that no command can go on after.
    Broken,
    /// The TLS handshake failed.
    Tls,
}

impl Ended {
    /// What the client is told before the connection closes, if anything.
    pub(crate) const fn bye(self) -> Option<&'static str> {
        match self {
            Ended::LoggedOut => Some("Logging out"),
            Ended::Inactive => Some("Disconnected for inactivity."),
            Ended::Stopping => Some("Server shutting down."),
            Ended::Kicked => Some("Disconnected by the operator."),
            Ended::BadCommands => Some("Too many invalid IMAP commands."),
            Ended::TooLong => Some("Input buffer full, aborting"),
            Ended::LiteralTooBig => Some("Literal size too large"),
            Ended::Inconsistent => Some("IMAP session state is inconsistent, please relogin."),
            Ended::Closed | Ended::NotReading | Ended::Broken | Ended::Tls => None,
        }
    }

    /// For the log.
    pub(crate) const fn why(self) -> &'static str {
        match self {
            Ended::LoggedOut => "Logged out",
            Ended::Closed => "Connection closed",
            Ended::Inactive => "Inactivity",
            Ended::NotReading => "Client doesn't read",
            Ended::Stopping => "Server shutting down",
            Ended::Kicked => "Kicked",
            Ended::BadCommands => "Too many invalid commands",
            Ended::TooLong => "Input too long",
            Ended::LiteralTooBig => "Literal too big",
            Ended::Inconsistent => "Mailbox changed under the session",
            Ended::Broken => "Internal error",
            Ended::Tls => "TLS handshake failed",
        }
    }
}

impl Asked {
    pub(crate) fn new(tag: Tag) -> Self {
        Self { tag, started: Instant::now() }
    }

    /// With the time that the command took.
    pub(crate) fn timed(&self, status: Status, code: Option<&Code<'_>>, text: &str) -> Verdict {
        // Dovecot's form: time of its own and time of waiting for locks, which isn't told apart here.
        let text = format!("{text} ({:.3} + 0.000 secs).", self.started.elapsed().as_secs_f64());
        self.plain(status, code, &text)
    }

    /// Without the time: what is said before login.
    pub(crate) fn plain(&self, status: Status, code: Option<&Code<'_>>, text: &str) -> Verdict {
        let mut line = Vec::new();
        response::tagged(&mut line, &self.tag, status, code, text);
        Verdict { line, status }
    }

    pub(crate) fn ok(&self, text: &str) -> Verdict {
        self.timed(Status::Ok, None, text)
    }

    pub(crate) fn ok_with(&self, code: &Code<'_>, text: &str) -> Verdict {
        self.timed(Status::Ok, Some(code), text)
    }

    pub(crate) fn no(&self, text: &str) -> Verdict {
        self.timed(Status::No, None, text)
    }

    pub(crate) fn no_with(&self, code: &Code<'_>, text: &str) -> Verdict {
        self.timed(Status::No, Some(code), text)
    }

    pub(crate) fn bad(&self, text: &str) -> Verdict {
        self.timed(Status::Bad, None, text)
    }

    pub(crate) fn bad_name(&self, bad: &BadName) -> Verdict {
        match bad {
            BadName::Utf7 => self.no(&bad.to_string()),
            BadName::Name(_) => self.no_with(&Code::Cannot, &bad.to_string()),
        }
    }

    /// A fault of ours, already logged.
    pub(crate) fn server_bug(&self) -> Verdict {
        let now = i64::try_from(daemon::now_millis()).unwrap_or_default();
        let now = message::date::rfc3339_millis(now);
        self.no_with(
            &Code::ServerBug,
            &format!(
                "Internal error occurred. Refer to server log for more information. [{}]",
                now.get(..19).unwrap_or_default().replace('T', " ")
            ),
        )
    }

    /// What a failed operation on mail is to the client. `missing` goes with "no such mailbox".
    ///
    /// # Errors
    /// If the session can't go on.
    pub(crate) fn refuse(
        &self,
        trouble: &Trouble,
        missing: Option<&Code<'_>>,
        whose: &Whose,
    ) -> Result<Verdict, Ended> {
        let error = match trouble {
            Trouble::Store(error) => error,
            Trouble::Fault(Fault::Lost) => return Err(Ended::Broken),
            Trouble::Fault(Fault::Panicked) => {
                tracing::error!(
                    user = whose.user, client = whose.client, tag = %self.tag,
                    "a command failed: {trouble}"
                );
                return Ok(self.server_bug());
            }
        };
        let text = error.public();
        Ok(match error.kind() {
            Kind::NotFound => self.timed(Status::No, missing, &text),
            Kind::Exists => self.no_with(&Code::AlreadyExists, &text),
            Kind::Cannot => match error {
                store::Error::Name(why) => {
                    self.no_with(&Code::Cannot, &format!("Invalid mailbox name: {why}"))
                }
                _ => self.no_with(&Code::Cannot, &text),
            },
            Kind::NoPermission => self.no_with(&Code::NoPerm, &text),
            Kind::Locked => self.no_with(&Code::InUse, &text),
            Kind::Gone => self.no_with(&Code::ExpungeIssued, &text),
            Kind::Reset => return Err(Ended::Inconsistent),
            Kind::OverQuota => self.no_with(&Code::OverQuota, &text),
            Kind::Limit => self.no_with(&Code::Limit, &text),
            Kind::ReadOnly => self.no(&text),
            Kind::NoSpace => {
                whose.log(error);
                self.no_with(&Code::Unavailable, &text)
            }
            _ => {
                whose.log(error);
                self.server_bug()
            }
        })
    }
}

/// Whose session it is, for the log.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    pub(crate) user: String,
    pub(crate) client: String,
}

impl Whose {
    fn log(&self, error: &store::Error) {
        tracing::error!(user = self.user, client = self.client, "mail store: {error}");
    }
}
