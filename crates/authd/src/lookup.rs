//! A connection that asks about users: lmtpd, smtpd, imapd, or one of Dovecot's own tools.

use std::io;
use std::sync::Arc;

use authwire::MASTER_REQUEST_LIMIT;
use authwire::master::{Answer, Close, Question, Request, Server, greeting};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use userdb::directory::{Asking, Found};

use crate::Service;
use crate::client::asking;
use crate::lines::{End, HANDSHAKE_PATIENCE, Lines, Replies};

/// How many look-ups of one connection are under way at a time; beyond that nothing is read.
const MAX_WORK: usize = 256;

/// How much of a list is put together before it is written, in bytes.
const LIST_CHUNK: usize = 16 * 1024;

/// Serves one connection until the client goes, breaks a rule, or the daemon stops. `only`: the
/// one uid whose users the client may be told of.
pub async fn serve<S: AsyncRead + AsyncWrite + Send>(
    stream: S,
    peer: String,
    only: Option<u32>,
    service: Arc<Service>,
    shutdown: CancellationToken,
) {
    let (read, write) = tokio::io::split(stream);
    let mut connection = Connection {
        server: Server::new(),
        replies: Replies::new(write),
        service,
        only,
        work: JoinSet::new(),
        listing: false,
    };
    let ended = connection.run(Lines::new(read, MASTER_REQUEST_LIMIT), &shutdown).await;
    match ended {
        Ok(()) | Err(Ended::Lines(End::Gone(_)) | Ended::Write(_)) => {}
        Err(why) => tracing::warn!(peer, "look-up connection closed: {why}"),
    }
}

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
}

struct Connection<S> {
    server: Server,
    replies: Replies<S>,
    service: Arc<Service>,
    only: Option<u32>,
    /// Look-ups under way. Dropped with the connection.
    work: JoinSet<Done>,
    listing: bool,
}

/// A finished look-up.
enum Done {
    Reply(Vec<u8>),
    List(authwire::RequestId, Result<Vec<String>, String>),
}

impl<S: AsyncRead + AsyncWrite + Send> Connection<S> {
    async fn run(
        &mut self,
        mut lines: Lines<S>,
        shutdown: &CancellationToken,
    ) -> Result<(), Ended> {
        self.replies.send(&greeting(std::process::id())).await?;
        let introduced_by = Instant::now() + HANDSHAKE_PATIENCE;
        let mut introduced = false;
        loop {
            let stopping = shutdown.is_cancelled();
            if stopping && self.work.is_empty() {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if !stopping => {}
                Some(done) = self.work.join_next() => {
                    if let Ok(done) = done {
                        self.answer(done).await?;
                    }
                }
                () = sleep_until(introduced_by), if !introduced => return Err(Ended::Silent),
                line = lines.next(), if !stopping && self.work.len() < MAX_WORK => {
                    introduced = true;
                    if let Some(request) = self.server.line(&line?)? {
                        self.ask(request).await?;
                    }
                }
            }
        }
    }

    async fn ask(&mut self, request: Request) -> Result<(), Ended> {
        let Request { id, question, service: asker, params } = request;
        let (service, only) = (Arc::clone(&self.service), self.only);
        let asking = asking(&asker, &params);
        match question {
            Question::User(name) => {
                self.work.spawn(async move {
                    let found = service.user(name, asking).await;
                    Done::Reply(user_answer(id, found, only))
                });
            }
            Question::Pass(_) if only.is_some() => {
                self.replies.send(&not_for_strangers().to_wire(id)).await?;
            }
            Question::Pass(name) => {
                self.work.spawn(async move { Done::Reply(pass(&service, id, name, asking).await) });
            }
            // One list at a time, and none for strangers.
            Question::List if self.listing || only.is_some() => {
                self.replies.send(&Answer::ListDone(false).to_wire(id)).await?;
            }
            Question::List => {
                self.listing = true;
                self.work.spawn(async move { Done::List(id, service.list().await) });
            }
        }
        Ok(())
    }

    async fn answer(&mut self, done: Done) -> Result<(), Ended> {
        let (id, listed) = match done {
            Done::Reply(line) => return Ok(self.replies.send(&line).await?),
            Done::List(id, listed) => (id, listed),
        };
        let mut out = Vec::new();
        let good = listed.is_ok();
        for name in listed.as_deref().unwrap_or_default() {
            out.extend(Answer::ListItem(name).to_wire(id));
            if out.len() >= LIST_CHUNK {
                self.replies.send(&out).await?;
                out.clear();
            }
        }
        if let Err(reason) = listed {
            tracing::error!(status = "failed", "list of users: {reason}");
        }
        out.extend(Answer::ListDone(good).to_wire(id));
        self.listing = false;
        Ok(self.replies.send(&out).await?)
    }
}

fn not_for_strangers() -> Answer<'static> {
    Answer::Fail(Some("this socket tells users about themselves only"))
}

fn user_answer(
    id: authwire::RequestId,
    found: Found<(String, authwire::Params)>,
    only: Option<u32>,
) -> Vec<u8> {
    match found {
        Found::Yes((name, fields)) => {
            let theirs = |uid: u32| fields.get("uid") == Some(uid.to_string().as_str());
            match only {
                Some(uid) if !theirs(uid) => not_for_strangers().to_wire(id),
                _ => Answer::User(&name, &fields).to_wire(id),
            }
        }
        Found::No => Answer::NotFound.to_wire(id),
        // The reason is the operator's, and in the log.
        Found::Failed(_) => Answer::Fail(None).to_wire(id),
        Found::TempFail(reason) => Answer::Fail(Some(&reason)).to_wire(id),
    }
}

async fn pass(service: &Service, id: authwire::RequestId, name: String, asking: Asking) -> Vec<u8> {
    match service.pass(name, asking).await {
        Found::Yes((user, fields)) => Answer::Pass(&user, &fields).to_wire(id),
        Found::No => Answer::NotFound.to_wire(id),
        Found::Failed(reason) | Found::TempFail(reason) => {
            tracing::error!(status = "failed", "password look-up: {reason}");
            Answer::Fail(None).to_wire(id)
        }
    }
}
