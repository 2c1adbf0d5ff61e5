//! One SMTP session with smtpd, over any stream that blocks.
//!
//! RFC 5321 §3 for the order; `smtp::client` for the commands and what the server announced. What a reply
//! means for the message, whoever asks knows.

use std::io::{self, Read, Write};

use address::Domain;
use smtp::client::{Opened, Opening, Replies, Unsendable};
use smtp::data::Encoder;
use smtp::{Capabilities, Envelope, Reply, XForward};

/// Octets read or written at a time.
const PIECE: usize = 64 << 10;
/// smtpd's keyword for the domain that it gives to names without one.
const ORIGIN: &str = "XORIGIN";

/// Why a session comes to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// The connection, in words.
    #[error("{0}")]
    Lost(#[from] io::Error),
    /// The server's refusal, in its words.
    #[error("{0}")]
    Refused(Reply),
    /// What the server said is no reply.
    #[error("not an SMTP reply")]
    Garbled,
    /// The server can't take such a message.
    #[error("{0}")]
    Unsendable(#[from] Unsendable),
}

/// A session that was greeted.
#[derive(Debug)]
pub struct Session<S> {
    stream: S,
    replies: Replies,
    offered: Capabilities,
}

impl<S: Read + Write> Session<S> {
    /// Hears the greeting and says EHLO.
    ///
    /// # Errors
    /// The server refuses, or isn't one.
    pub fn begin(stream: S) -> Result<Self, Broken> {
        let (replies, offered) = (Replies::default(), Capabilities::default());
        let mut session = Self { stream, replies, offered };
        let greeting = session.reply()?;
        if greeting.code() != 220 {
            return Err(Broken::Refused(greeting));
        }
        let offered = session.ask("EHLO localhost")?;
        if offered.code() != 250 {
            return Err(Broken::Refused(offered));
        }
        session.offered = Capabilities::read(offered.lines());
        Ok(session)
    }

    /// The domain that the server gives to names without one.
    #[must_use]
    pub fn origin(&self) -> Option<Domain> {
        self.offered.params(ORIGIN).and_then(|text| Domain::parse(text.trim()).ok())
    }

    /// The largest message that it takes, in octets.
    #[must_use]
    pub fn most(&self) -> Option<u64> {
        self.offered.size()
    }

    /// MAIL and every RCPT.
    ///
    /// # Errors
    /// The connection breaks, or the message is none for this server. Refusals are in the verdicts.
    pub fn open(&mut self, envelope: &Envelope) -> Result<Opened, Broken> {
        let mut opening = Opening::new(&self.offered, false, &XForward::default(), envelope)?;
        let mut out = Vec::new();
        while !opening.is_done() {
            opening.send(&mut out);
            self.stream.write_all(&out)?;
            self.stream.flush()?;
            out.clear();
            opening.receive(self.reply()?);
        }
        Ok(opening.finish())
    }

    /// DATA, the content, and the verdict on it.
    ///
    /// # Errors
    /// The connection breaks, or the server wants no content. Behind the last octet of it nobody knows
    /// whether the message was sent.
    pub fn data(&mut self, header: &[u8], body: &mut dyn Read) -> Result<Reply, Broken> {
        let go = self.ask("DATA")?;
        if go.code() != 354 {
            return Err(Broken::Refused(go));
        }
        if let Err(error) = self.content(header, body) {
            // Who hangs up in the middle says why.
            return match self.reply() {
                Ok(reply) if !reply.is_positive() => Err(Broken::Refused(reply)),
                _ => Err(Broken::Lost(error)),
            };
        }
        self.reply()
    }

    fn content(&mut self, header: &[u8], body: &mut dyn Read) -> io::Result<()> {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        encoder.push(header, &mut out);
        let mut piece = vec![0; PIECE];
        loop {
            let count = body.read(&mut piece)?;
            encoder.push(piece.get(..count).unwrap_or_default(), &mut out);
            if count == 0 {
                break;
            }
            self.stream.write_all(&out)?;
            out.clear();
        }
        encoder.finish(&mut out);
        self.stream.write_all(&out)?;
        self.stream.flush()
    }

    /// Gives the transaction up; the session goes on.
    ///
    /// # Errors
    /// As [`Session::begin`].
    pub fn reset(&mut self) -> Result<(), Broken> {
        let reply = self.ask("RSET")?;
        if reply.code() == 250 { Ok(()) } else { Err(Broken::Refused(reply)) }
    }

    /// Says goodbye; what was sent is sent whatever comes of it.
    pub fn end(mut self) {
        let _ = self.ask("QUIT");
    }

    fn ask(&mut self, command: &str) -> Result<Reply, Broken> {
        self.stream.write_all(format!("{command}\r\n").as_bytes())?;
        self.stream.flush()?;
        self.reply()
    }

    fn reply(&mut self) -> Result<Reply, Broken> {
        let mut piece = [0; 4096];
        loop {
            if let Some(reply) = self.replies.next_reply().map_err(|_| Broken::Garbled)? {
                return Ok(reply);
            }
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(Broken::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => self.replies.receive(piece.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}
