//! A hop between daemons: a Unix socket with a bounded number of connections, kept while they are used.
//!
//! A kept connection may have died meanwhile. It is tested by use: where it fails before MAIL and every
//! RCPT were answered, the same is tried once more on a fresh one. No content has gone out by then.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use smtp::{Capabilities, Envelope, Protocol, Rcpt, Reply, XForward};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::connection::Connection;
use crate::error::{HopError, Outcome};
use crate::settings::{Patience, Settings, Target};
use crate::transaction::Transaction;

/// Opens hops to one server. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    target: Target,
    settings: Settings,
    permits: Arc<Semaphore>,
    kept: Mutex<Vec<Kept>>,
    sweeping: AtomicBool,
}

#[derive(Debug)]
struct Kept {
    connection: Connection<UnixStream>,
    since: Instant,
}

/// A transaction with one server, its place among the connections held until it ends.
#[derive(Debug)]
pub struct Hop {
    transaction: Transaction<UnixStream>,
    shared: Arc<Shared>,
    permit: OwnedSemaphorePermit,
}

impl Client {
    /// Connects to nothing yet.
    #[must_use]
    pub fn new(target: Target, settings: Settings) -> Self {
        let permits =
            Arc::new(Semaphore::new(settings.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let kept = Mutex::new(Vec::new());
        Self(Arc::new(Shared { target, settings, permits, kept, sweeping: AtomicBool::new(false) }))
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// Connections that are in use now.
    #[must_use]
    pub fn in_use(&self) -> usize {
        let most = self.0.settings.max_connections.max(1);
        most.saturating_sub(self.0.permits.available_permits())
    }

    /// Opens a transaction: LHLO where the connection is fresh, XFORWARD, MAIL, every RCPT. Refused
    /// recipients are no error: see [`Hop::recipients`].
    ///
    /// # Errors
    /// Why there is no transaction; nothing was stored.
    pub async fn open(&self, client: &XForward, envelope: &Envelope) -> Result<Hop, HopError> {
        let shared = &self.0;
        let permit = shared.permit().await?;
        if let Some(connection) = shared.take_kept() {
            match connection.open(client, envelope).await {
                Ok(transaction) => return Ok(self.hop(transaction, permit)),
                // It had died, or its server is leaving: a fresh one will know.
                Err((HopError::Lost(_), _)) => {}
                Err((HopError::Refused(reply), None)) if reply.code() == 421 => {}
                Err((error, connection)) => return Err(shared.give_back(error, connection)),
            }
        }
        let connection = match shared.connect().await {
            // It was leaving as we came: who follows it on this socket will know.
            Err(HopError::Unwilling(_, reply)) if reply.code() == 421 => shared.connect().await?,
            connected => connected?,
        };
        match connection.open(client, envelope).await {
            Ok(transaction) => Ok(self.hop(transaction, permit)),
            Err((error, connection)) => Err(shared.give_back(error, connection)),
        }
    }

    /// Whether the server is there and says hello, on a connection of its own that is closed at once.
    ///
    /// # Errors
    /// Why it isn't, or doesn't.
    pub async fn reach(&self) -> Result<(), HopError> {
        self.0.connect().await?.quit().await;
        Ok(())
    }

    fn hop(&self, transaction: Transaction<UnixStream>, permit: OwnedSemaphorePermit) -> Hop {
        Hop { transaction, shared: Arc::clone(&self.0), permit }
    }
}

impl Shared {
    async fn permit(&self) -> Result<OwnedSemaphorePermit, HopError> {
        let wanted = Arc::clone(&self.permits).acquire_owned();
        match timeout(self.settings.wait_for_connection, wanted).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(HopError::Busy(self.target.to_string())),
        }
    }

    async fn connect(&self) -> Result<Connection<UnixStream>, HopError> {
        let Target::Unix(path) = &self.target;
        let target = &self.target;
        let away = |why: String| HopError::Away(format!("connect to {target}: {why}"));
        let stream = match timeout(self.settings.connect, UnixStream::connect(path)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(away(reason(&error))),
            Err(_) => return Err(away("timed out".into())),
        };
        let patience = Patience::from(&self.settings);
        let helo = &self.settings.helo;
        let greeted =
            Connection::greet(stream, Protocol::Lmtp, helo, patience, target.to_string()).await;
        greeted.map_err(|error| match error {
            HopError::Lost(why) => HopError::Away(why),
            other => other,
        })
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one that was used last; those that are too old are closed.
    fn take_kept(&self) -> Option<Connection<UnixStream>> {
        let mut kept = self.kept();
        kept.retain(|kept| kept.since.elapsed() < self.settings.keep_idle);
        kept.pop().map(|kept| kept.connection)
    }

    fn give_back(
        self: &Arc<Self>,
        error: HopError,
        connection: Option<Connection<UnixStream>>,
    ) -> HopError {
        if let Some(connection) = connection {
            self.keep(connection);
        }
        error
    }

    fn keep(self: &Arc<Self>, connection: Connection<UnixStream>) {
        if self.settings.keep_idle.is_zero() {
            return;
        }
        let mut kept = self.kept();
        if kept.len() < self.settings.max_connections {
            kept.push(Kept { connection, since: Instant::now() });
        }
        drop(kept);
        if !self.sweeping.swap(true, Ordering::AcqRel) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }
}

/// Closes connections that nobody used for a while, and ends when none is left.
async fn sweep(shared: Weak<Shared>) {
    loop {
        let Some(wait) = shared.upgrade().map(|shared| shared.settings.keep_idle) else { return };
        sleep(wait).await;
        let Some(shared) = shared.upgrade() else { return };
        let (old, done) = {
            let mut kept = shared.kept();
            let (old, young): (Vec<Kept>, Vec<Kept>) =
                kept.drain(..).partition(|kept| kept.since.elapsed() >= wait);
            *kept = young;
            if kept.is_empty() {
                // Under the lock, so that who keeps one next sees it and starts another sweep.
                shared.sweeping.store(false, Ordering::Release);
            }
            (old, kept.is_empty())
        };
        for kept in old {
            kept.connection.quit().await;
        }
        if done {
            return;
        }
    }
}

impl Hop {
    /// The verdict on each recipient, in the envelope's order.
    #[must_use]
    pub fn recipients(&self) -> &[Reply] {
        self.transaction.recipients()
    }

    /// What the server announced.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.transaction.connection().capabilities()
    }

    /// `NAME[PATH]`, for logs and bounces as Postfix writes them.
    #[must_use]
    pub fn relay(&self) -> String {
        format!("{}[{}]", self.transaction.connection().host(), self.shared.target)
    }

    /// Offers one more recipient, before the content, and returns the verdict on it. Given up half-way,
    /// the hop is good for nothing more.
    ///
    /// # Errors
    /// [`HopError::Lost`]; [`Hop::finish`] tells of it for all recipients.
    pub async fn rcpt(&mut self, rcpt: &Rcpt) -> Result<Reply, HopError> {
        self.transaction.rcpt(rcpt).await
    }

    /// Says DATA. Without an accepted recipient nothing is said, and it is refused here.
    ///
    /// # Errors
    /// [`HopError::Refused`] with the server's reply; [`HopError::Lost`].
    pub async fn start_data(&mut self) -> Result<(), HopError> {
        self.transaction.start_data().await
    }

    /// Passes content on: lines that end in CRLF, in pieces of any size; dots are doubled here.
    ///
    /// # Errors
    /// [`HopError::Lost`]; [`Hop::finish`] tells of it too.
    pub async fn write(&mut self, octets: &[u8]) -> Result<(), HopError> {
        self.transaction.write(octets).await
    }

    /// Says the final dot. One outcome for each recipient of the envelope, in its order; those that were
    /// refused keep their reply.
    pub async fn finish(self) -> Vec<Outcome> {
        let (outcomes, connection) = self.transaction.finish().await;
        if let Some(connection) = connection {
            self.shared.keep(connection);
        }
        drop(self.permit);
        outcomes
    }

    /// Gives the transaction up: nothing of it is stored. Once the content had begun, this closes the
    /// connection.
    pub async fn abandon(self) {
        if let Some(connection) = self.transaction.abandon() {
            self.shared.keep(connection);
        }
        drop(self.permit);
    }
}

/// As Postfix words it: `No such file or directory`, without the number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_owned(),
        None => text,
    }
}
