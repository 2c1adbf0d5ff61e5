//! Clients of many servers, each made when it is first needed: the instances of a daemon, say.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::client::Client;
use crate::settings::{Settings, Target};

/// Clients by target, all with the same settings.
#[derive(Debug)]
pub struct Clients {
    settings: Settings,
    most: usize,
    known: Mutex<HashMap<Target, Client>>,
}

impl Clients {
    /// Knows at most `most` targets; beyond that it forgets those that aren't in use, with the
    /// connections that they kept.
    #[must_use]
    pub fn new(settings: Settings, most: usize) -> Self {
        Self { settings, most: most.max(1), known: Mutex::new(HashMap::new()) }
    }

    /// The client of a target. Connects to nothing.
    pub fn client(&self, target: Target) -> Client {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = known.get(&target) {
            return client.clone();
        }
        if known.len() >= self.most {
            known.retain(|_, client| client.in_use() > 0);
        }
        let client = Client::new(target.clone(), self.settings.clone());
        // With every one in use this one lives as long as its message.
        if known.len() < self.most {
            known.insert(target, client.clone());
        }
        client
    }

    /// Targets that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_may_be() {
        let clients = Clients::new(Settings::default(), 2);
        for name in ["/a", "/b", "/a", "/b"] {
            assert_eq!(clients.client(Target::Unix(name.into())).target().to_string(), name);
        }
        assert_eq!(clients.len(), 2);
        clients.client(Target::Unix("/c".into()));
        assert_eq!(clients.len(), 1, "who isn't in use is forgotten");
    }
}
