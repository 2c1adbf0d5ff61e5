//! Logins: a mechanism's messages carried to the auth daemon, its verdict carried back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use authwire::client::{Asker, AskerEvent, AuthRequest, FailCode, Failure, Reply, WireError};
use authwire::{CLIENT_LINE_LIMIT, Params, RequestId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::connection::{Connection, Heard, Kept, Wire};
use crate::{AuthError, Timeouts};

/// How many logins may be under way on the one connection; the daemon takes twice as many.
const LOGINS_UNDER_WAY: usize = authwire::client::MAX_LIVE_REQUESTS / 2;

/// The login protocol on a connection.
pub(crate) struct Login(Asker);

impl Wire for Login {
    type Reply = Reply;
    const LINE_LIMIT: usize = CLIENT_LINE_LIMIT;

    fn new() -> Self {
        Self(Asker::new())
    }

    fn hello() -> Vec<u8> {
        Asker::hello(std::process::id())
    }

    fn line(&mut self, line: &[u8]) -> Result<Heard<Reply>, String> {
        match self.0.line(line) {
            Ok(AskerEvent::Nothing) => Ok(Heard::Nothing),
            Ok(AskerEvent::Ready) => Ok(Heard::Ready),
            Ok(AskerEvent::Reply(id, reply)) => Ok(Heard::Reply(id, reply)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn cancel(id: RequestId) -> Option<Vec<u8>> {
        Some(Asker::cancel(id))
    }
}

/// A login to ask for. Its Debug form leaves the initial response out: it holds the password.
#[derive(Clone)]
pub struct Request<'a> {
    /// The mechanism, in any case.
    pub mechanism: &'a str,
    /// `smtp`, `imap` …
    pub service: &'a str,
    /// The address the client connected to.
    pub local: Option<SocketAddr>,
    /// The client's address.
    pub remote: Option<SocketAddr>,
    /// Whether the client's connection is safe from listeners.
    pub secured: bool,
    /// A name for the session, for the daemon's log.
    pub session: Option<String>,
    /// The mechanism's first message; none differs from an empty one.
    pub initial: Option<Vec<u8>>,
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("mechanism", &self.mechanism)
            .field("service", &self.service)
            .field("remote", &self.remote)
            .finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// A login by user and password in clear, as IMAP's LOGIN has it; sent as PLAIN. `None` if
    /// one of them holds a NUL: such a login is wrong, whatever it says.
    #[must_use]
    pub fn password(credentials: &sasl::Credentials, service: &'a str) -> Option<Self> {
        Some(Self {
            mechanism: sasl::Mechanism::Plain.name(),
            service,
            local: None,
            remote: None,
            secured: false,
            session: None,
            initial: Some(sasl::client::plain(credentials)?),
        })
    }

    fn to_wire(&self) -> AuthRequest {
        let mut params = Params::new();
        if let Some(local) = self.local {
            params.push("lip", local.ip().to_canonical().to_string());
        }
        if let Some(remote) = self.remote {
            params.push("rip", remote.ip().to_canonical().to_string());
        }
        if let Some(local) = self.local {
            params.push("lport", local.port().to_string());
        }
        if let Some(remote) = self.remote {
            params.push("rport", remote.port().to_string());
        }
        if self.secured {
            params.push_bare("secured");
        }
        if let Some(session) = &self.session {
            params.push("session", session.as_str());
        }
        AuthRequest {
            mechanism: self.mechanism.into(),
            service: self.service.into(),
            params,
            initial: self.initial.clone(),
        }
    }
}

/// What comes next in a login.
#[derive(Debug)]
pub enum Step {
    /// Send this to the client; its answer goes to [`Exchange::respond`].
    Challenge(Vec<u8>, Exchange),
    /// The login is good.
    Accepted(VerifiedLogin),
    /// It isn't, or the daemon couldn't tell ([`Refusal::temporary`]).
    Refused(Refusal),
}

/// A login that the auth daemon has found good. Only this crate can make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedLogin {
    user: String,
    fields: Params,
}

impl VerifiedLogin {
    /// The user's name as the daemon has it, which may differ from what the client wrote.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// A field that came with the verdict.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&str> {
        self.fields.get(key)
    }

    /// Whether the user may read no mail now (`nologin`), with the reason for the client. IMAP,
    /// POP3 and their like must refuse such a login; sending mail is allowed, as with Dovecot.
    #[must_use]
    pub fn nologin(&self) -> Option<&str> {
        let set = self.fields.get("nologin").is_some_and(|value| value != "no");
        set.then(|| self.fields.get("reason").unwrap_or("Logins are disabled for this user"))
    }
}

/// A login that isn't good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The daemon couldn't find out: the client may come again with the same password.
    pub temporary: bool,
    /// The protocol's word for it; none for a wrong password or an unknown user.
    pub code: Option<FailCode>,
    /// A reason in words that the client may read.
    pub reason: Option<String>,
    /// The user it is about, for the log.
    pub user: Option<String>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            temporary: failure.code == Some(FailCode::TempFail),
            code: failure.code,
            reason: failure.reason().map(str::to_owned),
            user: failure.user,
        }
    }
}

