//! What all sessions of one configuration share: settings, tables, the wires to the other daemons,
//! figures.

use std::sync::Arc;
use std::time::Duration;

use auth_client::{LoginClient, Timeouts, UserClient};
use daemon::Domains;
use lmtp_client::{Client, Settings as HopSettings, Target};
use smtp::{Protocol, server};
use smtp_server::{Limits, Options};

use crate::figures::Figures;
use crate::handover::Hops;
use crate::resolve::{Aliases, Refusal, Rules};
use crate::settings::{Listen, Role, Settings, Tls};
use crate::uids::Uids;

/// How long a greeting waits for authd to name its mechanisms.
const MECHANISMS_WAIT: Duration = Duration::from_secs(1);
/// What is offered while authd is away: the login then fails for now, and not for good.
const USUAL_MECHANISMS: [&str; 2] = ["PLAIN", "LOGIN"];
/// The keyword of EHLO by which a sendmail listener tells `myorigin`.
const ORIGIN: &str = "XORIGIN";

/// What all sessions share.
#[derive(Debug)]
pub struct Site {
    /// The settings.
    pub settings: Arc<Settings>,
    /// authd's logins.
    pub logins: LoginClient,
    /// authd's userdb.
    pub users: UserClient,
    /// lmtpd and qmgrd.
    pub hops: Hops,
    /// What has been done so far.
    pub figures: Arc<Figures>,
    /// What programs of this machine's users do.
    pub uids: Uids,
}

impl Site {
    /// Opens nothing yet.
    #[must_use]
    pub fn new(settings: Arc<Settings>, figures: Arc<Figures>) -> Arc<Self> {
        Self::with(settings, figures, Uids::default())
    }

    /// The same with other settings; what is counted is counted on.
    #[must_use]
    pub fn after_reload(&self, settings: Arc<Settings>) -> Arc<Self> {
        Self::with(settings, Arc::clone(&self.figures), self.uids.clone())
    }

    fn with(settings: Arc<Settings>, figures: Arc<Figures>, uids: Uids) -> Arc<Self> {
        let patience = settings.patience;
        let hop = |path: &std::path::Path, wait| {
            let limits = HopSettings {
                helo: settings.hostname.clone(),
                reply: wait,
                final_dot: wait,
                max_connections: patience.hop_connections,
                wait_for_connection: patience.hop_wait,
                ..HopSettings::default()
            };
            Client::new(Target::Unix(path.to_owned()), limits)
        };
        let hops = Hops {
            lmtpd: settings.straight_in.as_deref().map(|path| hop(path, patience.straight_in_wait)),
            qmgrd: hop(&settings.queue, patience.queue_wait),
        };
        Arc::new(Self {
            logins: LoginClient::new(&settings.auth_client, Timeouts::default()),
            users: UserClient::new(&settings.auth_userdb, Timeouts::default()),
            hops,
            figures,
            uids,
            settings,
        })
    }

    /// The alias tables as their files have them now.
    ///
    /// # Errors
    /// If one can't be read: nobody's recipient may be called unknown then.
    pub async fn aliases(&self) -> Result<Aliases, Refusal> {
        if self.settings.aliases.is_empty() {
            return Ok(Aliases::default());
        }
        let settings = Arc::clone(&self.settings);
        let read = move || settings.aliases.iter().map(|table| table.current()).collect();
        let read: Result<Result<Vec<_>, _>, _> = tokio::task::spawn_blocking(read).await;
        match read {
            Ok(Ok(tables)) => Ok(Aliases::new(tables)),
            Ok(Err(error)) => Err(Refusal::Table(error.to_string())),
            Err(error) => Err(Refusal::Table(error.to_string())),
        }
    }

    /// How a session on this listener goes.
    pub async fn options(&self, listen: &Listen) -> Options {
        let settings = &self.settings;
        let internal = listen.role == Role::Internal;
        let allowance = if internal { Domains::HEADER_ALLOWANCE } else { 0 };
        let protocol = if internal { Protocol::Lmtp } else { Protocol::Smtp };
        let submission = listen.role == Role::Submission;
        let session = server::Options {
            require_tls: submission,
            require_auth: submission,
            auth: self.mechanisms(listen.role).await,
            xforward: internal,
            extensions: extensions(listen.role, &settings.rules),
            // Whoever pipes a whole session into `sendmail -bs` is no stranger who hides a message in one.
            strict_pipelining: matches!(listen.role, Role::Mx | Role::Submission),
            limits: Limits {
                recipients: settings.max_recipients,
                size: settings.size_limit.saturating_add(allowance),
                ..Limits::default()
            },
            ..server::Options::new(protocol, settings.hostname.clone())
        };
        Options {
            tls: settings.tls.clone().filter(|_| listen.tls != Tls::None),
            implicit_tls: listen.tls == Tls::Implicit,
            idle: settings.patience.idle,
            write: settings.patience.write,
            handshake: settings.patience.handshake,
            min_data_rate: settings.patience.min_data_rate,
            ..Options::new(session)
        }
    }

    /// What AUTH offers: what authd does, on submission only.
    async fn mechanisms(&self, role: Role) -> Vec<String> {
        if role != Role::Submission {
            return Vec::new();
        }
        match tokio::time::timeout(MECHANISMS_WAIT, self.logins.mechanisms()).await {
            Ok(Ok(offered)) if !offered.is_empty() => offered,
            _ => USUAL_MECHANISMS.map(str::to_owned).to_vec(),
        }
    }
}

/// `sendmail` hears what domain to put behind names that have none, in fields that it may change and
/// we may not.
fn extensions(role: Role, rules: &Rules) -> Vec<String> {
    match role {
        Role::Sendmail => vec![format!("{ORIGIN} {}", rules.myorigin)],
        Role::Mx | Role::Submission | Role::Internal => Vec::new(),
    }
}
