//! What answers: the databases, the threads that ask them, the holding back of failures.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use authwire::Params;
use authwire::client::{FailCode, Failure, Mech, MechFlag};
use sasl::{Credentials, Mechanism, Property};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use userdb::directory::{Asking, Found, Login, Reason, Verdict};
use userdb::{Directory, Fields};

use crate::failures::Failures;
use crate::given::{Given, LogPasswords};
use crate::pool::{Busy, Pool};
use crate::{Figures, Settings};

/// Threads for look-ups of users, which hash nothing: logins that wait for hashes don't hold up
/// the delivery of mail.
const LOOKUP_THREADS: usize = 2;
const LOOKUP_QUEUE: usize = 1024;
const LOOKUP_WAIT: Duration = Duration::from_secs(5);

/// The daemon's inside, shared by all connections.
#[derive(Debug)]
pub struct Service {
    current: RwLock<Current>,
    hashing: Pool,
    lookups: Pool,
    hash_threads: usize,
    failures: Failures,
    figures: Figures,
    /// Password checks of databases that reloads have replaced.
    earlier_checks: AtomicU64,
}

/// What a reload replaces.
#[derive(Debug, Clone)]
struct Current {
    directory: Arc<Directory>,
    mechanisms: Vec<Mechanism>,
    failure_delay: Duration,
    log_passwords: LogPasswords,
}

impl Current {
    fn new(settings: &Settings) -> Self {
        Self {
            directory: Arc::new(Directory::new(settings.directory.clone())),
            mechanisms: settings.mechanisms.clone(),
            failure_delay: settings.failure_delay,
            log_passwords: settings.log_passwords,
        }
    }
}

/// A login under way: who asks for it, and since when.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) mechanism: Mechanism,
    pub(crate) asking: Asking,
    /// The name that the asking daemon gave the session, for the log.
    pub(crate) session: Option<String>,
    /// When the client's last message came.
    pub(crate) asked: Instant,
}

/// What a login came to, once its time to be answered has come.
#[derive(Debug)]
pub(crate) enum Outcome {
    Accepted(String, Params),
    Refused(Failure),
    /// It can't be found out now.
    Unavailable(Failure),
}

