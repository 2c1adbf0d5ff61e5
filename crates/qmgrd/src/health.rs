//! What `/v1/health` says of the queue: how much waits and how long, and whether the next hops answer.
//!
//! Counting reads the spool's names, which begin with their time; no message is opened.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use daemon::{Admin, Check, Figure, now_millis};
use spool::SpoolError;

use crate::queue::{Queue, blocking};
use crate::settings::Settings;

/// So many next hops are asked.
const MAX_HOPS: usize = 32;

/// What waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Census {
    messages: u64,
    /// Milliseconds since the oldest came in.
    age: u64,
}

impl Census {
    fn count(queue: &Queue) -> Result<Self, SpoolError> {
        let (mut messages, mut oldest) = (0, None);
        queue.spool.scan(|id| {
            messages += 1;
            let millis = id.trace().millis();
            oldest = Some(oldest.map_or(millis, |other: u64| other.min(millis)));
            match queue.shutdown.is_cancelled() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })?;
        let age = oldest.map_or(0, |oldest| now_millis().saturating_sub(oldest));
        Ok(Self { messages, age })
    }

    fn check(self, settings: &Settings) -> Check {
        let seconds = self.age / 1000;
        let mut check = Check::good();
        if seconds > settings.warn_age.as_secs() {
            let age = daemon::print_span(seconds);
            check = check.and(Check::warn(format!("the oldest message is {age} old")));
        }
        if self.messages > settings.warn_messages {
            check = check.and(Check::warn(format!("{} messages wait", self.messages)));
        }
        check.detail("messages", self.messages).detail("oldest_seconds", seconds)
    }
}

/// Registers the checks, and what was last counted as figures: counting blocks, figures mustn't.
pub(crate) fn register(admin: &Admin, queue: &Arc<Queue>) {
    let last = Arc::<Mutex<Census>>::default();
    let figure = |figure: Figure, of: fn(&Census) -> u64| {
        let last = Arc::clone(&last);
        admin.figure(figure, move || of(&last.lock().unwrap_or_else(PoisonError::into_inner)));
    };
    let help = "Messages in the queue, as of the last look at health or metrics.";
    figure(Figure::gauge("queue_messages", help), |census| census.messages);
    let help = "How long the oldest message has been there, as of the same look.";
    figure(Figure::gauge("queue_oldest_seconds", help), |census| census.age / 1000);

    let counted = Arc::clone(queue);
    admin.check("queue", move || {
        let (queue, last) = (Arc::clone(&counted), Arc::clone(&last));
        async move {
            let settings = queue.settings();
            match blocking(move || Census::count(&queue)).await {
                Some(Ok(census)) => {
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = census;
                    census.check(&settings)
                }
                Some(Err(error)) => Check::bad(format!("the spool can't be read: {error}")),
                None => Check::bad("the count was cut short"),
            }
        }
    });
    let asking = Arc::clone(queue);
    admin.check("hops", move || hops(Arc::clone(&asking)));
}

/// The next hops side by side. What is away is a warning: mail for it waits here.
async fn hops(queue: Arc<Queue>) -> Check {
    let settings = queue.settings();
    let mut tasks = tokio::task::JoinSet::new();
    for socket in sockets(&settings).into_iter().take(MAX_HOPS) {
        let client = queue.client(&settings, &socket.to_string_lossy());
        tasks.spawn(async move {
            match client.reach().await {
                Ok(()) => Check::good(),
                Err(error) => Check::warn(error.to_string()),
            }
        });
    }
    let mut check = Check::good();
    while let Some(found) = tasks.join_next().await {
        check = check.and(found.unwrap_or_else(|error| Check::bad(error.to_string())));
    }
    check
}

fn sockets(settings: &Settings) -> BTreeSet<PathBuf> {
    let domains = &settings.domains;
    let fixed = [&domains.local_lmtp, &domains.remote_lmtp, &settings.outgoing];
    fixed.into_iter().chain(domains.routes.values()).cloned().collect()
}
