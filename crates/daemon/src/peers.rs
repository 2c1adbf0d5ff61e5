//! Whom a listener admits, by the kernel's word (SO_PEERCRED): `peers`, or the design's users where
//! whoever reaches the socket could misuse it (`Daemon::usual_peers`).

use crate::Daemon;
use crate::config::{Problem, Table};
use crate::users;

/// The listener's key.
const PEERS: &str = "peers";

/// Who may connect; nobody listed means that the socket's mode alone says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    pub(crate) uids: Vec<u32>,
    /// Whom the design wants there, and who don't exist here.
    pub(crate) missing: Option<&'static [&'static str]>,
}

impl Admission {
    /// What the listener says; else whom the design wants, with `own`, the daemon's user.
    pub(crate) fn of<D: Daemon>(listener: &Table, own: u32) -> Self {
        let usual = D::usual_peers(listener);
        if listener.is_set(PEERS) || usual.is_empty() {
            return Self { uids: listener.users(PEERS), missing: None };
        }
        let mut uids: Vec<u32> = usual.iter().filter_map(|name| users::uid(name)).collect();
        if uids.is_empty() {
            return Self { uids, missing: Some(usual) };
        }
        uids.push(own);
        Self { uids, missing: None }
    }
}

/// Listeners whose peers nobody can tell: the kernel names those of Unix sockets only.
pub(crate) fn check<D: Daemon>(listeners: &[Table]) -> Vec<Problem> {
    let wrong = |listener: &Table| {
        let address = listener.address("address")?;
        if address.unix().is_some() {
            return None;
        }
        if !listener.users(PEERS).is_empty() {
            return Some(listener.problem(PEERS, "peers of a TCP listener can't be told"));
        }
        let trusting = !D::usual_peers(listener).is_empty();
        let why = "whoever reaches this listener is believed: it must be a Unix socket";
        trusting.then(|| listener.problem("address", why))
    };
    listeners.iter().filter_map(wrong).collect()
}
