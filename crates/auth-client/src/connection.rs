//! One connection, shared by all who ask: a reading task hands each reply to whoever waits for
//! its id, a writing task sends whole lines one after the other.
//!
//! A question whose asker went away is forgotten (and cancelled, where the protocol has a word
//! for that); the connection goes on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authwire::{LineBuffer, RequestId};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{AuthError, Timeouts};

/// How many lines may wait for the writing task.
const QUEUED_LINES: usize = 64;
/// How much is read at a time, in bytes.
const CHUNK: usize = 4096;
/// How long one line may take to be written before the connection counts as dead.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);

/// The protocol spoken on a connection.
pub(crate) trait Wire: Send + Sync + 'static {
    /// An answer to one request.
    type Reply: Send + 'static;
    /// The longest line taken from the server.
    const LINE_LIMIT: usize;
    fn new() -> Self;
    fn hello() -> Vec<u8>;
    fn line(&mut self, line: &[u8]) -> Result<Heard<Self::Reply>, String>;
    /// The line that gives a request up, if the protocol has one.
    fn cancel(id: RequestId) -> Option<Vec<u8>>;
}

/// What a line meant.
pub(crate) enum Heard<R> {
    Nothing,
    Ready,
    Reply(RequestId, R),
}

/// Who waits for which reply.
struct Waiting<R> {
    next: RequestId,
    replies: HashMap<RequestId, oneshot::Sender<R>>,
    /// Why the connection is over, once it is.
    over: Option<String>,
}

pub(crate) struct Connection<W: Wire> {
    socket: PathBuf,
    /// The machine as the handshake left it.
    wire: Arc<Mutex<W>>,
    waiting: Arc<Mutex<Waiting<W::Reply>>>,
    lines: mpsc::Sender<Vec<u8>>,
    tasks: [JoinHandle<()>; 2],
}

impl<W: Wire> Drop for Connection<W> {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A poisoned lock only means that a panic happened elsewhere: the data are still whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes in, lines out, over the socket's reading half.
pub(crate) struct Lines {
    half: OwnedReadHalf,
    buffer: LineBuffer,
}

impl Lines {
    async fn next(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(line) = self.buffer.next_line().map_err(|e| e.to_string())? {
                return Ok(line);
            }
            let mut chunk = [0; CHUNK];
            let got = self.half.read(&mut chunk).await.map_err(|e| e.to_string())?;
            if got == 0 {
                return Err("end of stream".into());
            }
            self.buffer.push(chunk.get(..got).unwrap_or_default());
        }
    }

    /// The next event of the protocol.
    pub(crate) async fn heard<W: Wire>(&mut self, wire: &mut W) -> Result<Heard<W::Reply>, String> {
        let line = self.next().await?;
        wire.line(&line)
    }
}

/// Connects and shakes hands; nothing is spawned yet.
pub(crate) async fn shake_hands<W: Wire>(
    socket: &Path,
    patience: Duration,
) -> Result<(W, Lines, OwnedWriteHalf), AuthError> {
    let connect = async {
        let stream = UnixStream::connect(socket)
            .await
            .map_err(|source| AuthError::Away { socket: socket.into(), source })?;
        let (read, mut write) = stream.into_split();
        let lost = |why: String| AuthError::Lost { socket: socket.into(), why };
        write.write_all(&W::hello()).await.map_err(|e| lost(e.to_string()))?;
        let mut lines = Lines { half: read, buffer: LineBuffer::new(W::LINE_LIMIT) };
        let mut wire = W::new();
        loop {
            let line = lines.next().await.map_err(lost)?;
            match wire.line(&line) {
                Ok(Heard::Ready) => return Ok((wire, lines, write)),
                Ok(_) => {}
                Err(why) => return Err(AuthError::Protocol { socket: socket.into(), why }),
            }
        }
    };
    match timeout(patience, connect).await {
        Ok(done) => done,
        Err(_) => Err(AuthError::TimedOut { socket: socket.into() }),
    }
}

impl<W: Wire> Connection<W> {
    pub(crate) async fn open(socket: &Path, patience: Duration) -> Result<Self, AuthError> {
        let (wire, lines, write) = shake_hands::<W>(socket, patience).await?;
        let wire = Arc::new(Mutex::new(wire));
        let waiting = Arc::new(Mutex::new(Waiting {
            next: RequestId::FIRST,
            replies: HashMap::new(),
            over: None,
        }));
        let (sender, receiver) = mpsc::channel(QUEUED_LINES);
        let tasks = [
            tokio::spawn(read_replies(lines, Arc::clone(&wire), Arc::clone(&waiting))),
            tokio::spawn(write_lines::<W>(write, receiver, Arc::clone(&waiting))),
        ];
        Ok(Self { socket: socket.into(), wire, waiting, lines: sender, tasks })
    }

