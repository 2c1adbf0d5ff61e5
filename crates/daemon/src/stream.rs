//! An accepted connection, in clear or under TLS, and who is at its other end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::tls::{ServerTls, TlsInfo};

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
    pub async fn start_tls(self, tls: &ServerTls, limit: Duration) -> io::Result<(Self, TlsInfo)> {
        if matches!(self, Self::Tls(_)) {
            return Err(io::Error::other("TLS is there already"));
        }
        let handshake = TlsAcceptor::from(tls.config()).accept(self);
        let stream = tokio::time::timeout(limit, handshake).await.map_err(|_| {
            io::Error::new(io::ErrorKind::TimedOut, "TLS handshake took too long")
        })??;
        let info = tls.info(stream.get_ref().1);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls_pki_types::ServerName;
    use rustls_pki_types::pem::PemObject;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A server's configuration from PEM files, and a client's that trusts it.
    fn configs() -> (ServerTls, Arc<rustls::ClientConfig>) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (certificate, key) = (dir.path().join("c.pem"), dir.path().join("k.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        crate::tls::install_provider();
        let server = ServerTls::from_files(&certificate, &key).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        let der = rustls_pki_types::CertificateDer::from_pem_file(&certificate).unwrap();
        roots.add(der).unwrap();
        let client = rustls::ClientConfig::builder().with_root_certificates(roots);
        (server, Arc::new(client.with_no_client_auth()))
    }

    #[tokio::test]
    async fn tls_starts_and_is_described() {
        let (server, client) = configs();
        let (near, far) = UnixStream::pair().unwrap();
        let dial = async {
            let connector = tokio_rustls::TlsConnector::from(client);
            let name = ServerName::try_from("localhost").unwrap();
            let mut stream = connector.connect(name, far).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
            // Stays until the server has gone: it still has session tickets to send.
            let _ = stream.read(&mut [0]).await;
        };
        let answer = async {
            let (mut stream, info) = Stream::from(near).start_tls(&server, LIMIT).await.unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).await.unwrap();
            (text, info, stream.is_tls())
        };
        let ((), (text, info, secure)) = tokio::join!(dial, answer);
        assert_eq!(text, "hello");
        assert!(secure);
        assert_eq!(info.version, "TLSv1.3");
        assert!(info.cipher.starts_with("TLS_") && [128, 256].contains(&info.bits), "{info:?}");
        assert_eq!(info.server_name.as_deref(), Some("localhost"));
    }

    #[tokio::test]
    async fn garbage_and_silence_end_the_handshake() {
        let (server, _) = configs();
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(b"EHLO x\r\n").await.unwrap();
        assert!(Stream::from(near).start_tls(&server, LIMIT).await.is_err());
        let (near, _far) = UnixStream::pair().unwrap();
        let error =
            Stream::from(near).start_tls(&server, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn key_files_that_are_not_say_which_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.pem");
        let error = ServerTls::from_files(&path, &path).unwrap_err().to_string();
        assert!(error.contains("x.pem") && error.contains("No such file"), "{error}");
        std::fs::write(&path, "secret").unwrap();
        let error = ServerTls::from_files(&path, &path).unwrap_err().to_string();
        assert!(error.ends_with("x.pem: holds no certificate in PEM form"), "{error}");
    }
}
