//! An accepted connection, in clear or under TLS, and who is at its other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::TlsInfo;

/// An accepted connection.
#[derive(Debug)]
pub enum Stream {
    /// TCP, in clear.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over one of the others.
    Tls(Box<TlsStream<Stream>>),
}

impl Stream {
    /// Does the server's part of the TLS handshake, within `limit`. Whatever the peer sent before
    /// must have been thrown away by the caller, who must not use it afterwards (RFC 3207 §4.2).
    ///
    /// # Errors
    /// The handshake failed or took too long; the connection is gone.
    pub async fn start_tls(
        self,
        config: Arc<rustls::ServerConfig>,
        limit: Duration,
    ) -> io::Result<(Self, TlsInfo)> {
        if matches!(self, Self::Tls(_)) {
            return Err(io::Error::other("TLS is there already"));
        }
        let handshake = TlsAcceptor::from(config).accept(self);
        let stream = tokio::time::timeout(limit, handshake).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long")
        })??;
        let info = TlsInfo::of(stream.get_ref().1);
        Ok((Self::Tls(Box::new(stream)), info))
    }

    /// Whether it is under TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Self {
        Self::Unix(stream)
    }
}

macro_rules! each {
    ($self:ident, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Stream::Tcp($stream) => $call,
            Stream::Unix($stream) => $call,
            Stream::Tls($stream) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => Pin::new(stream).poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_shutdown(cx))
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// TCP: the peer's address; an IPv4 address as such, never mapped into IPv6.
    pub remote: Option<SocketAddr>,
    /// TCP: the address that it connected to.
    pub local: Option<SocketAddr>,
    /// Unix socket: the peer's user (SO_PEERCRED).
    pub uid: Option<u32>,
    /// Unix socket: the peer's group.
    pub gid: Option<u32>,
    /// Unix socket: the peer's process.
    pub pid: Option<i32>,
}

impl Peer {
    pub(crate) fn tcp(remote: SocketAddr, local: Option<SocketAddr>) -> Self {
        Self { remote: Some(plain(remote)), local: local.map(plain), ..Self::default() }
    }

    pub(crate) fn unix(stream: &UnixStream) -> io::Result<Self> {
        let cred = stream.peer_cred()?;
        Ok(Self {
            uid: Some(cred.uid()),
            gid: Some(cred.gid()),
            pid: cred.pid(),
            ..Self::default()
        })
    }

    /// Whether the peer's user is one of these; never for TCP.
    #[must_use]
    pub fn is_one_of(&self, uids: &[u32]) -> bool {
        self.uid.is_some_and(|uid| uids.contains(&uid))
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.remote, self.uid) {
            (Some(remote), _) => write!(f, "{remote}"),
            (None, Some(uid)) => write!(f, "uid={uid},pid={}", self.pid.unwrap_or(0)),
            (None, None) => f.write_str("unknown"),
        }
    }
}

fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
