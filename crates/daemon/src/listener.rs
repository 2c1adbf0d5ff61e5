//! A named listener: accepts connections, as many as there are permits, and gives each to a task.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::Socket;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::life::Life;
use crate::stream::{Peer, Stream};

/// After a failed accept (no descriptors left, say) the first pause, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A bound socket, not yet with tokio.
#[derive(Debug)]
enum Socketed {
    Tcp(std::net::TcpListener),
    Unix(std::os::unix::net::UnixListener),
}

/// A named listener with its sockets: one, or two for `*:PORT`.
#[derive(Debug)]
pub struct Listener {
    name: String,
    sockets: Vec<Socketed>,
    peers: Vec<u32>,
    inherited: bool,
    serving: Arc<Serving>,
}

/// Whether a listener accepts, for `/v1/health`.
#[derive(Debug, Default)]
pub(crate) struct Serving(Mutex<Accepting>);

#[derive(Debug, Default)]
enum Accepting {
    #[default]
    NotYet,
    Well,
    Failing(String),
}

impl Serving {
    pub(crate) fn accepting(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Accepting::Well;
    }

    pub(crate) fn failing(&self, why: &str) {
        let why = why.to_owned();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Accepting::Failing(why);
    }

    /// Whether it was accepted on, well or not.
    pub(crate) fn has_begun(&self) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !matches!(*state, Accepting::NotYet)
    }

    /// Why nobody gets through; none if all is well.
    pub(crate) fn problem(&self) -> Option<String> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Accepting::NotYet => Some("nobody serves it".to_owned()),
            Accepting::Well => None,
            Accepting::Failing(why) => Some(why.clone()),
        }
    }
}

impl Listener {
    /// Takes listening sockets. `peers` are the users that may connect to a Unix socket; empty: all.
    pub(crate) fn new(name: &str, sockets: Vec<OwnedFd>, peers: Vec<u32>) -> Result<Self, Error> {
        let failed = |why: io::Error| Error::Bind {
            name: name.to_owned(),
            address: "inherited".to_owned(),
            why: why.to_string(),
        };
        let sockets =
            sockets.into_iter().map(classify).collect::<io::Result<_>>().map_err(failed)?;
        let (name, serving) = (name.to_owned(), Arc::default());
        Ok(Self { name, sockets, peers, inherited: false, serving })
    }

    /// A parent bound it, and goes on listening when this process has ended.
    pub(crate) fn mark_inherited(&mut self) {
        self.inherited = true;
    }

    /// Whether a parent bound it: who connects once this process has ended waits for the next.
    #[must_use]
    pub const fn is_inherited(&self) -> bool {
        self.inherited
    }

    /// Admits these users to a Unix socket in place of those that the configuration lists: for an
    /// instance, whose peers are its daemon's own processes.
    pub fn admit(&mut self, peers: Vec<u32>) {
        self.peers = peers;
    }

    /// Listening sockets that a command bound or inherited, for all who may connect.
    ///
    /// # Errors
    /// A descriptor that isn't a listening socket.
    pub fn from_sockets(name: &str, sockets: Vec<OwnedFd>) -> Result<Self, Error> {
        Self::new(name, sockets, Vec::new())
    }

