//! The operator's socket: HTTP/1.1 and JSON over a Unix socket, so that curl can ask too.
//!
//! `GET /v1/status`, `/v1/health` and `/metrics` answer for every daemon; figures, checks and other
//! routes are registered by the daemon itself. Paths begin `/v1/`; JSON keys are only ever added.
//! Who may ask is the socket's mode and group (docs/sockets.md); who may ask may also change.

mod built_in;
mod figure;
mod health;
mod http;
mod metrics;
pub(crate) mod process;
mod routes;
mod status;

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;

pub(crate) use built_in::Thresholds;
use built_in::{LostLines, Watched};
pub use figure::{Figure, Histogram, LONG_TIMES, SHORT_TIMES, Sample};
use figure::{Labelled, Shown, Times};
pub use health::{CHECK_TIME, Check, State};
use health::{Checks, Health};
use routes::Routes;
pub use routes::{Answer, Method, Refusal, Request, StatusCode};

use crate::error::Error;
use crate::life::Life;
use crate::listener::Listener;
use crate::sockets::Sockets;
use crate::stream::{Peer, Stream};
use crate::time::now_millis;

/// Connections at a time; more wait.
const MAX_CONNECTIONS: usize = 32;

struct Inner {
    name: &'static str,
    started_millis: u64,
    started: Instant,
    figures: Mutex<BTreeMap<&'static str, Shown>>,
    labelled: Mutex<BTreeMap<&'static str, Labelled>>,
    times: Mutex<BTreeMap<&'static str, Times>>,
    routes: Routes,
    checks: Checks,
    watched: Arc<Watched>,
    life: Life,
}

/// Figures, checks and routes of the admin socket. Cheap to clone.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

impl Admin {
    /// For the daemon of this name.
    #[must_use]
    pub fn new(name: &'static str, life: Life) -> Self {
        Self(Arc::new(Inner {
            name,
            started_millis: now_millis(),
            started: Instant::now(),
            figures: Mutex::default(),
            labelled: Mutex::default(),
            times: Mutex::default(),
            routes: Routes::default(),
            checks: Checks::default(),
            watched: Arc::default(),
            life,
        }))
    }

    /// Shows a number, asked for anew at each request. It must not block. A [`Figure`] is a key of
    /// `/v1/status` and a metric; a name alone is a key of `/v1/status`, of any JSON.
    pub fn figure<V: Into<Value>>(
        &self,
        figure: impl Into<Figure>,
        value: impl Fn() -> V + Send + Sync + 'static,
    ) {
        let figure = figure.into();
        let mut figures = self.0.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.insert(figure.name, Shown { figure, value: Box::new(move || value().into()) });
    }

    /// Shows a metric with one sample for each value of a label, at most a few hundred. It isn't in
    /// `/v1/status`. It must not block.
    pub fn labelled(
        &self,
        figure: Figure,
        label: &'static str,
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) {
        let mut all = self.0.labelled.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(figure.name, Labelled { figure, label, samples: Box::new(samples) });
    }

    /// Shows how long something takes, as the metric `dovetail_DAEMON_NAME`; the name ends in
    /// `_seconds`.
    pub fn times(&self, name: &'static str, help: &'static str, histogram: &Arc<Histogram>) {
        let mut all = self.0.times.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, Times { name, help, histogram: Arc::clone(histogram) });
    }

    /// Registers a check for `/v1/health`. It is given up after [`CHECK_TIME`], and not started again
    /// before it has ended.
    pub fn check<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Check> + Send + 'static,
    {
        self.0.checks.add(name, check);
    }

    /// Registers a check that may block.
    fn blocking_check(&self, name: &'static str, check: fn(&Watched) -> Check) {
        let watched = Arc::clone(&self.0.watched);
        self.check(name, move || {
            let watched = Arc::clone(&watched);
            async move {
                let done = tokio::task::spawn_blocking(move || check(&watched)).await;
                done.unwrap_or_else(|error| Check::bad(error.to_string()))
            }
        });
    }

    /// Registers a route: `route(Method::GET, "/v1/queue/{id}", |request| async move { … })`. An
    /// answer that takes longer than a minute is given up.
    pub fn route<F, Fut>(&self, method: Method, path: &'static str, handler: F)
    where
        F: Fn(Request) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        self.0.routes.add(method, path, handler);
    }

    /// Takes note of the sockets, and registers what every daemon has.
    pub(crate) fn watch(&self, sockets: &Sockets) {
        for listener in sockets.listeners.iter().chain(&sockets.admin) {
            let (addresses, serving) = (listener.addresses(), listener.serving());
            self.0.watched.add_listener(listener.name(), addresses, serving);
        }
        self.0.watched.add_missing(&sockets.warnings);
        self.0.watched.add_missing(&sockets.missing);
        let missing = sockets.missing.clone();
        self.figure("listeners_missing", move || missing.clone());
        let watched = Arc::clone(&self.0.watched);
        self.figure("listeners", move || watched.places());
        self.blocking_check("listeners", Watched::check_listeners);
        self.blocking_check("disk", Watched::check_disk);
        self.blocking_check("descriptors", Watched::check_descriptors);
        self.blocking_check("certificates", Watched::check_certificates);
        let figure = Figure::gauge(
            "certificate_expiry_seconds",
            "When the first certificate of a served chain ends, in seconds since 1970.",
        );
        self.labelled(figure.common(), "file", built_in::certificate_ends);
    }

    /// Shows, and warns of, log lines that were lost.
    pub(crate) fn lost_lines(&self, lost: impl Fn() -> u64 + Send + Sync + 'static) {
        let lost = Arc::new(lost);
        let counted = Arc::clone(&lost);
        let figure = Figure::counter("log_lines_lost", "Log lines that couldn't be written.");
        self.figure(figure.common(), move || counted());
        let recent = Arc::<LostLines>::default();
        self.check("log", move || {
            let check = recent.check(lost(), Instant::now());
            async move { check }
        });
    }

    /// Takes thresholds and folders up, at the start and after each reload.
    pub(crate) fn thresholds(&self, thresholds: Thresholds, folders: Vec<PathBuf>) {
        self.0.watched.set(thresholds, folders);
    }

    fn name(&self) -> &'static str {
        self.0.name
    }

    /// `smtpd` of `smtpd@mx`: what metrics are named by.
    fn base(&self) -> &'static str {
        self.0.name.split('@').next().unwrap_or(self.0.name)
    }

    fn routes(&self) -> &Routes {
        &self.0.routes
    }

    async fn health(&self) -> Health {
        self.0.checks.run().await
    }

    /// Answers on the listener until shutdown.
    pub(crate) async fn serve(self, listener: Listener, life: Life) -> Result<(), Error> {
        let (admin, stop) = (self, life.shutdown.clone());
        let serve = move |stream: Stream, peer: Peer| {
            http::serve(admin.clone(), stream, peer, stop.clone())
        };
        listener.serve(MAX_CONNECTIONS, life, serve).await
    }
}
