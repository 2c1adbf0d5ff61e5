//! A connection before login (RFC 3501 §3.1): greeting, STARTTLS, and what any state allows.
//!
//! Little is believed and little kept: small limits, one deadline for the whole of it, three bad
//! commands and out.

use std::net::IpAddr;
use std::sync::Arc;

use daemon::Peer;
use imap::command::Command;
use imap::grammar::{self, BadCommand, Problem};
use imap::response::{self, Code, Status};
use store::Account;
use tokio::time::Instant;

use crate::capability;
use crate::session::Session;
use crate::shared::Shared;
use crate::verdict::{Asked, Ended, Verdict, Whose};
use crate::wire::{Input, Wire};

/// Dovecot's number.
const MAX_BAD_COMMANDS: u32 = 3;

/// Somebody who hasn't logged in.
pub(crate) struct Visitor {
    pub(crate) wire: Wire,
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Peer,
    /// Whether STARTTLS is on offer when it isn't in use.
    start_tls: bool,
    deadline: Instant,
    bad_commands: u32,
    pub(crate) failed_logins: u32,
    /// The mechanisms that authd offers.
    mechanisms: Vec<String>,
}

/// What a command before login leads to.
pub(crate) enum Next {
    Stay(Verdict),
    StartTls(Verdict),
    LoggedIn(Whose, Box<dyn Account>),
}

impl Visitor {
    pub(crate) fn new(wire: Wire, shared: Arc<Shared>, peer: Peer, start_tls: bool) -> Self {
        let deadline = Instant::now() + shared.settings.login_time;
        Self {
            wire,
            shared,
            peer,
            start_tls,
            deadline,
            bad_commands: 0,
            failed_logins: 0,
            mechanisms: Vec::new(),
        }
    }

    /// Serves until login or the end, and what comes after login.
    pub(crate) async fn run(mut self) {
        self.greet().await;
        loop {
            match self.next().await {
                Ok(Next::Stay(verdict)) => self.wire.out.extend_from_slice(&verdict.line),
                Ok(Next::StartTls(verdict)) => {
                    self.wire.out.extend_from_slice(&verdict.line);
                    match self.secure().await {
                        Ok(secured) => self = secured,
                        Err(client) => {
                            return tracing::info!(
                                client,
                                status = "disconnected",
                                "TLS handshake failed"
                            );
                        }
                    }
                }
                Ok(Next::LoggedIn(whose, account)) => {
                    let Self { mut wire, shared, .. } = self;
                    wire.logged_in();
                    let session = Session::new(wire, shared, whose, account);
                    return Box::pin(session.run()).await; // so that a visitor is small
                }
                Err(ended) => return self.leave(ended).await,
            }
        }
    }

    async fn greet(&mut self) {
        match self.shared.logins.mechanisms().await {
            Ok(mechanisms) => self.mechanisms = mechanisms,
            Err(error) => {
                tracing::warn!(client = self.client(), "the auth daemon: {error}");
                self.mechanisms = vec!["PLAIN".to_owned()]; // it may be back by then
            }
        }
        let capabilities = self.capabilities();
        let code = Code::Capability(&capabilities);
        response::untagged(&mut self.wire.out, Status::Ok, Some(&code), "Dovetail ready.");
    }

    fn capabilities(&self) -> String {
        let start_tls = self.start_tls && !self.wire.is_tls();
        capability::before_login(start_tls, self.may_send_password(), &self.mechanisms)
    }

    /// For the log: the client's address.
    pub(crate) fn client(&self) -> String {
        self.peer.remote.map_or_else(|| self.peer.to_string(), |remote| remote.ip().to_string())
    }

    /// Whether a password is safe here from those who listen: under TLS, or on this machine.
    pub(crate) fn may_send_password(&self) -> bool {
        let local = match self.peer.remote {
            Some(remote) => {
                self.shared.settings.plaintext_from_loopback && is_loopback(remote.ip())
            }
            None => true, // a Unix socket
        };
        self.wire.is_tls() || local
    }

    pub(crate) fn has_mechanism(&self, name: &str) -> bool {
        self.mechanisms.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// What the client sends next, within the time that the whole of it may take.
    pub(crate) async fn input(&mut self) -> Result<Input, Ended> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.wire.input(left).await
    }

