//! The running daemon: tokio, signals, the drain, and the end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, Method};
use crate::config::Config;
use crate::confine::{self, Rules};
use crate::context::Context;
use crate::error::Error;
use crate::life::Life;
use crate::listener::Serving;
use crate::log::Log;
use crate::reload::Reloader;
use crate::service::Service;
use crate::sessions::Sessions;
use crate::signals::{Sign, Signals};
use crate::sockets::Sockets;
use crate::{Daemon, tls};

/// How long `run` may go on after the sign to stop, beyond the drain.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long it may go on after a second sign.
const HURRY: Duration = Duration::from_millis(500);
/// How long the service manager waits to hear that listeners accept which nobody serves.
const READY_WAIT: Duration = Duration::from_secs(30);
/// How often they are looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

pub(crate) fn run<D: Daemon>(
    name: &'static str,
    config: (Config, Option<Rules>),
    settings: D::Settings,
    sockets: Sockets,
    log: &Log,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(name)
        .build()
        .map_err(|error| Error::other(format!("tokio: {error}")))?;
    let hurry = CancellationToken::new();
    let ended = runtime.block_on(serve::<D>(name, config, settings, (sockets, log), &hurry));
    // Blocking work that nobody waits for any more must not hold the end up.
    runtime.shutdown_timeout(if hurry.is_cancelled() { HURRY } else { LAST_WORDS });
    ended
}

async fn serve<D: Daemon>(
    name: &'static str,
    (config, rules): (Config, Option<Rules>),
    settings: D::Settings,
    (sockets, log): (Sockets, &Log),
    hurry: &CancellationToken,
) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let life = Life::new();
    let settings = Arc::new(settings);
    let (sender, receiver) = watch::channel(Arc::clone(&settings));
    let admin = Admin::new(name, life.clone());
    log.routes(&admin);
    admin.route(Method::GET, "/v1/tls", |_| async { Ok(tls::report()) });
    admin.watch(&sockets);
    confine::route(&admin, config.table("sandbox"));
    confine::tell::<D>(&admin, &config, rules.as_ref());
    let sessions = Sessions::new(life.shutdown.clone());
    sessions.show(&admin);
    let service = Service::new(life.clone());
    let parts = ((log.clone(), sessions.clone()), (admin.clone(), service.clone()));
    let reloader = Reloader::<D>::new((config, rules), sender, parts.0, parts.1);
    reloader.route();
    let serving: Vec<_> = sockets.listeners.iter().map(|one| one.serving()).collect();
    let context = Context {
        sessions,
        shutdown: life.shutdown.clone(),
        reload: receiver,
        admin: admin.clone(),
        life: life.clone(),
        listeners: sockets.listeners,
    };
    let mut running = tokio::spawn(D::run(settings, context));
    if let Some(listener) = sockets.admin {
        let admin_life = life.clone();
        tokio::spawn(async move {
            if let Err(error) = admin.serve(listener, admin_life).await {
                tracing::error!(%error, "admin socket");
            }
        });
    }
    tls::tell_and_watch();
    let mut accepting = pin!(all_accept(&serving));
    let mut ready = false;
    let ended = loop {
        tokio::select! {
            joined = &mut running => break Some(joined),
            () = &mut accepting, if !ready => {
                ready = true;
                service.ready();
            }
            sign = signals.next() => match sign {
                Sign::Stop => break None,
                Sign::Reload => {
                    // As a task: a reload that takes long must not keep us from stopping.
                    let reloader = Arc::clone(&reloader);
                    tokio::spawn(async move { reloader.reload().await });
                }
                Sign::Reopen => log.reopen(),
            },
        }
    };
    let hurried = on_signals(signals, log, &life, hurry);
    let stopping = stop(&life, &service, reloader.drain(), (running, ended), hurry);
    tokio::select! {
        result = stopping => result,
        () = hurried => Ok(()),
    }
}

/// Waits until every listener accepts connections.
async fn all_accept(serving: &[Arc<Serving>]) {
    let deadline = Instant::now() + READY_WAIT;
    while serving.iter().any(|one| !one.has_begun()) {
        if Instant::now() >= deadline {
            return tracing::error!("a listener is there that nobody serves");
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// While the daemon stops: a second sign to stop cuts everything short.
async fn on_signals(mut signals: Signals, log: &Log, life: &Life, hurry: &CancellationToken) {
    loop {
        match signals.next().await {
            Sign::Stop => {
                let cut = life.connections();
                tracing::warn!(cut, "told again to stop: connections are cut");
                hurry.cancel();
                life.cut();
            }
            Sign::Reopen => log.reopen(),
            Sign::Reload => {}
        }
    }
}

type Running = tokio::task::JoinHandle<Result<(), Error>>;
type Joined = Result<Result<(), Error>, tokio::task::JoinError>;

/// Stops accepting, lets connections end, and waits for `run`.
async fn stop(
    life: &Life,
    service: &Service,
    drain: Duration,
    (running, ended): (Running, Option<Joined>),
    hurry: &CancellationToken,
) -> Result<(), Error> {
    life.shutdown.cancel();
    service.stopping();
    tracing::info!(connections = life.connections(), "stopping");
    let joined = match ended {
        Some(joined) => {
            life.end(drain).await;
            // Unless it left as nobody needs it, a service manager must start it again.
            let unasked = || match life.is_leaving() {
                true => Ok(()),
                false => Err(Error::other("the daemon ended by itself")),
            };
            joined.map(|result| result.and_then(|()| unasked()))
        }
        None => {
            let running = async {
                let hurried = async {
                    hurry.cancelled().await;
                    sleep(HURRY).await;
                };
                tokio::select! {
                    joined = timeout(drain + LAST_WORDS, running) => joined.unwrap_or(Ok(Ok(()))),
                    () = hurried => Ok(Ok(())),
                }
            };
            let (cut, joined) = tokio::join!(life.end(drain), running);
            if cut > 0 && !hurry.is_cancelled() {
                tracing::warn!(cut, "connections were cut: the drain's time was over");
            }
            joined
        }
    };
    let result = joined
        .unwrap_or_else(|error| Err(Error::other(format!("the daemon's main task: {error}"))));
    if result.is_ok() {
        tracing::info!("stopped");
    }
    result
}
