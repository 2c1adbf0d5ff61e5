//! Final delivery: LMTP in, Maildir out.
//!
//! Serves users whose uid is its own. Mail of other uids is passed on, while it comes, to those uids'
//! own lmtpd (`lmtpd --instance UID`): no process here can change its uid.
//!
//! Asks authd's userdb who a recipient is when RCPT is said, writes the message once for each
//! recipient, and answers each when its copy is on stable storage. A message offered again under its
//! trace id is stored once for each recipient. Knows no aliases (smtpd's) and keeps no queue
//! (qmgrd's): what can't be done now is answered with 4xx. RFC 2033 rules it.

mod content;
mod deliver;
mod figures;
mod header;
mod keys;
mod manual;
mod once;
mod proxy;
mod recipient;
mod session;
mod settings;

use std::sync::Arc;

use auth_client::{Timeouts, UserClient};
use daemon::{
    Check, Config, Context, Daemon, Domains, Error, FileSpec, Mail, Manual, Peer, Problem,
    Sessions, Stream,
};

pub use recipient::mail_place;
pub use settings::Settings;

use crate::figures::Figures;
use crate::once::Deliveries;
use crate::proxy::Proxy;
use crate::session::{Session, Shared};

/// The daemon.
#[derive(Debug)]
pub struct Lmtpd;

impl Daemon for Lmtpd {
    const NAME: &'static str = "lmtpd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        vec![FileSpec::daemon(Self::NAME, keys::DOC, keys::KEYS), Domains::spec(), Mail::spec()]
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    fn folders(settings: &Settings) -> Vec<std::path::PathBuf> {
        settings.mail_roots.folders().to_vec()
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        let own_uid = daemon::users::own_ids().0;
        if let Some(uid) = settings.instance.filter(|uid| *uid != own_uid) {
            return Err(Error::other(format!(
                "lmtpd@{uid} runs as uid {own_uid}: an instance serves the uid that it is called by; \
                 start it as that user (User={uid} in its unit)"
            )));
        }
        let shared = Arc::new(Shared {
            users: UserClient::new(&settings.auth_userdb, Timeouts::default()),
            deliveries: Deliveries::new(settings.delivered_table, daemon::now_millis()),
            own_uid,
            figures: Figures::default(),
            proxy: Proxy::new(&settings),
        });
        Figures::show(&shared, &context.admin);
        let asking = Arc::clone(&shared);
        context.admin.check("authd", move || {
            let asking = Arc::clone(&asking);
            async move {
                match asking.users.ping().await {
                    Ok(()) => Check::good(),
                    Err(error) => Check::bad(format!("no recipient can be looked up: {error}")),
                }
            }
        });
        let mut activated = true;
        for mut listener in context.take_listeners() {
            activated &= listener.is_inherited();
            if let (Some(_), Some(front)) = (settings.instance, settings.front) {
                listener.admit(vec![front]);
            }
            let (shared, reload) = (Arc::clone(&shared), context.reload.clone());
            let sessions = context.sessions.clone();
            context.serve(listener, settings.max_connections, move |stream, peer| {
                let settings = Arc::clone(&reload.borrow());
                serve(settings, Arc::clone(&shared), sessions.clone(), stream, peer)
            });
        }
        tokio::select! {
            () = context.shutdown.cancelled() => {}
            // Who connects from now on waits at the socket for the next that systemd starts.
            () = context.life.idle_for(settings.idle_exit),
                if settings.instance.is_some() && activated =>
            {
                tracing::info!("leaving: nobody connected for a while");
                context.life.leave();
            }
        }
        Ok(())
    }
}

/// One connection, from greeting to end, under the settings of when it began.
async fn serve(
    settings: Arc<Settings>,
    shared: Arc<Shared>,
    sessions: Sessions,
    stream: Stream,
    peer: Peer,
) {
    let options = settings.server_options();
    let clear = (settings.hostname.as_str(), false);
    let admitted = smtp_server::admit(&sessions, "lmtp", (stream, &peer), clear).await;
    let Some((stream, seat)) = admitted else { return };
    let client = peer.to_string();
    let mut session = Session::new(settings, shared, peer);
    let ended = smtp_server::serve(stream, &options, &mut session, &seat).await;
    tracing::debug!(client, ?ended, "connection ended");
}