    /// Whether questions can still be asked on it.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.waiting).over.is_none()
    }

    /// Looks at the protocol machine.
    pub(crate) fn with_wire<T>(&self, look: impl FnOnce(&W) -> T) -> T {
        look(&lock(&self.wire))
    }

    fn lost(&self) -> AuthError {
        let why = lock(&self.waiting).over.clone();
        AuthError::Lost { socket: self.socket.clone(), why: why.unwrap_or_default() }
    }

    /// Takes an id that no request under way has.
    pub(crate) fn fresh_id(&self) -> RequestId {
        let mut waiting = lock(&self.waiting);
        let mut id = waiting.next;
        while waiting.replies.contains_key(&id) {
            id = id.next();
        }
        waiting.next = id.next();
        id
    }

    /// Sends a line and waits for the reply to `id`.
    pub(crate) async fn ask(
        &self,
        id: RequestId,
        line: Vec<u8>,
        timeouts: Timeouts,
    ) -> Result<W::Reply, AuthError> {
        let (sender, receiver) = oneshot::channel();
        {
            let mut waiting = lock(&self.waiting);
            if waiting.over.is_some() {
                drop(waiting);
                return Err(self.lost());
            }
            waiting.replies.insert(id, sender);
        }
        let mut asked = Asked { connection: self, id, answered: false };
        let exchange = async {
            self.lines.send(line).await.map_err(|_| self.lost())?;
            receiver.await.map_err(|_| self.lost())
        };
        let reply = timeout(timeouts.reply, exchange).await;
        let reply = reply.map_err(|_| AuthError::TimedOut { socket: self.socket.clone() })??;
        asked.answered = true;
        Ok(reply)
    }

    /// Gives a request up: its reply, if one comes, is thrown away.
    pub(crate) fn forget(&self, id: RequestId) {
        lock(&self.waiting).replies.remove(&id);
        if let Some(line) = W::cancel(id) {
            // If the queue is full the request simply runs out of time at the server.
            let _ = self.lines.try_send(line);
        }
    }
}

/// A question under way; forgotten when its asker goes away.
struct Asked<'a, W: Wire> {
    connection: &'a Connection<W>,
    id: RequestId,
    answered: bool,
}

impl<W: Wire> Drop for Asked<'_, W> {
    fn drop(&mut self) {
        if !self.answered {
            self.connection.forget(self.id);
        }
    }
}

/// Ends the connection: nobody's reply will come any more.
fn end<R>(waiting: &Mutex<Waiting<R>>, why: String) {
    let mut waiting = lock(waiting);
    tracing::debug!(%why, "connection to the auth daemon ended");
    waiting.over.get_or_insert(why);
    waiting.replies.clear();
}

async fn read_replies<W: Wire>(
    mut lines: Lines,
    wire: Arc<Mutex<W>>,
    waiting: Arc<Mutex<Waiting<W::Reply>>>,
) {
    let why = loop {
        let line = match lines.next().await {
            Ok(line) => line,
            Err(why) => break why,
        };
        let heard = lock(&wire).line(&line);
        match heard {
            Ok(Heard::Reply(id, reply)) => {
                if let Some(asker) = lock(&waiting).replies.remove(&id) {
                    // Whoever asked may have gone meanwhile.
                    let _ = asker.send(reply);
                }
            }
            Ok(_) => {}
            Err(why) => break why,
        }
    };
    end(&waiting, why);
}

async fn write_lines<W: Wire>(
    mut half: OwnedWriteHalf,
    mut lines: mpsc::Receiver<Vec<u8>>,
    waiting: Arc<Mutex<Waiting<W::Reply>>>,
) {
    while let Some(line) = lines.recv().await {
        match timeout(WRITE_PATIENCE, half.write_all(&line)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return end(&waiting, error.to_string()),
            Err(_) => return end(&waiting, "the auth daemon doesn't read".into()),
        }
    }
}

/// The connection that is kept, if there is one.
pub(crate) struct Kept<W: Wire> {
    socket: PathBuf,
    timeouts: Timeouts,
    slot: tokio::sync::Mutex<Option<Arc<Connection<W>>>>,
}

impl<W: Wire> Kept<W> {
    pub(crate) fn new(socket: PathBuf, timeouts: Timeouts) -> Self {
        Self { socket, timeouts, slot: tokio::sync::Mutex::new(None) }
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    pub(crate) const fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// The open connection, and whether it was opened just now. Whoever comes while one is being
    /// opened waits for that.
    pub(crate) async fn connection(&self) -> Result<(Arc<Connection<W>>, bool), AuthError> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = slot.as_ref().filter(|c| c.is_open()) {
            return Ok((Arc::clone(connection), false));
        }
        let connection = Arc::new(Connection::open(&self.socket, self.timeouts.connect).await?);
        *slot = Some(Arc::clone(&connection));
        Ok((connection, true))
    }
}
