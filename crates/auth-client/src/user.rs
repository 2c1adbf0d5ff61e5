//! Who is a user, and where their mail lives: the userdb socket.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use authwire::master::{Asker, AskerEvent, AskerReply};
use authwire::{MASTER_REPLY_LIMIT, Params, RequestId};
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use crate::connection::{Heard, Kept, Wire, shake_hands};
use crate::{AuthError, Timeouts};

/// How many names [`UserClient::list`] takes before it gives up.
pub const MAX_LISTED_USERS: usize = 1_000_000;

/// The master protocol on a connection.
pub(crate) struct Master(Asker);

impl Wire for Master {
    type Reply = AskerReply;
    const LINE_LIMIT: usize = MASTER_REPLY_LIMIT;

    fn new() -> Self {
        Self(Asker::new())
    }

    fn hello() -> Vec<u8> {
        Asker::hello()
    }

    fn line(&mut self, line: &[u8]) -> Result<Heard<AskerReply>, String> {
        match self.0.line(line) {
            Ok(AskerEvent::Nothing) => Ok(Heard::Nothing),
            Ok(AskerEvent::Ready) => Ok(Heard::Ready),
            Ok(AskerEvent::Reply(id, reply)) => Ok(Heard::Reply(id, reply)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn cancel(_: RequestId) -> Option<Vec<u8>> {
        None
    }
}

/// A user, as the userdb knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name after normalising: the one to use from here on.
    pub name: String,
    /// The uid that owns the mail.
    pub uid: Option<u32>,
    /// The gid that owns the mail.
    pub gid: Option<u32>,
    /// The home folder.
    pub home: Option<PathBuf>,
    /// All other fields (`mail`, `quota_rule` …).
    pub fields: BTreeMap<String, String>,
}

impl User {
    fn from_wire(name: String, fields: &Params) -> Result<Self, String> {
        let mut user = Self { name, uid: None, gid: None, home: None, fields: BTreeMap::new() };
        for param in fields.iter() {
            let value = param.value.clone().unwrap_or_default();
            match param.key.as_str() {
                "uid" => user.uid = Some(number("uid", &value)?),
                "gid" => user.gid = Some(number("gid", &value)?),
                "home" => user.home = Some(value.into()),
                key => drop(user.fields.insert(key.into(), value)),
            }
        }
        Ok(user)
    }
}

fn number(what: &str, value: &str) -> Result<u32, String> {
    value.parse().map_err(|_| format!("the user's {what} is no number: {value:?}"))
}

/// Asks the auth daemon who a user is. Clones share the connection.
#[derive(Clone)]
pub struct UserClient {
    kept: Arc<Kept<Master>>,
}

impl std::fmt::Debug for UserClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserClient").field("socket", &self.kept.socket()).finish_non_exhaustive()
    }
}

impl UserClient {
    /// A client of the `userdb` socket. Nothing is opened yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>, timeouts: Timeouts) -> Self {
        Self { kept: Arc::new(Kept::new(socket.into(), timeouts)) }
    }

    /// Looks a user up; `None` when there is no such user.
    ///
    /// # Errors
    /// It can't be found out now. The caller must answer temporarily (451), never "no such user".
    pub async fn user(&self, name: &str, service: &str) -> Result<Option<User>, AuthError> {
        if name.is_empty() {
            return Ok(None);
        }
        let mut again = true;
        loop {
            let (connection, fresh) = self.kept.connection().await?;
            let id = connection.fresh_id();
            // A name that fits no request can't be any user's.
            let Ok(line) = Asker::user(id, name, service) else { return Ok(None) };
            let reply = match connection.ask(id, line, self.kept.timeouts()).await {
                // The daemon was restarted since the last question: once more, with the new one.
                Err(AuthError::Lost { .. }) if !fresh && again => {
                    again = false;
                    continue;
                }
                reply => reply?,
            };
            return match reply {
                AskerReply::User(name, fields) => {
                    User::from_wire(name, &fields).map(Some).map_err(|why| self.protocol(why))
                }
                AskerReply::NotFound => Ok(None),
                AskerReply::Fail(reason) => Err(AuthError::Failed { reason }),
                other => Err(self.protocol(format!("an answer to another question: {other:?}"))),
            };
        }
    }

    /// Whether the daemon is there and shakes hands, on a connection of its own: one that is kept
    /// may belong to a daemon that hangs.
    ///
    /// # Errors
    /// Why it isn't, or doesn't.
    pub async fn ping(&self) -> Result<(), AuthError> {
        shake_hands::<Master>(self.kept.socket(), self.kept.timeouts().connect).await.map(|_| ())
    }

    /// All users' names, on a connection of its own. At most [`MAX_LISTED_USERS`].
    ///
    /// # Errors
    /// The daemon can't be asked, can't list its users, or there are too many.
    pub async fn list(&self) -> Result<Vec<String>, AuthError> {
        let timeouts = self.kept.timeouts();
        let socket = self.kept.socket();
        let (mut wire, mut lines, mut write) =
            shake_hands::<Master>(socket, timeouts.connect).await?;
        let lost = |why: String| AuthError::Lost { socket: socket.into(), why };
        write.write_all(&Asker::list(RequestId::FIRST)).await.map_err(|e| lost(e.to_string()))?;
        let mut names = Vec::new();
        loop {
            let heard = timeout(timeouts.reply, lines.heard(&mut wire)).await;
            let heard = heard.map_err(|_| AuthError::TimedOut { socket: socket.into() })?;
            match heard.map_err(lost)? {
                Heard::Reply(_, AskerReply::ListItem(name)) if names.len() < MAX_LISTED_USERS => {
                    names.push(name);
                }
                Heard::Reply(_, AskerReply::ListDone(true)) => return Ok(names),
                Heard::Reply(_, AskerReply::ListItem(_)) => {
                    return Err(AuthError::Failed { reason: Some("too many users".into()) });
                }
                Heard::Reply(_, _) => {
                    let reason = Some("it can't list its users".into());
                    return Err(AuthError::Failed { reason });
                }
                Heard::Nothing | Heard::Ready => {}
            }
        }
    }

    fn protocol(&self, why: String) -> AuthError {
        AuthError::Protocol { socket: self.kept.socket().into(), why }
    }
}
