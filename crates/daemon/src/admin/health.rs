//! `/v1/health`: named checks, run side by side, each bounded in time, their worst the daemon's.
//!
//! A check that hangs (a file server that doesn't answer) costs its own answer only, and isn't
//! started again before it has ended. Answers are kept for a moment, so that many who ask cost one.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// How long a check may take.
pub const CHECK_TIME: Duration = Duration::from_secs(2);
/// How long an answer is good for.
const KEPT: Duration = Duration::from_secs(1);

/// How a daemon is, or one part of it; the later, the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing to do.
    Good,
    /// It serves; somebody should look.
    Warn,
    /// It doesn't do its work.
    Bad,
}

impl State {
    /// `good`, `warn`, `bad`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// 0, 1, 2: what the metric says.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Warn => 1,
            Self::Bad => 2,
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    state: State,
    messages: Vec<String>,
    details: Map<String, Value>,
}

impl Check {
    fn new(state: State, message: Option<String>) -> Self {
        Self { state, messages: message.into_iter().collect(), details: Map::new() }
    }

    /// All is well.
    #[must_use]
    pub fn good() -> Self {
        Self::new(State::Good, None)
    }

    /// It serves, but this should be looked at.
    pub fn warn(message: impl Into<String>) -> Self {
        Self::new(State::Warn, Some(message.into()))
    }

    /// It doesn't do its work, for this reason.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(State::Bad, Some(message.into()))
    }

    /// Adds a key to what is shown, whatever the state. `status` and `message` are taken.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// Both findings as one, of the worse state; details of the same key are the other's.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.state = self.state.max(other.state);
        self.messages.extend(other.messages);
        self.details.extend(other.details);
        self
    }

    /// How it is.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why it isn't good; empty if it is.
    #[must_use]
    pub fn message(&self) -> String {
        self.messages.join("; ")
    }

    fn to_json(&self) -> Value {
        let mut shown = self.details.clone();
        shown.insert("status".to_owned(), self.state.as_str().into());
        if !self.messages.is_empty() {
            shown.insert("message".to_owned(), self.message().into());
        }
        Value::Object(shown)
    }
}

/// All checks' findings.
#[derive(Debug, Clone)]
pub(super) struct Health(Arc<BTreeMap<&'static str, Check>>);

impl Health {
    pub(super) fn state(&self) -> State {
        self.0.values().map(Check::state).max().unwrap_or(State::Good)
    }

    pub(super) fn checks(&self) -> impl Iterator<Item = (&'static str, &Check)> {
        self.0.iter().map(|(name, check)| (*name, check))
    }

    pub(super) fn http_status(&self) -> StatusCode {
        match self.state() {
            State::Good | State::Warn => StatusCode::OK,
            State::Bad => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let checks: Map<String, Value> =
            self.checks().map(|(name, check)| (name.to_owned(), check.to_json())).collect();
        json!({ "status": self.state().as_str(), "checks": checks })
    }
}

type Boxed = Pin<Box<dyn Future<Output = Check> + Send>>;

#[derive(Clone)]
struct Registered {
    run: Arc<dyn Fn() -> Boxed + Send + Sync>,
    /// Held while it runs, also after nobody waits for it any more.
    busy: Arc<tokio::sync::Mutex<()>>,
}

/// The registered checks, and what they last found.
#[derive(Default)]
pub(super) struct Checks {
    registered: Mutex<BTreeMap<&'static str, Registered>>,
    last: tokio::sync::Mutex<Option<(Instant, Health)>>,
}

impl Checks {
    /// Registers a check; one of the same name is replaced.
    pub(super) fn add<F, Fut>(&self, name: &'static str, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Check> + Send + 'static,
    {
        let registered =
            Registered { run: Arc::new(move || Box::pin(check())), busy: Arc::default() };
        let mut all = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name, registered);
    }

    /// Runs all checks, or gives what they found a moment ago.
    pub(super) async fn run(&self) -> Health {
        // Whoever comes while they run waits and gets the same.
        let mut last = self.last.lock().await;
        if let Some((_, health)) = last.as_ref().filter(|(at, _)| at.elapsed() < KEPT) {
            return health.clone();
        }
        let all = self.registered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let started: Vec<_> =
            all.into_iter().map(|(name, check)| (name, tokio::spawn(bounded(check)))).collect();
        let mut found = BTreeMap::new();
        for (name, task) in started {
            let check = task.await.unwrap_or_else(|_| Check::bad("the check itself failed"));
            found.insert(name, check);
        }
        let health = Health(Arc::new(found));
        *last = Some((Instant::now(), health.clone()));
        health
    }
}

async fn bounded(check: Registered) -> Check {
    let Ok(busy) = Arc::clone(&check.busy).try_lock_owned() else {
        return Check::bad("the check before this one has no answer yet");
    };
    let work = (check.run)();
    let task = tokio::spawn(async move {
        let _busy = busy;
        work.await
    });
    match tokio::time::timeout(CHECK_TIME, task).await {
        Ok(Ok(check)) => check,
        Ok(Err(_)) => Check::bad("the check itself failed: this is a bug"),
        Err(_) => Check::bad(format!("no answer within {} s", CHECK_TIME.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_worst_counts_and_a_hanging_check_costs_itself_only() {
        let checks = Checks::default();
        checks.add("a", || async { Check::good().detail("free", 7) });
        checks.add("b", || async { Check::warn("low") });
        let health = checks.run().await;
        assert_eq!(health.http_status(), StatusCode::OK);
        let wanted = json!({"status": "warn", "checks": {
            "a": {"status": "good", "free": 7}, "b": {"status": "warn", "message": "low"}}});
        assert_eq!(health.to_json(), wanted);

        let checks = Checks::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        checks.add("stuck", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            std::future::pending()
        });
        checks.add("fine", || async { Check::good() });
        let health = checks.run().await;
        assert_eq!(health.http_status(), StatusCode::SERVICE_UNAVAILABLE);
        let shown = health.to_json();
        assert_eq!(shown["checks"]["stuck"]["message"], "no answer within 2 s");
        assert_eq!(shown["checks"]["fine"]["status"], "good");
        // Kept for a moment by the machine's clock, whatever tokio's says.
        *checks.last.lock().await = None;
        let shown = checks.run().await.to_json();
        let message = shown["checks"]["stuck"]["message"].as_str().unwrap();
        assert_eq!(message, "the check before this one has no answer yet");
        assert_eq!(runs.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn answers_are_kept_for_a_moment_and_a_panic_is_bad() {
        let checks = Checks::default();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        checks.add("counted", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Check::good().and(Check::bad("x")).and(Check::warn("y")) }
        });
        for _ in 0..3 {
            assert_eq!(checks.run().await.to_json()["checks"]["counted"]["message"], "x; y");
        }
        assert_eq!(runs.load(Ordering::Relaxed), 1);

        let checks = Checks::default();
        checks.add("broken", || async { std::panic::panic_any(()) });
        assert_eq!(checks.run().await.state(), State::Bad);
    }
}
