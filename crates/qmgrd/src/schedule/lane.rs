//! A destination: how many deliveries it gets at a time, and whether it rests.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::{JobId, Millis};

/// How long a socket that nobody answers rests at first.
const FIRST_ROUTE_REST: Millis = 1_000;

/// A next hop's socket, and a domain in lower case (empty for reports).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// The socket's path.
    pub route: Arc<str>,
    /// The domain.
    pub domain: Arc<str>,
}

impl Destination {
    /// A destination.
    #[must_use]
    pub fn new(route: &str, domain: &str) -> Self {
        Self { route: route.into(), domain: domain.into() }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.domain, self.route)
    }
}

/// What a delivery says about its destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feedback {
    /// It works, whatever it thought of the recipients.
    Good,
    /// Nothing can be told.
    Unknown,
    /// The destination fails for everybody: its host is away, or the connection broke.
    DestinationDown(String),
    /// Nobody answers the socket. This delivery is tried again as soon as somebody does.
    RouteDown(String),
    /// The connection to the socket broke under this delivery, which may be the delivery's fault.
    RouteBroke(String),
}

/// Whether something works.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// It rests until then; 0 if it doesn't.
    pub(super) until: Millis,
    /// Failures since the last success.
    pub(super) streak: u32,
    pub(super) reason: String,
    /// Deliveries that run; counted for sockets only.
    pub(super) running: usize,
}

impl Health {
    /// Back at work. Whether it had failed before.
    pub(super) fn succeeded(&mut self) -> bool {
        self.until = 0;
        std::mem::take(&mut self.streak) > 0
    }

    /// Rests from now on, unless it does already: deliveries that ran side by side count once.
    pub(super) fn failed(&mut self, now: Millis, reason: String, rest: impl Fn(u32) -> Millis) {
        self.reason = reason;
        if self.until <= now {
            self.streak = self.streak.saturating_add(1);
            self.until = now.saturating_add(rest(self.streak));
        }
    }
}

/// How long a socket rests after `streak` failures: doubling, up to `limit`.
pub(super) fn route_rest(streak: u32, limit: Millis) -> Millis {
    let doublings = streak.saturating_sub(1).min(20);
    (FIRST_ROUTE_REST << doublings).min(limit)
}

/// A destination's deliveries.
#[derive(Debug)]
pub(super) struct Lane {
    /// What may start, in order.
    pub(super) ready: VecDeque<JobId>,
    /// It stands in the schedule's turn.
    pub(super) in_turn: bool,
    pub(super) running: usize,
    /// How many may run.
    pub(super) window: usize,
    pub(super) health: Health,
}

impl Lane {
    pub(super) fn new(window: usize) -> Self {
        Self {
            ready: VecDeque::new(),
            in_turn: false,
            running: 0,
            window,
            health: Health::default(),
        }
    }

    /// Nothing to do and nothing to remember.
    pub(super) fn is_idle(&self, now: Millis) -> bool {
        self.ready.is_empty() && self.running == 0 && !self.in_turn && self.health.until <= now
    }
}
