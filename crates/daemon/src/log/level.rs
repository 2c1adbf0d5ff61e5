//! What is logged now: the configured level, and for a while, if the operator wants, more.

use std::sync::{Arc, PoisonError, RwLock};

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

/// Crates that tell much of their own; of these only warnings and errors are wanted.
const FOREIGN: [&str; 7] = ["hyper", "rustls", "h2", "mio", "tokio", "hickory", "want"];

/// The levels that count, changeable while running.
#[derive(Clone)]
pub(super) struct Levels(Arc<RwLock<State>>);

struct State {
    configured: LevelFilter,
    debug: Option<Debug>,
    /// Counts the changes, so that a switch's end ends that switch alone.
    change: u64,
}

/// More than the configuration says, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Debug {
    pub(super) level: LevelFilter,
    /// Only modules with this word in their path; none: all of ours.
    pub(super) target: Option<String>,
    /// When it ends, in milliseconds since 1970.
    pub(super) until: u64,
}

impl Levels {
    pub(super) fn new(configured: LevelFilter) -> Self {
        Self(Arc::new(RwLock::new(State { configured, debug: None, change: 0 })))
    }

    /// The configured level is this from now on; a debug switch ends.
    pub(super) fn configure(&self, level: LevelFilter) {
        self.change(|state| {
            state.configured = level;
            state.debug = None;
        });
    }

    /// Sets or clears the debug switch; gives this change's number.
    pub(super) fn switch(&self, debug: Option<Debug>) -> u64 {
        self.change(|state| state.debug = debug)
    }

    /// Clears the debug switch if nothing changed since that change. True if it did.
    pub(super) fn end(&self, change: u64) -> bool {
        let still = {
            let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
            state.change == change && state.debug.is_some()
        };
        if still {
            self.switch(None);
        }
        still
    }

    /// The configured level, and the debug switch if it is on.
    pub(super) fn now(&self) -> (LevelFilter, Option<Debug>) {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (state.configured, state.debug.clone())
    }

    fn change(&self, change: impl FnOnce(&mut State)) -> u64 {
        let number = {
            let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
            change(&mut state);
            state.change += 1;
            state.change
        };
        // What each place in the code was told is forgotten; they ask again.
        tracing::callsite::rebuild_interest_cache();
        number
    }

    /// The highest level that is wanted from anywhere.
    pub(super) fn highest(&self) -> LevelFilter {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        state.debug.as_ref().map_or(state.configured, |debug| debug.level.max(state.configured))
    }

    /// Whether events of this place are wanted. Asked once a place and change, not for each event.
    pub(super) fn wanted(&self, metadata: &Metadata<'_>) -> bool {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let foreign = is_foreign(metadata.target());
        let usual =
            if foreign { state.configured.min(LevelFilter::WARN) } else { state.configured };
        let debug = state.debug.as_ref().filter(|debug| match &debug.target {
            Some(word) => has_word(metadata.target(), word),
            None => !foreign,
        });
        *metadata.level() <= debug.map_or(usual, |debug| debug.level.max(usual))
    }
}

fn is_foreign(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or("");
    FOREIGN.iter().any(|name| root.starts_with(name))
}

/// Whether a part of the module's path is the word: `auth` is one of `smtpd::session::auth` and of
/// `auth_client::connection`.
fn has_word(target: &str, word: &str) -> bool {
    target == word
        || target.split("::").any(|part| part == word || part.split('_').any(|p| p == word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert!(has_word("smtpd::session::auth", "auth"));
        assert!(has_word("auth_client::connection", "auth"));
        assert!(has_word("auth_client::connection", "auth_client"));
        assert!(!has_word("authd::service", "auth"));
        assert!(has_word("rustls::client", "rustls"));
    }

    #[test]
    fn a_switch_ends_itself_alone() {
        let levels = Levels::new(LevelFilter::INFO);
        let debug = Debug { level: LevelFilter::TRACE, target: None, until: 0 };
        let first = levels.switch(Some(debug.clone()));
        assert_eq!(levels.highest(), LevelFilter::TRACE);
        let second = levels.switch(Some(debug));
        assert!(!levels.end(first));
        assert_eq!(levels.highest(), LevelFilter::TRACE);
        assert!(levels.end(second));
        assert_eq!(levels.highest(), LevelFilter::INFO);
    }
}
