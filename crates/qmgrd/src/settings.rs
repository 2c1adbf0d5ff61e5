//! What qmgrd.toml and domains.toml come to.

use std::path::PathBuf;
use std::time::Duration;

use address::{Address, Domain};
use daemon::{Config, Domains, Problem};
use smtp::Protocol;

use crate::schedule::{Limits, Retry};

/// What becomes of a message with the null sender that can't be delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BounceFailures {
    /// A log line.
    Drop,
    /// A report to the postmaster.
    Postmaster,
}

/// Everything that an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Names, domains and routes.
    pub domains: Domains,
    /// `domains.myorigin`, checked.
    pub origin: Domain,
    /// `domains.postmaster`, checked.
    pub postmaster: Address,
    /// Where the messages are.
    pub spool: PathBuf,
    /// Where reports go.
    pub outgoing: PathBuf,
    /// Users whose trace ids count, besides the one that qmgrd runs as.
    pub trusted_ids: Vec<u32>,
    /// When to try again, and for how long.
    pub retry: Retry,
    /// Milliseconds before a sender is told of a delay; 0: never, unless asked for.
    pub delay_warning: u64,
    /// What becomes of bounces that fail.
    pub bounce_failures: BounceFailures,
    /// Octets of a message that go back.
    pub bounce_size_limit: u64,
    /// Octets of disk that stay free.
    pub min_free_space: u64,
    /// Messages taken in at a time.
    pub max_sessions: usize,
    /// Recipients of one message.
    pub max_recipients: usize,
    /// Recipients of one delivery.
    pub destination_recipients: usize,
    /// The schedule's limits.
    pub limits: Limits,
    /// A message that waits longer is a warning.
    pub warn_age: Duration,
    /// More messages than this are a warning.
    pub warn_messages: u64,
    /// How long the next hop may take.
    pub wait: Duration,
}

impl Settings {
    pub(crate) fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let shared = config.file("domains");
        let domains = Domains::read(shared);
        let mut problems = Vec::new();
        let origin = Domain::parse(&domains.myorigin);
        if let Err(error) = &origin {
            let why = format!("{:?} can't be an address's domain: {error}", domains.myorigin);
            problems.push(shared.problem("myorigin", why));
        }
        let postmaster = domains.postmaster.parse::<Address>();
        if let Err(error) = &postmaster {
            let why = format!("{:?} is no address: {error}", domains.postmaster);
            problems.push(shared.problem("postmaster", why));
        }
        let millis = |key: &str| millis(config.duration(key));
        if millis("retry_max") < millis("retry_min") {
            problems.push(config.problem("retry_max", "it is shorter than retry_min"));
        }
        let (Ok(origin), Ok(postmaster), true) = (origin, postmaster, problems.is_empty()) else {
            return Err(problems);
        };
        Ok(Self {
            origin,
            postmaster,
            spool: config.path("spool").to_owned(),
            outgoing: config.path("outgoing").to_owned(),
            trusted_ids: config.users("trusted_ids"),
            retry: Retry {
                min: millis("retry_min"),
                max: millis("retry_max"),
                lifetime: millis("lifetime"),
                bounce_lifetime: millis("bounce_lifetime"),
            },
            delay_warning: millis("delay_warning"),
            bounce_failures: match config.text("bounce_failures_to") {
                "postmaster" => BounceFailures::Postmaster,
                _ => BounceFailures::Drop,
            },
            bounce_size_limit: config.size("bounce_size_limit"),
            min_free_space: config.size("min_free_space"),
            max_sessions: config.count("max_sessions"),
            max_recipients: config.count("max_recipients"),
            destination_recipients: config.count("destination_recipients"),
            limits: Limits {
                active: config.count("max_active"),
                deliveries: config.count("max_deliveries"),
                initial: config.count("initial_concurrency"),
                per_destination: config.count("destination_concurrency"),
                rest: millis("retry_min"),
            },
            warn_age: config.table("health").duration("queue_age"),
            warn_messages: config.table("health").count("queue_messages") as u64,
            wait: config.duration("wait"),
            domains,
        })
    }

    /// How clients of the intake are served.
    pub(crate) fn server_options(&self) -> smtp_server::Options {
        let mut session = smtp::server::Options::new(Protocol::Lmtp, self.domains.hostname.clone());
        session.xforward = true;
        session.limits.size = self.domains.hop_size_limit();
        session.limits.recipients = self.max_recipients;
        smtp_server::Options::new(session)
    }

    /// How next hops are spoken to.
    pub(crate) fn hop_settings(&self) -> lmtp_client::Settings {
        lmtp_client::Settings {
            helo: self.domains.hostname.clone(),
            reply: self.wait,
            final_dot: self.wait,
            // The schedule says how many deliveries there are; none waits here.
            max_connections: self.limits.deliveries,
            wait_for_connection: self.wait,
            ..lmtp_client::Settings::default()
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