    async fn next(&mut self) -> Result<Next, Ended> {
        self.wire.seat().state("not logged in");
        let verdict = match self.input().await? {
            Input::Command(octets) => match grammar::command(&octets) {
                Ok(tagged) => return self.carry_out(&Asked::new(tagged.tag), tagged.command).await,
                Err(bad) => return self.bad(&bad),
            },
            Input::Append(head) => {
                let refusal = self.wire.refuse_message();
                if refusal == imap::frame::Refusal::Close {
                    return Err(Ended::TooLong);
                }
                match grammar::append(&head.octets) {
                    Ok(append) => received(&Asked::new(append.tag)),
                    Err(bad) => return self.bad(&bad),
                }
            }
            Input::Rejected { tag: Some(tag), why } => {
                Asked::new(tag).plain(Status::Bad, why.code().as_ref(), &why.to_string())
            }
            Input::Rejected { tag: None, .. } => return Err(Ended::TooLong),
            _ => return Err(Ended::Closed),
        };
        self.count(verdict)
    }

    async fn carry_out(&mut self, asked: &Asked, command: Command) -> Result<Next, Ended> {
        self.wire.seat().state(command.verb());
        let ok = |text| asked.plain(Status::Ok, None, text);
        let verdict = match command {
            Command::Capability => {
                let capabilities = self.capabilities();
                response::capability(&mut self.wire.out, &capabilities);
                ok("Pre-login capabilities listed, post-login capabilities have more.")
            }
            Command::Noop => ok("NOOP completed."),
            Command::Id(_) => {
                response::id(&mut self.wire.out, &[("name", Some("Dovetail"))]);
                ok("ID completed.")
            }
            Command::Enable(_) => {
                response::enabled(&mut self.wire.out, &[]);
                ok("ENABLE ignored in non-authenticated state.")
            }
            Command::Logout => {
                response::bye(&mut self.wire.out, "Logging out");
                let verdict = ok("Logout completed.");
                self.wire.out.extend_from_slice(&verdict.line);
                return Err(Ended::LoggedOut);
            }
            Command::StartTls if self.wire.is_tls() => {
                asked.plain(Status::Bad, None, "TLS is already active.")
            }
            Command::StartTls if !self.start_tls => {
                asked.plain(Status::Bad, None, "TLS support isn't enabled.")
            }
            Command::StartTls => return Ok(Next::StartTls(ok("Begin TLS negotiation now."))),
            Command::Login { user, password } => return self.login(asked, &user, password).await,
            Command::Authenticate { mechanism, initial } => {
                return self.authenticate(asked, &mechanism, initial).await;
            }
            _ => received(asked),
        };
        self.count(verdict)
    }

    fn bad(&mut self, bad: &BadCommand) -> Result<Next, Ended> {
        let text = match bad.problem {
            Problem::TagIsCommand | Problem::InitialResponse => bad.problem.to_string(),
            _ => NOT_HERE.to_owned(),
        };
        match &bad.tag {
            Some(tag) => {
                let verdict = Asked::new(tag.clone()).plain(Status::Bad, None, &text);
                self.count(verdict)
            }
            None => {
                let mut line = Vec::new();
                response::untagged(&mut line, Status::Bad, None, &text);
                self.count(Verdict { line, status: Status::Bad })
            }
        }
    }

    fn count(&mut self, verdict: Verdict) -> Result<Next, Ended> {
        if verdict.status == Status::Bad {
            self.bad_commands += 1;
            if self.bad_commands >= MAX_BAD_COMMANDS {
                // Dovecot's last word is BYE alone.
                return Err(Ended::BadCommands);
            }
        } else {
            self.bad_commands = 0;
        }
        Ok(Next::Stay(verdict))
    }

    /// The same visitor under TLS, of whose time in clear nothing is kept. The error is the client's
    /// address.
    async fn secure(self) -> Result<Self, String> {
        let client = self.client();
        let Self { wire, shared, peer, start_tls, deadline, mechanisms, .. } = self;
        let Some(tls) = shared.settings.tls.clone() else { return Err(client) };
        let Ok(wire) = wire.start_tls(&tls, &client).await else { return Err(client) };
        let (bad_commands, failed_logins) = (0, 0);
        Ok(Self {
            wire,
            shared,
            peer,
            start_tls,
            deadline,
            bad_commands,
            failed_logins,
            mechanisms,
        })
    }

    async fn leave(self, ended: Ended) {
        let how = match self.failed_logins {
            0 => "no auth attempts".to_owned(),
            n => format!("auth failed, {n} attempts"),
        };
        tracing::info!(client = self.client(), status = "disconnected", "{} ({how})", ended.why());
        self.wire.close(ended).await;
    }
}

const NOT_HERE: &str = "Error in IMAP command received by server.";

fn received(asked: &Asked) -> Verdict {
    asked.plain(Status::Bad, None, NOT_HERE)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}
