//! The byte stream: writes and replies, each with its patience, each failure with what was being done.

use std::future::Future;
use std::io;
use std::time::Duration;

use smtp::Reply;
use smtp::client::Replies;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout_at};

use crate::error::WireError;

/// Octets read at a time.
const PIECE: usize = 4096;

/// A stream to a server whose name stands in every error.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    stream: S,
    replies: Replies,
    pub(crate) peer: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire<S> {
    pub(crate) fn new(stream: S, peer: String) -> Self {
        Self { stream, replies: Replies::default(), peer }
    }

    pub(crate) async fn write(
        &mut self,
        octets: &[u8],
        patience: Duration,
        doing: &'static str,
    ) -> Result<(), WireError> {
        let until = Instant::now() + patience;
        let written = within(until, self.stream.write_all(octets)).await;
        self.named(written, doing)
    }

    pub(crate) async fn flush(
        &mut self,
        patience: Duration,
        doing: &'static str,
    ) -> Result<(), WireError> {
        let until = Instant::now() + patience;
        let flushed = within(until, self.stream.flush()).await;
        self.named(flushed, doing)
    }

    pub(crate) async fn reply(
        &mut self,
        until: Instant,
        doing: &'static str,
    ) -> Result<Reply, WireError> {
        let mut piece = [0; PIECE];
        loop {
            match self.replies.next_reply() {
                Ok(Some(reply)) => return Ok(reply),
                Ok(None) => {}
                Err(error) => return Err(WireError::Protocol(self.peer.clone(), doing, error)),
            }
            let read = within(until, self.stream.read(&mut piece)).await;
            match self.named(read, doing)? {
                0 => return Err(WireError::Closed(self.peer.clone(), doing)),
                count => self.replies.receive(piece.get(..count).unwrap_or_default()),
            }
        }
    }

    /// A command line and its reply.
    pub(crate) async fn command(
        &mut self,
        line: &str,
        patience: Duration,
        doing: &'static str,
    ) -> Result<Reply, WireError> {
        self.write(format!("{line}\r\n").as_bytes(), patience, doing).await?;
        self.flush(patience, doing).await?;
        self.reply(Instant::now() + patience, doing).await
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.replies.is_drained()
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    fn named<T>(&self, result: Option<io::Result<T>>, doing: &'static str) -> Result<T, WireError> {
        match result {
            Some(Ok(value)) => Ok(value),
            Some(Err(error)) => Err(WireError::Io(self.peer.clone(), doing, error)),
            None => Err(WireError::TimedOut(self.peer.clone(), doing)),
        }
    }
}

/// `None` when the time is over.
async fn within<T>(until: Instant, work: impl Future<Output = T>) -> Option<T> {
    timeout_at(until, work).await.ok()
}