impl Service {
    /// Starts the threads and sets the databases up.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn start(settings: &Settings) -> std::io::Result<Arc<Self>> {
        settings.log_passwords.warn();
        let (threads, queue) = (settings.hash_threads, settings.hash_queue);
        let hashing = Pool::start("authd-hash", threads, queue, settings.hash_wait)?;
        let lookups = Pool::start("authd-lookup", LOOKUP_THREADS, LOOKUP_QUEUE, LOOKUP_WAIT)?;
        Ok(Arc::new(Self {
            current: RwLock::new(Current::new(settings)),
            hashing,
            lookups,
            hash_threads: threads,
            failures: Failures::default(),
            figures: Figures::default(),
            earlier_checks: AtomicU64::new(0),
        }))
    }

    /// Takes new settings up. Logins that are under way end with the old ones.
    pub fn reload(&self, settings: &Settings) {
        if settings.hash_threads != self.hash_threads {
            tracing::warn!("needs restart: hash_threads");
        }
        settings.log_passwords.warn();
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        self.earlier_checks.fetch_add(current.directory.checks(), Ordering::Relaxed);
        *current = Current::new(settings);
    }

    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The counters.
    #[must_use]
    pub const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// How many passwords were checked since the start.
    #[must_use]
    pub fn password_checks(&self) -> u64 {
        self.earlier_checks.load(Ordering::Relaxed) + self.current().directory.checks()
    }

    /// How many logins wait for a hash or have one.
    #[must_use]
    pub fn hashes_waiting(&self) -> usize {
        self.hashing.waiting()
    }

    /// The mechanisms on offer, as the handshake lists them.
    pub(crate) fn mechanisms(&self) -> Vec<Mech> {
        let mech = |mechanism: Mechanism| Mech {
            name: mechanism.name().into(),
            flags: mechanism.properties().iter().map(|property| flag(*property)).collect(),
        };
        self.current().mechanisms.into_iter().map(mech).collect()
    }

    /// Checks a login, and holds a failure back until it may be answered, or the daemon stops.
    pub(crate) async fn login(
        &self,
        attempt: Attempt,
        credentials: Credentials,
        shutdown: &CancellationToken,
    ) -> Outcome {
        let current = self.current();
        let directory = current.directory;
        let given = current.log_passwords.of(&credentials.password);
        let (user, asking) = (credentials.user.clone(), attempt.asking.clone());
        let check = move || {
            let login = Login {
                user: &credentials.user,
                password: credentials.password.expose(),
                authorize_as: credentials.authorize_as.as_deref(),
            };
            directory.authenticate(&login, &asking)
        };
        let began = std::time::Instant::now();
        let verdict = self.hashing.run(check).await;
        self.figures.login_times.observe(began.elapsed());
        let verdict =
            verdict.unwrap_or_else(|Busy| Verdict::Failed { user, reason: Busy.to_string() });
        self.judge(&attempt, verdict, &given, shutdown).await
    }

    async fn judge(
        &self,
        attempt: &Attempt,
        verdict: Verdict,
        given: &Given,
        shutdown: &CancellationToken,
    ) -> Outcome {
        match verdict {
            Verdict::Accepted { user, original, fields } => {
                self.figures.accepted();
                let line = Line::of(attempt, &user);
                tracing::info!(
                    user = line.user,
                    client = line.client,
                    service = line.service,
                    session = line.session,
                    status = "accepted",
                    "login by {}",
                    line.mechanism
                );
                let mut params = params(&fields);
                push_original(&mut params, original);
                Outcome::Accepted(user, params)
            }
            Verdict::Refused { user, original, reason, no_delay } => {
                self.figures.refused();
                let wrong = matches!(reason, Reason::Mismatch | Reason::UnknownUser);
                let given = Some(given).filter(|_| wrong);
                let line = Line::of(attempt, &user);
                tracing::info!(
                    user = line.user,
                    client = line.client,
                    service = line.service,
                    session = line.session,
                    status = "refused",
                    given_password = given.and_then(|given| given.plain.as_deref()),
                    given_password_sha1 = given.and_then(|given| given.sha1.as_deref()),
                    "login by {}: {reason}",
                    line.mechanism
                );
                let mut failure = Failure { user: Some(user), ..Failure::default() };
                push_original(&mut failure.fields, original);
                if !no_delay {
                    self.hold(attempt, shutdown).await;
                }
                Outcome::Refused(failure)
            }
            Verdict::Failed { user, reason } => {
                self.figures.failed();
                let line = Line::of(attempt, &user);
                tracing::error!(
                    user = line.user,
                    client = line.client,
                    service = line.service,
                    session = line.session,
                    status = "failed",
                    "login by {}: {reason}",
                    line.mechanism
                );
                self.hold(attempt, shutdown).await;
                let mut failure = Failure::coded(FailCode::TempFail, None);
                failure.user = Some(user);
                Outcome::Unavailable(failure)
            }
        }
    }

    /// Refuses a login whose messages don't follow the mechanism's form, as late as others.
    pub(crate) async fn malformed(
        &self,
        attempt: &Attempt,
        why: sasl::Malformed,
        shutdown: &CancellationToken,
    ) -> Outcome {
        self.figures.refused();
        let line = Line::of(attempt, "");
        tracing::info!(
            client = line.client,
            service = line.service,
            session = line.session,
            status = "refused",
            "login by {}: {why}",
            line.mechanism
        );
        self.hold(attempt, shutdown).await;
        Outcome::Refused(Failure::default())
    }

    async fn hold(&self, attempt: &Attempt, shutdown: &CancellationToken) {
        let delay = self.current().failure_delay;
        let (address, now) = (attempt.asking.remote, Instant::now());
        let release = self.failures.release(address, attempt.asked, now, delay);
        tokio::select! {
            () = sleep_until(release) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Who is this user?
    pub(crate) async fn user(&self, name: String, asking: Asking) -> Found<(String, Params)> {
        let directory = self.current().directory;
        let (said, service) = (name.clone(), asking.service.clone());
        let found = self.lookups.run(move || directory.user(&name, &asking)).await;
        let found = found.unwrap_or_else(|Busy| Found::Failed(Busy.to_string()));
        self.note(&said, &service, &found);
        match found {
            Found::Yes((name, fields)) => Found::Yes((name, params(&fields))),
            Found::No => Found::No,
            Found::Failed(reason) => Found::Failed(reason),
            Found::TempFail(reason) => Found::TempFail(reason),
        }
    }

    /// What does the password side know of this user?
    pub(crate) async fn pass(&self, name: String, asking: Asking) -> Found<(String, Params)> {
        let directory = self.current().directory;
        let found = self.lookups.run(move || directory.pass(&name, &asking)).await;
        match found.unwrap_or_else(|Busy| Found::Failed(Busy.to_string())) {
            Found::Yes(mut fields) => {
                let user = fields.take("user").unwrap_or_default();
                Found::Yes((user, params(&fields)))
            }
            Found::No => Found::No,
            Found::Failed(reason) => Found::Failed(reason),
            Found::TempFail(reason) => Found::TempFail(reason),
        }
    }

    /// All users' names.
    pub(crate) async fn list(&self) -> Result<Vec<String>, String> {
        let directory = self.current().directory;
        let listed = self.lookups.run(move || directory.list()).await;
        listed.unwrap_or_else(|Busy| Err(Busy.to_string()))
    }

    fn note<T>(&self, user: &str, service: &str, found: &Found<T>) {
        match found {
            Found::Yes(_) => {
                self.figures.found();
                tracing::debug!(user, service, status = "found", "user look-up");
            }
            Found::No => {
                self.figures.unknown();
                tracing::info!(user, service, status = "unknown", "user look-up");
            }
            Found::Failed(reason) | Found::TempFail(reason) => {
                self.figures.lookup_failed();
                tracing::error!(user, service, status = "failed", "user look-up: {reason}");
            }
        }
    }
}

/// What each line of the log about a login holds.
struct Line<'a> {
    user: &'a str,
    client: Option<String>,
    service: &'a str,
    session: Option<&'a str>,
    mechanism: &'static str,
}

impl<'a> Line<'a> {
    fn of(attempt: &'a Attempt, user: &'a str) -> Self {
        Self {
            user,
            client: attempt.asking.remote.map(|address: IpAddr| address.to_string()),
            service: &attempt.asking.service,
            session: attempt.session.as_deref(),
            mechanism: attempt.mechanism.name(),
        }
    }
}

const fn flag(property: Property) -> MechFlag {
    match property {
        Property::Plaintext => MechFlag::Plaintext,
    }
}

fn push_original(params: &mut Params, original: Option<String>) {
    if let Some(original) = original {
        params.push("original_user", original);
    }
}

fn params(fields: &Fields) -> Params {
    let mut params = Params::new();
    for field in fields.iter() {
        if field.bare {
            params.push_bare(field.key.as_str());
        } else {
            params.push(field.key.as_str(), field.value.as_str());
        }
    }
    params
}
