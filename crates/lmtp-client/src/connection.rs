//! One connection to a server: greeting, EHLO or LHLO, STARTTLS, and transaction after transaction.

use smtp::client::Opening;
use smtp::{Capabilities, Envelope, Protocol, Reply, XForward};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::error::HopError;
use crate::settings::Patience;
use crate::transaction::Transaction;
use crate::wire::Wire;

/// A server that has said hello, between transactions.
#[derive(Debug)]
pub struct Connection<S> {
    pub(crate) wire: Wire<S>,
    pub(crate) patience: Patience,
    protocol: Protocol,
    server: Capabilities,
    host: String,
    /// A transaction was left open: RSET comes first.
    pub(crate) dirty: bool,
    uses: u32,
}

/// What came of STARTTLS.
#[derive(Debug)]
pub enum StartTls<S> {
    /// The server waits for the handshake on this stream; go on with [`Connection::after_tls`].
    Ready(S),
    /// It doesn't want to; the connection is as it was.
    Refused(Box<Connection<S>>, Reply),
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Connection<S> {
    /// Waits for the greeting and says hello as `helo`. `peer` names the server in errors.
    ///
    /// # Errors
    /// [`HopError::Unwilling`] if it refuses, [`HopError::Lost`] if it goes away.
    pub async fn greet(
        stream: S,
        protocol: Protocol,
        helo: &str,
        patience: Patience,
        peer: impl Into<String>,
    ) -> Result<Self, HopError> {
        let mut connection = Self::fresh(stream, protocol, patience, peer.into());
        let doing = "receiving the initial server greeting";
        let until = Instant::now() + patience.greeting;
        let greeting = connection.wire.reply(until, doing).await?;
        if greeting.code() / 100 != 2 {
            return Err(HopError::Unwilling(connection.wire.peer, greeting));
        }
        connection.host = first_word(&greeting);
        connection.hello(helo).await?;
        Ok(connection)
    }

    /// Goes on after the handshake: no greeting comes, and all is forgotten that was announced in clear
    /// (RFC 3207 §4.2).
    ///
    /// # Errors
    /// As [`Connection::greet`].
    pub async fn after_tls(
        stream: S,
        protocol: Protocol,
        helo: &str,
        patience: Patience,
        peer: impl Into<String>,
    ) -> Result<Self, HopError> {
        let mut connection = Self::fresh(stream, protocol, patience, peer.into());
        connection.hello(helo).await?;
        Ok(connection)
    }

    fn fresh(stream: S, protocol: Protocol, patience: Patience, peer: String) -> Self {
        Self {
            host: peer.clone(),
            wire: Wire::new(stream, peer),
            patience,
            protocol,
            server: Capabilities::default(),
            dirty: false,
            uses: 0,
        }
    }

    async fn hello(&mut self, helo: &str) -> Result<(), HopError> {
        let (verb, doing) = match self.protocol {
            Protocol::Smtp => ("EHLO", "performing the EHLO handshake"),
            Protocol::Lmtp => ("LHLO", "performing the LHLO handshake"),
        };
        let patience = self.patience.greeting;
        let mut reply = self.wire.command(&format!("{verb} {helo}"), patience, doing).await?;
        // RFC 5321 §3.2: a server that doesn't know EHLO may know HELO. LMTP has no such elder.
        if self.protocol == Protocol::Smtp && reply.is_permanent() {
            let doing = "performing the HELO handshake";
            reply = self.wire.command(&format!("HELO {helo}"), patience, doing).await?;
            if reply.code() / 100 == 2 {
                self.server = Capabilities::default();
                return Ok(());
            }
        }
        if reply.code() / 100 != 2 {
            return Err(HopError::Unwilling(self.wire.peer.clone(), reply));
        }
        self.server = Capabilities::read(reply.lines());
        if self.host == self.wire.peer {
            self.host = first_word(&reply);
        }
        Ok(())
    }

    /// What the server announced. Nothing after HELO.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.server
    }

    /// The name that the server gave itself in its greeting.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// SMTP or LMTP.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Transactions that were opened on it.
    #[must_use]
    pub fn uses(&self) -> u32 {
        self.uses
    }

    /// Asks for TLS. The handshake is the caller's.
    ///
    /// # Errors
    /// [`HopError::Lost`], also if anything was said behind the answer: that came in clear, and who said
    /// it isn't known (RFC 3207 §6).
    pub async fn starttls(mut self) -> Result<StartTls<S>, HopError> {
        let patience = self.patience.command;
        let reply = self.wire.command("STARTTLS", patience, "performing STARTTLS").await?;
        if reply.code() != 220 {
            return Ok(StartTls::Refused(Box::new(self), reply));
        }
        if !self.wire.is_drained() {
            let peer = self.wire.peer;
            return Err(HopError::Lost(format!(
                "{peer} spoke in clear after its reply to STARTTLS"
            )));
        }
        Ok(StartTls::Ready(self.wire.into_stream()))
    }

    /// Opens a transaction: XFORWARD where it was announced, MAIL, every RCPT. Refused recipients are no
    /// error: see [`Transaction::recipients`].
    ///
    /// # Errors
    /// With the connection where it is still good for another message.
    pub async fn open(
        mut self,
        client: &XForward,
        envelope: &Envelope,
    ) -> Result<Transaction<S>, (HopError, Option<Self>)> {
        let opening = match Opening::new(&self.server, self.dirty, client, envelope) {
            Ok(opening) => opening,
            Err(unsendable) => return Err((unsendable.into(), Some(self))),
        };
        self.dirty = true;
        self.uses = self.uses.saturating_add(1);
        let opened = match self.play(opening).await {
            Ok(opening) => opening.finish(),
            Err(error) => return Err((error, None)),
        };
        if opened.mail.code() / 100 != 2 {
            return Err((HopError::Refused(opened.mail), (!opened.ended).then_some(self)));
        }
        if opened.ended {
            let last = opened.rcpts.last().map(Reply::to_string).unwrap_or_default();
            let peer = self.wire.peer;
            return Err((HopError::Lost(format!("{peer} ended the session: {last}")), None));
        }
        Ok(Transaction::new(self, opened.rcpts))
    }

    async fn play(&mut self, mut opening: Opening) -> Result<Opening, HopError> {
        let doing = "sending MAIL FROM and RCPT TO";
        let patience = self.patience.command;
        let mut group = Vec::new();
        while !opening.is_done() {
            opening.send(&mut group);
            if !group.is_empty() {
                self.wire.write(&group, patience, doing).await?;
                self.wire.flush(patience, doing).await?;
                group.clear();
            }
            let reply = self.wire.reply(Instant::now() + patience, doing).await?;
            opening.receive(reply);
        }
        Ok(opening)
    }

    /// Says QUIT and closes, without waiting for the answer: everything that matters was answered.
    pub async fn quit(mut self) {
        let doing = "sending QUIT";
        let patience = self.patience.command.min(QUIT);
        if self.wire.write(b"QUIT\r\n", patience, doing).await.is_ok() {
            let _ = self.wire.flush(patience, doing).await;
        }
    }
}

/// A server that doesn't take five octets at once isn't waited for.
const QUIT: std::time::Duration = std::time::Duration::from_secs(1);

fn first_word(reply: &Reply) -> String {
    let text = reply.lines().first().map(String::as_str).unwrap_or_default();
    text.split_ascii_whitespace().next().unwrap_or("unknown").replace(char::is_control, "?")
}
