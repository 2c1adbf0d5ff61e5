//! Says who a user is and whether the password is right: Dovecot's auth daemon's place.
//!
//! It reads password files and nothing else, and never reads or sends mail. A connection reads
//! lines ([`client`] for logins, [`lookup`] for users), the protocol machines of `authwire` say
//! what they mean, and [`Service`] answers: passwords are checked on the threads of a bounded
//! pool, failures are held back. Protocol: Dovecot's; mechanisms: RFC 4616 and LOGIN.

pub mod client;
mod failures;
mod figures;
mod given;
mod keys;
mod lines;
pub mod lookup;
mod manual;
mod pool;
mod service;
mod settings;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use daemon::{
    CancellationToken, Config, Context, Daemon, Error, Figure, FileSpec, Listener, Manual, Peer,
    Problem, Sessions,
};

pub use figures::Figures;
pub use given::LogPasswords;
pub use pool::{Busy, Pool};
pub use service::Service;
pub use settings::{Role, Settings};

/// The daemon.
#[derive(Debug)]
pub struct Authd;

impl Daemon for Authd {
    const NAME: &'static str = "authd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        vec![keys::spec()]
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        settings::read(config)
    }

    fn run(
        settings: Arc<Settings>,
        context: Context<Settings>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        run(settings, context)
    }
}

async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
    let service = Service::start(&settings).map_err(Error::other)?;
    report(&context, &service);
    for listener in context.take_listeners() {
        listen(&settings, &context, &service, listener);
    }
    let mut reload = context.reload.clone();
    loop {
        tokio::select! {
            () = context.shutdown.cancelled() => return Ok(()),
            changed = reload.changed() => match changed {
                Ok(()) => {
                    let settings = Arc::clone(&reload.borrow_and_update());
                    service.reload(&settings);
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

fn listen(
    settings: &Settings,
    context: &Context<Settings>,
    service: &Arc<Service>,
    listener: Listener,
) {
    let Some(listening) = settings.listeners.get(listener.name()).copied() else {
        tracing::error!(listener = listener.name(), "an inherited listener without a role");
        return;
    };
    let (service, sessions) = (Arc::clone(service), context.sessions.clone());
    let most = settings.max_connections;
    match listening.role {
        Role::Client => context.serve(listener, most, move |stream, peer| {
            let service = Arc::clone(&service);
            seated(sessions.clone(), "auth", peer, move |who, stop| {
                client::serve(stream, who, service, stop)
            })
        }),
        Role::Userdb => context.serve(listener, most, move |stream, peer| {
            let only = listening.only_for(&peer);
            let service = Arc::clone(&service);
            seated(sessions.clone(), "userdb", peer, move |who, stop| {
                lookup::serve(stream, who, only, service, stop)
            })
        }),
    }
}

/// Serves a connection that the operator sees, and can end: as when the daemon stops, what is under way
/// is answered first. The protocol has no word for it.
async fn seated<F>(
    sessions: Sessions,
    protocol: &'static str,
    peer: Peer,
    serve: impl FnOnce(String, CancellationToken) -> F + Send,
) where
    F: Future<Output = ()> + Send,
{
    let Ok(seat) = sessions.enter(protocol, &peer) else { return };
    let stop = seat.shutdown().child_token();
    let mut serving = pin!(serve(peer.to_string(), stop.clone()));
    tokio::select! {
        () = &mut serving => {}
        () = seat.kicked().cancelled() => {
            stop.cancel();
            serving.await;
        }
    }
}

/// What the operator sees in `/v1/status`.
fn report(context: &Context<Settings>, service: &Arc<Service>) {
    for (name, figure) in Figures::ALL {
        let service = Arc::clone(service);
        context.admin.figure(name, move || figure(service.figures()));
    }
    let counted = Arc::clone(service);
    let checks = Figure::counter("password_checks", "Passwords that were hashed and compared.");
    context.admin.figure(checks, move || counted.password_checks());
    let waiting = Arc::clone(service);
    let hashes = Figure::gauge("hashes_waiting", "Logins that wait for a hash or have one.");
    context.admin.figure(hashes, move || waiting.hashes_waiting());
    let times = &service.figures().login_times;
    context.admin.times("login_seconds", "How long a login's check took.", times);
}
