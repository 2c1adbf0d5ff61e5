//! The running daemon: tokio, signals, reload, drain, and what the service manager is told.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{Admin, Method, Thresholds};
use crate::config::{Config, print_problems};
use crate::context::Context;
use crate::error::Error;
use crate::life::Life;
use crate::log::{Log, LogSettings};
use crate::sessions::{SessionLimits, Sessions};
use crate::sockets::Sockets;
use crate::start::{Reloaded, reload};
use crate::{Daemon, tls};

/// How long `run` may go on after the sign to stop, beyond the drain.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Keys that are used once, at the start.
const NEED_RESTART: [&str; 5] = ["user", "group", "groups", "max_descriptors", "listener"];

pub(crate) fn run<D: Daemon>(
    name: &'static str,
    config: Config,
    settings: D::Settings,
    sockets: Sockets,
    log: &Log,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name(D::NAME)
        .build()
        .map_err(|error| Error::other(format!("tokio: {error}")))?;
    let ended = runtime.block_on(serve::<D>(name, config, settings, sockets, log));
    // Blocking work that nobody waits for any more must not hold the end up.
    runtime.shutdown_timeout(LAST_WORDS);
    ended
}

async fn serve<D: Daemon>(
    name: &'static str,
    config: Config,
    settings: D::Settings,
    sockets: Sockets,
    log: &Log,
) -> Result<(), Error> {
    let mut signals = Signals::new()?;
    let life = Life::new();
    let settings = Arc::new(settings);
    let (sender, receiver) = watch::channel(Arc::clone(&settings));
    let admin = Admin::new(name, life.clone());
    log.routes(&admin);
    admin.route(Method::GET, "/v1/tls", |_| async { Ok(tls::report()) });
    admin.watch(&sockets);
    admin.thresholds(Thresholds::read(config.table("health")), D::folders(&settings));
    let sessions = Sessions::new(life.shutdown.clone());
    sessions.limit(SessionLimits::read(&config).unwrap_or_default());
    sessions.show(&admin);
    let context = Context {
        sessions: sessions.clone(),
        shutdown: life.shutdown.clone(),
        reload: receiver,
        admin: admin.clone(),
        life: life.clone(),
        listeners: sockets.listeners,
    };
    let mut running = tokio::spawn(D::run(settings, context));
    if let Some(listener) = sockets.admin {
        let admin_life = life.clone();
        let admin = admin.clone();
        tokio::spawn(async move {
            if let Err(error) = admin.serve(listener, admin_life).await {
                tracing::error!(%error, "admin socket");
            }
        });
    }
    watch_certificates();
    let _ = sd_notify::notify(&[NotifyState::Ready]);
    let mut watchdog = Watchdog::new();
    let mut reloads = Reloads::<D> { config, log, sessions, sender, admin };
    let ended = loop {
        tokio::select! {
            joined = &mut running => break Some(joined),
            () = watchdog.tick() => {}
            sign = signals.next() => match sign {
                Sign::Stop => break None,
                Sign::Reload => reloads.reload().await,
                Sign::Reopen => log.reopen(),
            },
        }
    };
    let drain = reloads.config.duration("drain");
    stop(&life, drain, running, ended).await
}

/// Says what an operator must know of the certificates, and has them watched.
fn watch_certificates() {
    for warning in tls::warnings() {
        tracing::warn!("{warning}");
    }
    tls::watch::start();
}

type Running = tokio::task::JoinHandle<Result<(), Error>>;
type Joined = Result<Result<(), Error>, tokio::task::JoinError>;

