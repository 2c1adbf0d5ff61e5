//! The loop between a connection, a session and a handler.

use std::io;
use std::time::Duration;

use daemon::{Seat, Stream};
use smtp::server::{Action, Question, Session};
use smtp::{Reply, XForward};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

use crate::pace::Pace;
use crate::{Handler, Options};

/// What is read at once between messages; small, because thousands of clients only wait.
const READ_IDLE: usize = 4 * 1024;
/// What is read at once within a message.
const READ_CONTENT: usize = 64 * 1024;
/// Replies to pipelined commands are held back up to here.
const MOST_OUTPUT: usize = 16 * 1024;

/// How long a client that was told goodbye may go on sending. Closed with input unread, TCP would reset
/// the connection, and the goodbye could be lost.
const LINGER: Duration = Duration::from_secs(1);
/// How much of that is read.
const MOST_DROPPED: usize = 256 * 1024;

/// How long a client that was kicked may take to read what it is still owed.
const LAST_WORD: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// By QUIT, or by what we said.
    Closed,
    /// The client went away, or the network did.
    Lost(String),
    /// The client was silent, or did not read, for too long.
    TimedOut,
    /// The TLS handshake failed.
    Handshake(String),
    /// The daemon stops.
    Shutdown,
    /// The operator ended it.
    Kicked,
}

/// Serves one connection to its end, which the seat's signs may bring: between messages when the daemon
/// stops, and before a message is complete when the session is kicked. A message whose final dot is
/// here gets its reply.
pub async fn serve<H: Handler>(
    stream: Stream,
    options: &Options,
    handler: &mut H,
    seat: &Seat,
) -> Ended {
    let mut session_options = options.session.clone();
    session_options.tls = options.implicit_tls;
    session_options.starttls = options.tls.is_some() && !options.implicit_tls;
    let session = Session::new(session_options);
    let (stream, buffer, pace) = (Some(stream), vec![0; READ_IDLE], Pace::default());
    let mut drive = Drive { stream, options, session, seat, buffer, pace };
    let ended = match drive.run(handler).await {
        Ok(ended) => ended,
        Err(ended) => ended,
    };
    if drive.session.owes_abort() {
        Box::pin(handler.abort()).await;
    }
    // TLS says goodbye here; a client that is gone is no news.
    if let Some(stream) = &mut drive.stream {
        let closed = timeout(options.write, stream.shutdown()).await;
        if matches!(ended, Ended::Closed | Ended::Kicked) && matches!(closed, Ok(Ok(()))) {
            let _ = timeout(LINGER, drop_input(stream)).await;
        }
    }
    ended
}

struct Drive<'a> {
    stream: Option<Stream>,
    options: &'a Options,
    session: Session,
    seat: &'a Seat,
    buffer: Vec<u8>,
    pace: Pace,
}

