//! A connection's two directions: octets in, cut into [`Input`]s; replies out, from one buffer.
//!
//! Bounded on both sides: the framer bounds what is held of a command, reading stops while a command
//! is carried out, and a client that doesn't take its replies within [`Patience::write`] is left.
//! An idle connection holds no buffers but a small one for reading.

use std::future::Future;
use std::time::Duration;

use daemon::tls::ServerTls;
use daemon::{Seat, Stream};
use imap::command::Tag;
use imap::frame::{AppendHead, Event, Framer, Limits, Refusal, Rejection};
use imap::response::{self, Code};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use crate::verdict::Ended;

/// What is read at a time between messages, in octets: enough for any usual command. An idle
/// connection holds a buffer of this size.
const SMALL_READ: usize = 2 << 10;
/// What is read at a time in a message, and given to the store at once.
pub(crate) const LARGE_READ: usize = 64 << 10;
/// Replies are sent when so many octets wait, though the command isn't finished.
pub(crate) const FLUSH_AT: usize = 64 << 10;

/// How long the client may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// To take the replies that wait.
    pub(crate) write: Duration,
    /// For a TLS handshake.
    pub(crate) handshake: Duration,
}

/// What the client sent.
pub(crate) enum Input {
    Command(Vec<u8>),
    Append(AppendHead),
    Message(Vec<u8>),
    MessageEnd { clean: bool },
    Skipped,
    Rejected { tag: Option<Tag>, why: Rejection },
    Line(Vec<u8>),
    LineTooLong,
}

impl Input {
    /// `None` for the event that only asks for a continuation.
    fn of(event: Event<'_>) -> Result<Option<Self>, Ended> {
        Ok(Some(match event {
            Event::Continue => return Ok(None),
            Event::Command(octets) => Input::Command(octets),
            Event::Append(head) => Input::Append(head),
            Event::Literal(octets) => Input::Message(octets.to_vec()),
            Event::AppendEnd { clean } => Input::MessageEnd { clean },
            Event::Skipped => Input::Skipped,
            Event::Rejected { tag, why } => Input::Rejected { tag, why },
            Event::Line(octets) => Input::Line(octets),
            Event::LineTooLong => Input::LineTooLong,
            Event::Close(Rejection::LiteralTooBig) => return Err(Ended::LiteralTooBig),
            Event::Close(Rejection::TooLong) => return Err(Ended::TooLong),
        }))
    }
}

/// A client's connection.
pub(crate) struct Wire {
    stream: Stream,
    framer: Framer,
    /// Octets read and not yet taken by the framer: from `taken` on.
    read: Vec<u8>,
    taken: usize,
    large: bool,
    /// Replies to be sent: from `sent` on.
    pub(crate) out: Vec<u8>,
    sent: usize,
    patience: Patience,
    seat: Seat,
    /// Octets read and written so far, for the log.
    pub(crate) octets_in: u64,
    pub(crate) octets_out: u64,
}

impl Wire {
    pub(crate) fn new(stream: Stream, patience: Patience, seat: Seat) -> Self {
        Self {
            stream,
            framer: Framer::new(Limits::BEFORE_LOGIN),
            read: Vec::new(),
            taken: 0,
            large: false,
            out: Vec::new(),
            sent: 0,
            patience,
            seat,
            octets_in: 0,
            octets_out: 0,
        }
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// Whether the daemon stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.seat.shutdown().is_cancelled()
    }

    /// What the operator sees of the session.
    pub(crate) const fn seat(&self) -> &Seat {
        &self.seat
    }

    pub(crate) fn logged_in(&mut self) {
        self.framer.set_limits(Limits::AFTER_LOGIN);
    }

    /// The next line is an answer, not a command.
    pub(crate) fn expect_line(&mut self) {
        self.framer.expect_line();
    }

    /// The announced message is wanted; asks for it if the client waits.
    pub(crate) fn accept_message(&mut self) {
        self.large = true;
        if self.framer.accept() {
            response::continuation(&mut self.out, "OK");
        }
    }

    pub(crate) fn refuse_message(&mut self) -> Refusal {
        self.framer.refuse()
    }

    /// Back to small reads: the message is there.
    pub(crate) fn message_ended(&mut self) {
        self.large = false;
    }

    /// What the client sends next; what waits to be sent goes first, unless more input is here
    /// already. May be dropped and called again if nothing waits to be sent.
    ///
    /// # Errors
    /// The connection ended, the client was silent for `silence`, or the daemon stops.
    pub(crate) async fn input(&mut self, silence: Duration) -> Result<Input, Ended> {
        loop {
            while let Some(asked) = self.framed() {
                match asked? {
                    Some(input) => return Ok(input),
                    None => response::continuation(&mut self.out, "OK"),
                }
            }
            self.flush().await?;
            self.read_more(silence).await?;
        }
    }

