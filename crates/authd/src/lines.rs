//! Lines in, replies out, over any stream, with patience for neither side's silence.

use std::io;
use std::time::Duration;

use authwire::LineBuffer;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf,
};
use tokio::time::timeout;

/// How much is read at a time, in bytes.
const CHUNK: usize = 4096;

/// How long a client may take to read a reply before it counts as dead. Nothing more is read from
/// it meanwhile, so that what waits for it stays bounded.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long a client may take to introduce itself. Afterwards it may be silent for ever: Postfix
/// keeps its connections.
pub(crate) const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(60);

/// The reading half.
pub(crate) struct Lines<S> {
    half: ReadHalf<S>,
    buffer: LineBuffer,
}

/// Why no more lines come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The client closed the connection, or it broke.
    #[error("{0}")]
    Gone(#[from] io::Error),
    /// The client sent what can't be a line.
    #[error("{0}")]
    TooLong(#[from] authwire::LineTooLong),
}

impl<S: AsyncRead> Lines<S> {
    pub(crate) const fn new(half: ReadHalf<S>, limit: usize) -> Self {
        Self { half, buffer: LineBuffer::new(limit) }
    }

    /// The next line. Nothing is lost if this is dropped before it is done.
    pub(crate) async fn next(&mut self) -> Result<Vec<u8>, End> {
        loop {
            if let Some(line) = self.buffer.next_line()? {
                return Ok(line);
            }
            let mut chunk = [0; CHUNK];
            match self.half.read(&mut chunk).await? {
                0 => return Err(End::Gone(io::ErrorKind::UnexpectedEof.into())),
                got => self.buffer.push(chunk.get(..got).unwrap_or_default()),
            }
        }
    }
}

/// The writing half.
pub(crate) struct Replies<S>(WriteHalf<S>);

impl<S: AsyncWrite> Replies<S> {
    pub(crate) const fn new(half: WriteHalf<S>) -> Self {
        Self(half)
    }

    /// Writes whole lines.
    pub(crate) async fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        let write = async {
            self.0.write_all(lines).await?;
            self.0.flush().await
        };
        timeout(WRITE_PATIENCE, write).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}