impl Drive<'_> {
    async fn run<H: Handler>(&mut self, handler: &mut H) -> Result<Ended, Ended> {
        if self.options.implicit_tls {
            Box::pin(self.start_tls(handler)).await?;
        }
        loop {
            if self.session.output_len() > MOST_OUTPUT {
                self.flush().await?;
            }
            if self.session.take_xforward_void() {
                handler.xforward(&XForward::default());
            }
            match self.session.next_action() {
                Action::Read => {
                    self.flush().await?;
                    if let Some(ended) = self.read().await? {
                        return Ok(ended);
                    }
                }
                Action::Ask(Question::Greet) => {
                    self.seat.state("greeting");
                    let answer = Box::pin(handler.greet()).await;
                    self.hear_early().await?;
                    self.session.answer_greet(answer);
                }
                Action::Ask(question) => {
                    let is_end = matches!(question, Question::Finish);
                    // Boxed: an idle connection must not hold room for all that answers may take.
                    Box::pin(self.answer(handler, question)).await;
                    // The client learns of it at once, also where it has pipelined more behind it.
                    if is_end {
                        self.flush().await?;
                    }
                }
                Action::Content(octets) => Box::pin(handler.chunk(&octets)).await,
                Action::Abort => Box::pin(handler.abort()).await,
                Action::AuthCancelled => handler.auth_cancelled(),
                Action::StartTls(proof) => {
                    self.flush().await?;
                    Box::pin(self.start_tls(handler)).await?;
                    self.session.tls_started(proof);
                }
                Action::Close => {
                    self.flush().await?;
                    return Ok(Ended::Closed);
                }
            }
        }
    }

    async fn answer<H: Handler>(&mut self, handler: &mut H, question: Question) {
        self.seat.state(state(&question));
        let session = &mut self.session;
        match question {
            // Answered in the loop.
            Question::Greet => session.answer_greet(Ok(())),
            Question::Hello(hello) => session.answer_hello(handler.hello(&hello).await),
            Question::XForward(client) => {
                handler.xforward(&client);
                session.answer_xforward();
            }
            Question::Mail(mail) => session.answer_mail(&handler.mail(&mail).await),
            Question::Rcpt(rcpt) => session.answer_rcpt(&handler.rcpt(&rcpt).await),
            Question::Begin => session.answer_begin(handler.begin_data().await),
            Question::Finish => session.answer_finish(&handler.finish().await),
            Question::Auth { mechanism, initial } => {
                session.answer_auth(handler.auth(&mechanism, initial).await)
            }
            Question::AuthResponse(response) => {
                session.answer_auth(handler.auth_continue(response).await)
            }
            Question::Vrfy(argument) => session.answer_vrfy(&handler.vrfy(&argument).await),
        }
    }

    /// Takes in what a client said before it was greeted, without waiting for it. Behind a TLS
    /// handshake that says nothing: its last message and the first command may come together.
    async fn hear_early(&mut self) -> Result<(), Ended> {
        if self.options.implicit_tls {
            return Ok(());
        }
        let stream = self.stream.as_mut().ok_or_else(gone)?;
        if let Ok(Ok(count)) = timeout(Duration::ZERO, stream.read(&mut self.buffer)).await {
            self.session.receive(self.buffer.get(..count).unwrap_or_default());
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Ended> {
        let output = self.session.take_output();
        if output.is_empty() {
            return Ok(());
        }
        let stream = self.stream.as_mut().ok_or_else(gone)?;
        let write = async move {
            stream.write_all(&output).await?;
            stream.flush().await
        };
        let kicked = async {
            self.seat.kicked().cancelled().await;
            sleep(LAST_WORD).await;
        };
        tokio::select! {
            written = within(self.options.write, write) => written,
            () = kicked => Err(Ended::Kicked),
        }
    }

    /// Reads a piece; `Some` if the connection is over.
    async fn read(&mut self) -> Result<Option<Ended>, Ended> {
        let wanted = if self.session.in_content() { READ_CONTENT } else { READ_IDLE };
        if self.buffer.len() != wanted {
            self.buffer = vec![0; wanted];
        }
        let may_stop = !self.session.in_transaction() && self.session.is_between_commands();
        let in_content = self.session.in_content();
        self.seat.state(match (in_content, may_stop) {
            (true, _) => "receiving a message",
            (false, true) => "idle",
            (false, false) => "in a transaction",
        });
        let begun = in_content || self.session.has_begun_line();
        let left = self.pace.left(self.options, begun, in_content);
        let stream = self.stream.as_mut().ok_or_else(gone)?;
        let began = Instant::now();
        let read = within(left, stream.read(&mut self.buffer));
        let read = tokio::select! {
            biased;
            () = self.seat.kicked().cancelled() => return self.say_kicked().await,
            () = self.seat.shutdown().cancelled(), if may_stop => {
                self.session.goodbye(&Reply::new(421, 3, 2, "Service shutting down"));
                self.flush().await?;
                return Ok(Some(Ended::Shutdown));
            }
            read = read => read,
        };
        match read {
            Ok(0) => Err(Ended::Lost("the client closed the connection".to_owned())),
            Ok(count) => {
                self.pace.got(count, began.elapsed());
                self.session.receive(self.buffer.get(..count).unwrap_or_default());
                Ok(None)
            }
            Err(Ended::TimedOut) => {
                let text = format!("{} Error: timeout exceeded", self.options.session.hostname);
                let in_transaction = self.session.in_transaction();
                self.session.goodbye(&Reply::new(421, 4, 2, text));
                if in_transaction {
                    // goodbye has ended the session's transaction: the handler hears of it by the
                    // action that waits.
                    return Ok(None);
                }
                self.flush().await?;
                Err(Ended::TimedOut)
            }
            Err(ended) => Err(ended),
        }
    }

    /// Tells the client; a transaction that isn't complete is given up by the action that waits.
    async fn say_kicked(&mut self) -> Result<Option<Ended>, Ended> {
        let in_transaction = self.session.in_transaction();
        let text = "Connection ended by the operator";
        self.session.goodbye(&Reply::new(421, 3, 2, text));
        if in_transaction {
            return Ok(None);
        }
        self.flush().await?;
        Ok(Some(Ended::Kicked))
    }

    async fn start_tls<H: Handler>(&mut self, handler: &mut H) -> Result<(), Ended> {
        let Some(tls) = &self.options.tls else {
            return Err(Ended::Handshake("no certificate is configured".to_owned()));
        };
        let Some(stream) = self.stream.take() else { return Err(gone()) };
        self.seat.state("TLS handshake");
        let handshake = tokio::select! {
            handshake = stream.start_tls(tls, self.options.handshake) => handshake,
            () = self.seat.kicked().cancelled() => return Err(Ended::Kicked),
        };
        match handshake {
            Ok((stream, info)) => {
                self.stream = Some(stream);
                handler.tls_started(&info);
                Ok(())
            }
            Err(error) => Err(Ended::Handshake(error.to_string())),
        }
    }
}

/// What a session that works on it shows.
const fn state(question: &Question) -> &'static str {
    match question {
        Question::Greet => "greeting",
        Question::Hello(_) => "EHLO",
        Question::XForward(_) => "XFORWARD",
        Question::Mail(_) => "MAIL",
        Question::Rcpt(_) => "RCPT",
        Question::Begin => "DATA",
        Question::Finish => "end of data",
        Question::Auth { .. } | Question::AuthResponse(_) => "AUTH",
        Question::Vrfy(_) => "VRFY",
    }
}

async fn drop_input(stream: &mut Stream) -> io::Result<()> {
    let mut piece = vec![0; READ_IDLE];
    let mut dropped = 0;
    while dropped < MOST_DROPPED {
        match stream.read(&mut piece).await? {
            0 => break,
            count => dropped += count,
        }
    }
    Ok(())
}

/// A handshake that failed took the connection with it.
fn gone() -> Ended {
    Ended::Lost("the connection is gone".to_owned())
}

async fn within<T>(limit: Duration, work: impl Future<Output = io::Result<T>>) -> Result<T, Ended> {
    match timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Ended::Lost(error.to_string())),
        Err(_) => Err(Ended::TimedOut),
    }
}