/// Stops accepting, lets connections end, and waits for `run`.
async fn stop(
    life: &Life,
    drain: Duration,
    running: Running,
    ended: Option<Joined>,
) -> Result<(), Error> {
    let _ = sd_notify::notify(&[NotifyState::Stopping]);
    tracing::info!(connections = life.connections(), "stopping");
    life.shutdown.cancel();
    let joined = match ended {
        Some(joined) => {
            life.end(drain).await;
            // Nobody asked it to: a service manager must start it again.
            let unasked = || Err(Error::other("the daemon ended by itself"));
            joined.map(|result| result.and_then(|()| unasked()))
        }
        None => {
            let (cut, joined) =
                tokio::join!(life.end(drain), tokio::time::timeout(drain + LAST_WORDS, running));
            if cut > 0 {
                tracing::warn!(cut, "connections were cut: the drain's time was over");
            }
            joined.unwrap_or(Ok(Ok(())))
        }
    };
    let result = joined
        .unwrap_or_else(|error| Err(Error::other(format!("the daemon's main task: {error}"))));
    if result.is_ok() {
        tracing::info!("stopped");
    }
    result
}

struct Reloads<'a, D: Daemon> {
    config: Config,
    log: &'a Log,
    sessions: Sessions,
    sender: watch::Sender<Arc<D::Settings>>,
    admin: Admin,
}

impl<D: Daemon> Reloads<'_, D> {
    /// Takes the files up as they are now; if they are wrong, everything stays as it is.
    async fn reload(&mut self) {
        let reloading = NotifyState::monotonic_usec_now();
        let _ = sd_notify::notify(
            &reloading
                .map_or(vec![NotifyState::Reloading], |now| vec![NotifyState::Reloading, now]),
        );
        let folder = self.config.folder().to_owned();
        let instance = self.config.instance().map(str::to_owned);
        let read = move || reload::<D>(&folder, instance.as_deref());
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(reloaded)) => self.take_up(reloaded),
            Ok(Err(problems)) => {
                tracing::error!(
                    problems = problems.len(),
                    "reload failed; the running configuration stays"
                );
                for line in print_problems(&problems).lines() {
                    tracing::error!("{line}");
                }
            }
            Err(error) => tracing::error!(%error, "reload failed; the running configuration stays"),
        }
        let _ = sd_notify::notify(&[NotifyState::Ready]);
    }

    fn take_up(&mut self, reloaded: Reloaded<D::Settings>) {
        let mut restart = self.log.reload(&LogSettings::read(reloaded.config.table("log")));
        let changed = |key: &&str| !self.config.same(&reloaded.config, key);
        restart.extend(NEED_RESTART.iter().filter(|key| changed(key)).copied());
        for key in restart {
            tracing::warn!("needs restart: {key}");
        }
        // They were checked with the rest.
        self.sessions.limit(SessionLimits::read(&reloaded.config).unwrap_or_default());
        let thresholds = Thresholds::read(reloaded.config.table("health"));
        self.admin.thresholds(thresholds, D::folders(&reloaded.settings));
        self.sender.send_replace(reloaded.settings);
        self.config = reloaded.config;
        watch_certificates();
        tracing::info!("reloaded");
    }
}

enum Sign {
    Stop,
    Reload,
    Reopen,
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
    usr1: Signal,
}

impl Signals {
    fn new() -> Result<Self, Error> {
        let on = |kind| signal(kind).map_err(|error| Error::other(format!("signals: {error}")));
        Ok(Self {
            term: on(SignalKind::terminate())?,
            int: on(SignalKind::interrupt())?,
            hup: on(SignalKind::hangup())?,
            usr1: on(SignalKind::user_defined1())?,
        })
    }

    async fn next(&mut self) -> Sign {
        tokio::select! {
            _ = self.term.recv() => Sign::Stop,
            _ = self.int.recv() => Sign::Stop,
            _ = self.hup.recv() => Sign::Reload,
            _ = self.usr1.recv() => Sign::Reopen,
        }
    }
}

/// Tells the service manager that the main loop goes round, at half the time that it allows.
struct Watchdog(Option<tokio::time::Interval>);

impl Watchdog {
    fn new() -> Self {
        Self(
            sd_notify::watchdog_enabled()
                .map(|limit| tokio::time::interval((limit / 2).max(Duration::from_millis(1)))),
        )
    }

    async fn tick(&mut self) {
        match &mut self.0 {
            Some(interval) => {
                interval.tick().await;
                let _ = sd_notify::notify(&[NotifyState::Watchdog]);
            }
            None => std::future::pending().await,
        }
    }
}