/// A login that waits for the client's next message. Dropped, it is cancelled.
pub struct Exchange {
    connection: Arc<Connection<Login>>,
    id: RequestId,
    timeouts: Timeouts,
    /// Held until the login is over; taken when the next message goes out.
    permit: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.connection.forget(self.id);
        }
    }
}

impl Exchange {
    /// Sends the client's message on.
    ///
    /// # Errors
    /// The daemon can't be asked any more; the login is over.
    pub async fn respond(mut self, message: Vec<u8>) -> Result<Step, AuthError> {
        let line = Asker::cont(self.id, &message).map_err(|_| AuthError::TooLong)?;
        let reply = self.connection.ask(self.id, line, self.timeouts).await;
        let permit = self.permit.take();
        Ok(step(reply?, &self.connection, self.id, self.timeouts, permit))
    }

    /// Gives the login up, as the client asked for.
    pub fn cancel(self) {
        drop(self);
    }
}

/// Asks the auth daemon about logins. Clones share the connection.
#[derive(Clone)]
pub struct LoginClient {
    kept: Arc<Kept<Login>>,
    permits: Arc<Semaphore>,
}

impl std::fmt::Debug for LoginClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginClient").field("socket", &self.kept.socket()).finish_non_exhaustive()
    }
}

impl LoginClient {
    /// A client of the `client` socket. Nothing is opened yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, timeouts: Timeouts) -> Self {
        let kept = Arc::new(Kept::new(socket.into(), timeouts));
        Self { kept, permits: Arc::new(Semaphore::new(LOGINS_UNDER_WAY)) }
    }

    /// Whether the daemon is there and shakes hands: on the kept connection, as Dovecot's takes one
    /// for each process.
    ///
    /// # Errors
    /// Why it isn't, or doesn't.
    pub async fn ping(&self) -> Result<(), AuthError> {
        self.kept.connection().await.map(|_| ())
    }

    /// The mechanisms the daemon offers and that may be advertised, in its order.
    ///
    /// # Errors
    /// The daemon can't be asked.
    pub async fn mechanisms(&self) -> Result<Vec<String>, AuthError> {
        let (connection, _) = self.kept.connection().await?;
        Ok(connection.with_wire(|wire| {
            let all = wire.0.mechanisms().iter();
            let open = all.filter(|m| !m.flags.contains(&authwire::client::MechFlag::Private));
            open.map(|m| m.name.clone()).collect()
        }))
    }

    /// Begins a login.
    ///
    /// # Errors
    /// The daemon can't be asked.
    pub async fn begin(&self, request: Request<'_>) -> Result<Step, AuthError> {
        let wire_request = request.to_wire();
        let timeouts = self.kept.timeouts();
        let permit = timeout(timeouts.connect, Arc::clone(&self.permits).acquire_owned()).await;
        let timed_out = || AuthError::TimedOut { socket: self.kept.socket().into() };
        let permit = permit.map_err(|_| timed_out())?.map_err(|_| timed_out())?;
        let mut again = true;
        loop {
            let (connection, fresh) = self.kept.connection().await?;
            let id = connection.fresh_id();
            let line = connection.with_wire(|wire| wire.0.auth(id, &wire_request));
            let line = line.map_err(|error| self.unsent(&wire_request, error))?;
            match connection.ask(id, line, timeouts).await {
                // The daemon was restarted since the last question: once more, with the new one.
                Err(AuthError::Lost { .. }) if !fresh && again => again = false,
                reply => return Ok(step(reply?, &connection, id, timeouts, Some(permit))),
            }
        }
    }

    fn unsent(&self, request: &AuthRequest, error: WireError) -> AuthError {
        match error {
            WireError::UnknownMechanism => AuthError::UnknownMechanism(request.mechanism.clone()),
            WireError::TooLong(_) => AuthError::TooLong,
            other => {
                AuthError::Protocol { socket: self.kept.socket().into(), why: other.to_string() }
            }
        }
    }
}

fn step(
    reply: Reply,
    connection: &Arc<Connection<Login>>,
    id: RequestId,
    timeouts: Timeouts,
    permit: Option<OwnedSemaphorePermit>,
) -> Step {
    match reply {
        Reply::Challenge(message) => {
            let connection = Arc::clone(connection);
            Step::Challenge(message, Exchange { connection, id, timeouts, permit })
        }
        Reply::Accepted { user, fields } => Step::Accepted(VerifiedLogin { user, fields }),
        Reply::Failed(failure) => Step::Refused(failure.into()),
    }
}
