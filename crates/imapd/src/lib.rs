//! Reading mail by IMAP.
//!
//! A connection is a `Visitor` until it has logged in, and a `Session` from
//! then on. Sockets are read and written on tokio's threads, mail is touched on blocking threads only
//! (`blocking`). Ruled by RFC 3501, with RFC 2177, 2342, 3691, 4315, 4731, 4959, 5161, 5258, 5819,
//! 6154, 6851 and 7888; where those leave a choice, replies are Dovecot's.

mod append;
mod blocking;
mod capability;
mod change;
#[cfg(test)]
mod fake;
mod fetch;
mod figures;
mod folders;
mod idle;
mod list;
mod login;
mod look;
mod manual;
mod names;
mod open_message;
mod opened;
mod piece;
mod search;
mod select;
mod session;
mod settings;
mod shared;
mod structure;
mod verdict;
mod visitor;
mod wire;

use std::sync::Arc;

use daemon::{Config, Context, Error, FileSpec, Manual, Peer, Problem, Sessions, Stream};
use store::Watcher;

pub use settings::Settings;

use figures::{Figure, Figures};
use settings::ListenerTls;
use shared::Shared;
use visitor::Visitor;
use wire::Wire;

/// The daemon.
pub struct Imapd;

impl daemon::Daemon for Imapd {
    const NAME: &'static str = "imapd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        Settings::files()
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    fn folders(settings: &Settings) -> Vec<std::path::PathBuf> {
        settings.mail.roots.folders().to_vec()
    }

    async fn run(_: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        let doors = Doors::new(context.sessions.clone())?;
        let doors = Arc::new(doors);
        for figure in Figure::ALL {
            let figures = Arc::clone(&doors.figures);
            context.admin.figure(figure.shown(), move || figures.get(figure));
        }
        let (asking, reload) = (Arc::clone(&doors), context.reload.clone());
        context.admin.check("authd", move || {
            let shared = asking.shared(Arc::clone(&reload.borrow()));
            async move { shared.health().await }
        });
        for listener in context.take_listeners() {
            let name: Arc<str> = Arc::from(listener.name());
            let (doors, reload) = (Arc::clone(&doors), context.reload.clone());
            let max_connections = context.settings().max_connections;
            context.serve(listener, max_connections, move |stream, peer| {
                // A connection keeps the settings that it began with.
                let settings = Arc::clone(&reload.borrow());
                let (doors, name) = (Arc::clone(&doors), Arc::clone(&name));
                // Boxed, so that the connection's state is held once, however it is passed on.
                async move { Box::pin(doors.admit(&name, settings, stream, peer)).await }
            });
        }
        context.shutdown.cancelled().await;
        Ok(())
    }
}

/// What a client hears whose address has as many connections as may be.
const TOO_MANY: &str = "Too many connections from your address, try again later.";

/// Where connections come in: what is made once for all of them.
pub struct Doors {
    watcher: Arc<Watcher>,
    figures: Arc<Figures>,
    sessions: Sessions,
    /// For the settings of now; made anew after a reload.
    shared: std::sync::Mutex<Option<Arc<Shared>>>,
}

impl Doors {
    /// Starts what all connections share.
    ///
    /// # Errors
    /// If mailboxes can't be watched.
    pub fn new(sessions: Sessions) -> Result<Self, Error> {
        let watcher = Watcher::start()
            .map_err(|error| Error::other(format!("watching mailboxes (inotify): {error}")))?;
        let figures = Arc::default();
        let shared = std::sync::Mutex::default();
        Ok(Self { watcher: Arc::new(watcher), figures, sessions, shared })
    }

    /// Serves one connection of the listener so named, to its end.
    pub async fn admit(&self, listener: &str, settings: Arc<Settings>, stream: Stream, peer: Peer) {
        let tls = settings.listeners.get(listener).copied().unwrap_or(ListenerTls::None);
        let Ok(seat) = self.sessions.enter("imap", &peer) else {
            // Where TLS comes first its handshake is what costs: closed at once.
            return if tls != ListenerTls::Implicit {
                wire::refuse(stream, TOO_MANY).await
            };
        };
        let shared = self.shared(settings);
        let mut wire = Wire::new(stream, shared.settings.patience, seat);
        if tls == ListenerTls::Implicit {
            let Some(tls) = shared.settings.tls.clone() else { return };
            match wire.start_tls(&tls, &peer.to_string()).await {
                Ok(secured) => wire = secured,
                Err(_) => {
                    let client = peer.to_string();
                    return tracing::info!(client, status = "disconnected", "TLS handshake failed");
                }
            }
        }
        Visitor::new(wire, shared, peer, tls == ListenerTls::StartTls).run().await;
    }

    fn shared(&self, settings: Arc<Settings>) -> Arc<Shared> {
        let mut kept = self.shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*kept {
            Some(shared) if Arc::ptr_eq(&shared.settings, &settings) => Arc::clone(shared),
            _ => {
                let shared = Arc::new(Shared::new(
                    settings,
                    Arc::clone(&self.watcher),
                    Arc::clone(&self.figures),
                ));
                *kept = Some(Arc::clone(&shared));
                shared
            }
        }
    }
}
