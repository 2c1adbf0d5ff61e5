//! Says who a user is and whether the password is right: Dovecot's auth daemon's place.
//!
//! It reads password files and nothing else, and never reads or sends mail. A connection reads
//! lines ([`client`] for logins, [`lookup`] for users), the protocol machines of `authwire` say
//! what they mean, and [`Service`] answers: passwords are checked on the threads of a bounded
//! pool, failures are held back. Protocol: Dovecot's; mechanisms: RFC 4616 and LOGIN.

pub mod client;
mod failures;
mod figures;
mod keys;
mod lines;
pub mod lookup;
mod pool;
mod service;
mod settings;

use std::future::Future;
use std::sync::Arc;

use daemon::{Config, Context, Daemon, Error, FileSpec, Listener, Problem};

pub use figures::Figures;
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
    let (service, shutdown) = (Arc::clone(service), context.shutdown.clone());
    let most = settings.max_connections;
    match listening.role {
        Role::Client => context.serve(listener, most, move |stream, peer| {
            client::serve(stream, peer.to_string(), Arc::clone(&service), shutdown.clone())
        }),
        Role::Userdb => context.serve(listener, most, move |stream, peer| {
            let only = listening.only_for(&peer);
            let who = peer.to_string();
            lookup::serve(stream, who, only, Arc::clone(&service), shutdown.clone())
        }),
    }
}

/// What the operator sees in `/v1/status`.
fn report(context: &Context<Settings>, service: &Arc<Service>) {
    for (name, figure) in Figures::ALL {
        let service = Arc::clone(service);
        context.admin.figure(name, move || figure(service.figures()));
    }
    let counted = Arc::clone(service);
    context.admin.figure("password_checks", move || counted.password_checks());
    let waiting = Arc::clone(service);
    context.admin.figure("hashes_waiting", move || waiting.hashes_waiting());
}
