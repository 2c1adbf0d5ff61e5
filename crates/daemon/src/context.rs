//! What a daemon's `run` gets: its listeners, the signs to stop and to reload, the admin socket.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::admin::Admin;
use crate::life::Life;
use crate::listener::Listener;
use crate::sessions::Sessions;
use crate::stream::{Peer, Stream};

/// What a running daemon has.
pub struct Context<S> {
    /// Cancelled when the daemon is to stop. `run` then returns; connections are drained after it.
    pub shutdown: CancellationToken,
    /// The settings, replaced by each reload that succeeds.
    pub reload: watch::Receiver<Arc<S>>,
    /// Figures and routes for the operator.
    pub admin: Admin,
    /// Tasks that the drain waits for.
    pub life: Life,
    /// Who is connected: every connection enters before anything costly is done for it.
    pub sessions: Sessions,
    pub(crate) listeners: Vec<Listener>,
}

impl<S: Send + Sync + 'static> Context<S> {
    /// Takes the listener of this name, once; none if it isn't configured.
    pub fn take_listener(&mut self, name: &str) -> Option<Listener> {
        let at = self.listeners.iter().position(|listener| listener.name() == name)?;
        Some(self.listeners.swap_remove(at))
    }

    /// Takes all listeners that are left, in the order of the configuration. `admin` is not among
    /// them.
    pub fn take_listeners(&mut self) -> Vec<Listener> {
        std::mem::take(&mut self.listeners)
    }

    /// Starts accepting on a listener, in the background, at most `max_connections` at a time, until
    /// shutdown. Each connection runs `serve` as a task that the drain waits for.
    pub fn serve<F, Fut>(&self, listener: Listener, max_connections: usize, serve: F)
    where
        F: Fn(Stream, Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let (life, shutdown) = (self.life.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            if let Err(error) = listener.serve(max_connections, life, serve).await {
                tracing::error!(%error, "a listener failed; stopping");
                shutdown.cancel();
            }
        });
    }

    /// The settings as last reloaded.
    #[must_use]
    pub fn settings(&self) -> Arc<S> {
        Arc::clone(&self.reload.borrow())
    }
}