    /// Its name: `smtps` of `[listener.smtps]`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it accepts, also once it is served.
    pub(crate) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving)
    }

    /// Where it listens, for logs and the admin socket: `127.0.0.1:25`, `unix:/run/x.sock`.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let shown = |socket: &Socketed| match socket {
            Socketed::Tcp(socket) => socket.local_addr().map(|address| address.to_string()),
            Socketed::Unix(socket) => socket.local_addr().map(|address| {
                address
                    .as_pathname()
                    .map_or_else(|| "unix:".to_owned(), |path| format!("unix:{}", path.display()))
            }),
        };
        self.sockets.iter().filter_map(|socket| shown(socket).ok()).collect()
    }

    /// Accepts until shutdown, at most `max_connections` at a time over all its sockets: a permit
    /// first, then accept, so that the rest waits in the kernel's queue. Each connection runs `serve`
    /// as a task that the drain waits for; a panic costs that connection only.
    ///
    /// # Errors
    /// The sockets can't be given to tokio.
    pub async fn serve<F, Fut>(
        self,
        max_connections: usize,
        life: Life,
        serve: F,
    ) -> Result<(), Error>
    where
        F: Fn(Stream, Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let permits = Arc::new(Semaphore::new(max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let serve = Arc::new(serve);
        let name: Arc<str> = Arc::from(self.name.as_str());
        let peers: Arc<[u32]> = Arc::from(self.peers.as_slice());
        let mut loops = tokio::task::JoinSet::new();
        for socket in self.sockets {
            let acceptor = Acceptor::new(socket)
                .map_err(|error| Error::other(format!("listener {name}: {error}")))?;
            let (permits, life, serve) = (Arc::clone(&permits), life.clone(), Arc::clone(&serve));
            let (name, peers) = (Arc::clone(&name), Arc::clone(&peers));
            let state = Arc::clone(&self.serving);
            loops.spawn(async move {
                accept_loop(&acceptor, &name, &peers, &permits, &life, &serve, &state).await
            });
        }
        self.serving.accepting();
        while let Some(ended) = loops.join_next().await {
            if let Err(error) = ended {
                return Err(Error::other(format!("listener {name}: {error}")));
            }
        }
        Ok(())
    }
}

async fn accept_loop<F, Fut>(
    acceptor: &Acceptor,
    name: &str,
    peers: &[u32],
    permits: &Arc<Semaphore>,
    life: &Life,
    serve: &Arc<F>,
    state: &Serving,
) where
    F: Fn(Stream, Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let next = async {
            let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((permit, acceptor.accept().await?))
        };
        let accepted = tokio::select! {
            biased;
            () = life.shutdown.cancelled() => return,
            accepted = next => accepted,
        };
        match accepted {
            Ok((permit, (stream, peer))) => {
                if pause != FIRST_PAUSE {
                    state.accepting();
                    pause = FIRST_PAUSE;
                }
                if !peers.is_empty() && !peer.is_one_of(peers) {
                    tracing::warn!(listener = name, peer = %peer, "refused: not among the listener's peers");
                    continue;
                }
                let serve = Arc::clone(serve);
                life.connection(permit, async move { serve(stream, peer).await });
            }
            Err(error) if is_the_clients_fault(&error) => {}
            Err(error) => {
                tracing::error!(listener = name, %error, "accept failed; trying again soon");
                state.failing(&format!("accept: {error}"));
                tokio::select! {
                    () = life.shutdown.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// accept(2): a connection that was gone before we took it.
fn is_the_clients_fault(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    fn new(socket: Socketed) -> io::Result<Self> {
        Ok(match socket {
            Socketed::Tcp(socket) => Self::Tcp(TcpListener::from_std(socket)?),
            Socketed::Unix(socket) => Self::Unix(UnixListener::from_std(socket)?),
        })
    }

    async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                // Replies are written whole: waiting for more would only delay them.
                let _ = stream.set_nodelay(true);
                let peer = Peer::tcp(remote, stream.local_addr().ok());
                Ok((Stream::Tcp(stream), peer))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let peer = Peer::unix(&stream)?;
                Ok((Stream::Unix(stream), peer))
            }
        }
    }
}

/// Tells TCP and Unix apart and refuses everything else, for descriptors that a parent passed.
fn classify(fd: OwnedFd) -> io::Result<Socketed> {
    let socket = Socket::from(fd);
    if !socket.is_listener()? {
        return Err(io::Error::other("the descriptor is no listening socket"));
    }
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    if address.is_unix() {
        Ok(Socketed::Unix(OwnedFd::from(socket).into()))
    } else if address.as_socket().is_some() {
        Ok(Socketed::Tcp(OwnedFd::from(socket).into()))
    } else {
        Err(io::Error::other("the descriptor is neither TCP nor a Unix socket"))
    }
}
