//! An LMTP server whose mailboxes are the rest of the internet.
//!
//! Takes one destination domain a transaction, opens the transaction with that domain's mail server
//! before it answers RCPT, streams the content through, and passes back one reply a recipient. It keeps
//! nothing and tries nothing again: what failed for now, qmgrd offers later. RFC 5321 §5 rules whom it
//! speaks to, RFC 3207 and RFC 7435 how.

mod deliver;
mod dial;
mod keys;
mod routes;
mod said;
mod session;
mod settings;
mod stream;
mod tls;

use std::sync::Arc;

use daemon::{Config, Context, Daemon, Domains, Error, FileSpec, Problem};

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

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        let dialer = Arc::new(Dialer::new(&settings).map_err(Error::other)?);
        let options = Arc::new(settings.server_options());
        let shutdown = context.shutdown.clone();
        for listener in context.take_listeners() {
            let (dialer, options, shutdown) =
                (Arc::clone(&dialer), Arc::clone(&options), shutdown.clone());
            let reload = context.reload.clone();
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let (dialer, options, shutdown) =
                    (Arc::clone(&dialer), Arc::clone(&options), shutdown.clone());
                let settings = Arc::clone(&reload.borrow());
                async move {
                    let mut session = Session::new(settings, dialer);
                    let ended = smtp_server::serve(stream, &options, &mut session, &shutdown).await;
                    tracing::debug!(client = %peer, ?ended, "connection ended");
                }
            });
        }
        shutdown.cancelled().await;
        Ok(())
    }
}