    /// What the framer makes of the octets that are here.
    fn framed(&mut self) -> Option<Result<Option<Input>, Ended>> {
        let mut rest = self.read.get(self.taken..).unwrap_or_default();
        let before = rest.len();
        let event = self.framer.next(&mut rest).map(Input::of);
        self.taken += before - rest.len();
        event
    }

    async fn read_more(&mut self, silence: Duration) -> Result<(), Ended> {
        let size = if self.large { LARGE_READ } else { SMALL_READ };
        self.read.clear();
        self.taken = 0;
        self.read.shrink_to(size);
        self.read.reserve(size);
        let read = self.stream.read_buf(&mut self.read);
        let got = tokio::select! {
            biased;
            () = self.seat.kicked().cancelled() => return Err(Ended::Kicked),
            got = timeout(silence, read) => got.map_err(|_| Ended::Inactive)?,
            () = self.seat.shutdown().cancelled() => return Err(Ended::Stopping),
        };
        match got {
            Ok(0) | Err(_) => Err(Ended::Closed),
            Ok(got) => {
                self.octets_in += got as u64;
                Ok(())
            }
        }
    }

    /// Sends what waits.
    ///
    /// # Errors
    /// The connection ended, or the client doesn't read.
    pub(crate) async fn flush(&mut self) -> Result<(), Ended> {
        while let Some(rest) = self.out.get(self.sent..).filter(|rest| !rest.is_empty()) {
            let kicked = async {
                self.seat.kicked().cancelled().await;
                sleep(GOODBYE).await;
            };
            let written = tokio::select! {
                written = timeout(self.patience.write, self.stream.write(rest)) => written,
                () = kicked => return Err(Ended::NotReading),
            };
            let count = match written.map_err(|_| Ended::NotReading)? {
                Ok(0) | Err(_) => return Err(Ended::Closed),
                Ok(count) => count,
            };
            self.sent += count;
            self.octets_out += count as u64;
        }
        if self.sent > 0 {
            timeout(self.patience.write, self.stream.flush())
                .await
                .map_err(|_| Ended::NotReading)?
                .map_err(|_| Ended::Closed)?;
        }
        self.sent = 0;
        self.out.clear();
        self.out.shrink_to(0); // most connections are idle most of the time
        Ok(())
    }

    /// Changes to TLS. What the client sent behind STARTTLS is thrown away unread, and nothing of
    /// the time in clear is remembered (RFC 3501 §6.2.1, RFC 7457 §2.2).
    ///
    /// # Errors
    /// The handshake failed.
    pub(crate) async fn start_tls(mut self, tls: &ServerTls, client: &str) -> Result<Self, Ended> {
        self.flush().await?;
        let Self { stream, patience, seat, .. } = self;
        seat.state("TLS handshake");
        let handshake = tokio::select! {
            handshake = stream.start_tls(tls, patience.handshake) => handshake,
            () = seat.kicked().cancelled() => return Err(Ended::Tls),
        };
        let (stream, info) = handshake.map_err(|error| {
            tracing::debug!("TLS handshake: {error}");
            Ended::Tls
        })?;
        info.tell(client);
        seat.no_user();
        Ok(Self::new(stream, patience, seat))
    }

    /// Says goodbye, if there is something to say, and closes.
    pub(crate) async fn close(mut self, ended: Ended) {
        if let Some(text) = ended.bye() {
            // LOGOUT has said its own.
            if ended != Ended::LoggedOut {
                response::bye(&mut self.out, text);
            }
        }
        let goodbye = async {
            let _ = self.flush().await;
            let _ = self.stream.shutdown().await;
        };
        // Whoever doesn't take the goodbye within a moment doesn't get it.
        let _ = timeout(GOODBYE, goodbye).await;
    }
}

/// Says why a connection isn't taken, and closes it.
pub(crate) async fn refuse(mut stream: Stream, text: &str) {
    let mut line = Vec::new();
    response::bye_with(&mut line, &Code::Unavailable, text);
    let goodbye = async {
        stream.write_all(&line).await?;
        stream.shutdown().await
    };
    let _ = timeout(GOODBYE, goodbye).await;
}

const GOODBYE: Duration = Duration::from_secs(2);

/// Waits for whichever comes first; the input is looked at first.
pub(crate) async fn either<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Result<A, B> {
    tokio::select! {
        biased;
        a = first => Ok(a),
        b = second => Err(b),
    }
}
