//! An LMTP server whose mailboxes are the rest of the internet.
//!
//! Takes one destination domain a transaction, opens the transaction with that domain's mail server
//! before it answers RCPT, streams the content through, and passes back one reply a recipient. It keeps
//! nothing and tries nothing again: what failed for now, qmgrd offers later. RFC 5321 §5 rules whom it
//! speaks to, RFC 3207 and RFC 7435 how.

mod deliver;
mod dial;
mod keys;
mod manual;
mod routes;
mod said;
mod session;
mod settings;
mod stream;
mod tls;

use std::sync::Arc;

use daemon::{
    Config, Context, Daemon, Domains, Error, FileSpec, Manual, Peer, Problem, Sessions, Stream,
    Table,
};

pub use routes::{NextHop, Route, RouteError, Routes};
pub use settings::Settings;
pub use tls::Policy;

use crate::dial::Dialer;
use crate::session::Session;

/// The daemon.
#[derive(Debug)]
pub struct Relayd;

impl Daemon for Relayd {
    const NAME: &'static str = "relayd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        vec![FileSpec::daemon(Self::NAME, keys::DOC, keys::KEYS), Domains::spec()]
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    fn connects(config: &Config) -> Option<Vec<(&'static str, u16)>> {
        Some(Settings::ports(config))
    }

    /// Whoever reaches relayd sends mail anywhere.
    fn usual_peers(_: &Table) -> &'static [&'static str] {
        &["dvqueue"]
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        let dialer = Arc::new(Dialer::new(&settings).map_err(Error::other)?);
        let asked = Arc::clone(&dialer);
        context.admin.check("dns", move || {
            let asked = Arc::clone(&asked);
            async move { asked.health() }
        });
        for listener in context.take_listeners() {
            let (dialer, reload) = (Arc::clone(&dialer), context.reload.clone());
            let sessions = context.sessions.clone();
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let settings = Arc::clone(&reload.borrow());
                serve(settings, Arc::clone(&dialer), sessions.clone(), stream, peer)
            });
        }
        context.shutdown.cancelled().await;
        Ok(())
    }
}

/// One connection, from greeting to end, under the settings of when it began.
async fn serve(
    settings: Arc<Settings>,
    dialer: Arc<Dialer>,
    sessions: Sessions,
    stream: Stream,
    peer: Peer,
) {
    let options = settings.server_options();
    let clear = (settings.hostname.as_str(), false);
    let admitted = smtp_server::admit(&sessions, "lmtp", (stream, &peer), clear).await;
    let Some((stream, seat)) = admitted else { return };
    let mut session = Session::new(settings, dialer, seat.clone());
    let ended = smtp_server::serve(stream, &options, &mut session, &seat).await;
    tracing::debug!(client = %peer, ?ended, "connection ended");
}
