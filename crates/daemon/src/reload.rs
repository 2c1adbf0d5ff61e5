//! Reload: SIGHUP, or `POST /v1/reload` at the admin socket. The files are read anew; what can change
//! while running is taken up, and what is wrong leaves everything as it is.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::admin::{Admin, Method, Refusal, StatusCode, Thresholds};
use crate::config::{Config, FileSpec, Problem, Table, print_problems};
use crate::confine::Rules;
use crate::log::{Log, LogSettings};
use crate::service::Service;
use crate::sessions::{SessionLimits, Sessions};
use crate::start::settle;
use crate::{Daemon, tls};

/// What a reload changes. One is done after the other.
pub(crate) struct Reloader<D: Daemon> {
    folder: PathBuf,
    instance: Option<String>,
    /// As the process started: keys that need a restart still have these values.
    started: Config,
    /// As it runs now.
    running: Mutex<Config>,
    /// What Landlock holds it to.
    rules: Option<Rules>,
    drain: Mutex<Duration>,
    log: Log,
    sessions: Sessions,
    sender: watch::Sender<Arc<D::Settings>>,
    admin: Admin,
    service: Service,
    turn: tokio::sync::Mutex<()>,
}

/// Why the running configuration stays.
enum Failed {
    Wrong(Vec<Problem>),
    Broken(String),
}

impl<D: Daemon> Reloader<D> {
    pub(crate) fn new(
        (config, rules): (Config, Option<Rules>),
        sender: watch::Sender<Arc<D::Settings>>,
        (log, sessions): (Log, Sessions),
        (admin, service): (Admin, Service),
    ) -> Arc<Self> {
        let reloader = Arc::new(Self {
            folder: config.folder().to_owned(),
            instance: config.instance().map(str::to_owned),
            drain: Mutex::new(config.duration("drain")),
            running: Mutex::new(config.clone()),
            started: config,
            rules,
            log,
            sessions,
            sender,
            admin,
            service,
            turn: tokio::sync::Mutex::default(),
        });
        reloader.adopt(&reloader.started, &reloader.sender.borrow());
        reloader
    }

    /// Registers `POST /v1/reload`: `{"reloaded": true, "needs_restart": […]}`, or 422 with every problem.
    pub(crate) fn route(self: &Arc<Self>) {
        let reloader = Arc::clone(self);
        self.admin.route(Method::POST, "/v1/reload", move |_| {
            let reloader = Arc::clone(&reloader);
            // A client that goes away meanwhile leaves no reload half done.
            let work = tokio::spawn(async move { reloader.reload().await });
            async move { work.await.unwrap_or_else(|error| Err(refusal(error.to_string()))) }
        });
    }

    /// How long connections may go on after the sign to stop.
    pub(crate) fn drain(&self) -> Duration {
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the files up as they are now; if they are wrong, everything stays as it is.
    pub(crate) async fn reload(&self) -> Result<Value, Refusal> {
        let _turn = self.turn.lock().await;
        self.service.reloading();
        let (folder, instance) = (self.folder.clone(), self.instance.clone());
        let rules = self.rules.clone();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = move || {
            let files = D::files();
            let mut config = Config::load_instance(&folder, D::NAME, instance.as_deref(), &files)?;
            // Before anything opens what they name.
            let kept = keep_within::<D>(rules.as_ref(), &running, &mut config);
            settle::<D>(config).map(|(config, settings)| (config, settings, kept))
        };
        let done = match tokio::task::spawn_blocking(read).await {
            Ok(Ok((config, settings, kept))) => Ok(self.take_up(config, Arc::new(settings), kept)),
            Ok(Err(problems)) => Err(Failed::Wrong(problems)),
            Err(error) => Err(Failed::Broken(error.to_string())),
        };
        self.service.reloaded(done.is_ok());
        match done {
            Ok(restart) => Ok(json!({ "reloaded": true, "needs_restart": restart })),
            Err(failed) => Err(refusal(failed.tell())),
        }
    }

    fn take_up(
        &self,
        config: Config,
        settings: Arc<D::Settings>,
        kept: Vec<String>,
    ) -> Vec<String> {
        let mut restart = self.restart_keys(&config);
        restart.extend(kept);
        for key in &restart {
            tracing::warn!("needs restart: {key}");
        }
        self.adopt(&config, &settings);
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = config;
        self.sender.send_replace(settings);
        tls::tell_and_watch();
        tracing::info!("reloaded");
        restart
    }

    /// Keys whose values differ from those that the process started with, and that it can't change.
    fn restart_keys(&self, config: &Config) -> Vec<String> {
        let log = self.log.reload(&LogSettings::read(config.table("log")));
        let mut keys: Vec<String> = log.into_iter().map(str::to_owned).collect();
        for spec in D::files() {
            let (before, now) = (table(&self.started, &spec), table(config, &spec));
            let changed = spec.keys.iter().filter(|key| key.restart && !before.same(now, key.name));
            keys.extend(changed.map(|key| match spec.name == D::NAME {
                true => key.name.to_owned(),
                false => format!("{} of {}.toml", key.name, spec.name),
            }));
        }
        keys
    }

    /// What this crate itself takes of the configuration; it was checked with the rest.
    fn adopt(&self, config: &Config, settings: &D::Settings) {
        self.sessions.limit(SessionLimits::read(config).unwrap_or_default());
        let thresholds = Thresholds::read(config.table("health"));
        self.admin.thresholds(thresholds, D::folders(settings));
        *self.drain.lock().unwrap_or_else(PoisonError::into_inner) = config.duration("drain");
    }
}

/// A key of a new configuration that needs more than the sandbox gives keeps its value, and is named.
fn keep_within<D: Daemon>(
    rules: Option<&Rules>,
    running: &Config,
    config: &mut Config,
) -> Vec<String> {
    let beyond = rules.map(|rules| rules.beyond::<D>(config, running)).unwrap_or_default();
    for (file, key) in &beyond {
        config.keep(file, key, running);
    }
    let named = |(file, key): (String, String)| match file == D::NAME {
        true => key,
        false => format!("{key} of {file}.toml"),
    };
    beyond.into_iter().map(named).collect()
}

fn table<'a>(config: &'a Config, spec: &FileSpec) -> &'a Table {
    if spec.name == config.name() { config } else { config.file(spec.name) }
}

fn refusal(message: String) -> Refusal {
    Refusal { status: StatusCode::UNPROCESSABLE_ENTITY, message }
}

impl Failed {
    /// Logs it, each problem a line, and gives all of it.
    fn tell(self) -> String {
        const STAYS: &str = "reload failed; the running configuration stays";
        match self {
            Self::Wrong(problems) => {
                tracing::error!(problems = problems.len(), "{STAYS}");
                let text = print_problems(&problems);
                for line in text.lines() {
                    tracing::error!("{line}");
                }
                format!("{STAYS}:\n{}", text.trim_end())
            }
            Self::Broken(error) => {
                tracing::error!(error, "{STAYS}");
                format!("{STAYS}: {error}")
            }
        }
    }
}
