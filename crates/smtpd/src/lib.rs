//! Takes mail in and decides at RCPT and DATA.
//!
//! Accept, session, decide, hand over: a message with one mailbox here goes straight in to lmtpd,
//! all others to qmgrd, and the client gets its 250 only when one of them has it on stable storage.
//! Ruled by RFC 5321, RFC 6409 (submission), RFC 4954 (AUTH) and docs/architecture.md.

pub mod client;
pub mod content;
pub mod figures;
pub mod handover;
mod health;
pub mod kept;
mod manual;
pub mod resolve;
pub mod session;
pub mod settings;
pub mod site;
pub mod uids;
mod userdb;

use std::sync::Arc;

use daemon::{
    Config, Context, Daemon, Error, FileSpec, Manual, Peer, Problem, Sessions, Stream, Table,
};
use tokio::sync::watch;

use figures::Figures;
use session::Session;
use settings::{Listen, Role, Settings, Tls};
use site::Site;

/// The daemon.
#[derive(Debug)]
pub struct Smtpd;

impl Daemon for Smtpd {
    const NAME: &'static str = "smtpd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        settings::files()
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    fn folders(settings: &Settings) -> Vec<std::path::PathBuf> {
        vec![settings.scratch.clone()]
    }

    /// A listener for `sendmail` is there where the MTA's commands are installed.
    fn may_be_missing(listener: &Table) -> bool {
        listener.text("role") == "sendmail"
    }

    /// Everything that comes by the internal listener is believed.
    fn usual_peers(listener: &Table) -> &'static [&'static str] {
        let internal = listener.text("role") == "internal";
        if internal { &["dvqueue", "vmail"] } else { &[] }
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        if settings.straight_in.is_some() {
            kept::probe(settings.scratch.clone()).await.map_err(Error::other)?;
        }
        let figures = Arc::new(Figures::default());
        figures.show(&context.admin);
        let (sender, sites) = watch::channel(Site::new(settings.clone(), figures));
        health::register(&context.admin, &sites);
        for listener in context.take_listeners() {
            let listen = settings.listeners.iter().find(|listen| listen.name == listener.name());
            let Some(listen) = listen.cloned() else { continue };
            let (sites, sessions) = (sites.clone(), context.sessions.clone());
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let site = Arc::clone(&sites.borrow());
                serve(site, listen.clone(), stream, peer, sessions.clone())
            });
        }
        follow(context, sender).await;
        Ok(())
    }
}

/// One connection, from greeting to end.
pub async fn serve(
    site: Arc<Site>,
    listen: Listen,
    stream: Stream,
    peer: Peer,
    sessions: Sessions,
) {
    let protocol = if listen.role == Role::Internal { "lmtp" } else { "smtp" };
    let how = (site.settings.hostname.as_str(), listen.tls == Tls::Implicit);
    let admitted = smtp_server::admit(&sessions, protocol, (stream, &peer), how).await;
    let Some((stream, seat)) = admitted else { return };
    let options = site.options(&listen).await;
    let mut session = Session::new(site, peer.clone(), listen.role, seat.clone());
    let ended = smtp_server::serve(stream, &options, &mut session, &seat).await;
    tracing::debug!(client = %peer, ?ended, "disconnected");
}

/// New sessions get the settings as last reloaded.
async fn follow(mut context: Context<Settings>, sites: watch::Sender<Arc<Site>>) {
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            changed = context.reload.changed() => match changed {
                Ok(()) => {
                    let next = sites.borrow().after_reload(context.settings());
                    sites.send_replace(next);
                }
                Err(_) => return context.shutdown.cancelled().await,
            }
        }
    }
}
