//! The queue: keeps what can't be delivered at once, tries it again, and reports what failed.
//!
//! LMTP in, LMTP out; its only files are the spool's. It chooses a socket by a recipient's domain and
//! knows no hosts. Intake never waits for delivery: a message is answered once it is on stable
//! storage. RFC 5321 §4.5.4 (retries) and §6.1, RFC 3461 and 3464 (reports), RFC 2033 (LMTP).

mod admin;
mod deliver;
mod figures;
mod hand_over;
mod health;
mod intake;
mod keys;
mod manual;
mod queue;
mod record;
mod report;
mod route;
pub mod schedule;
mod settings;
#[cfg(test)]
mod tests;
mod verdict;

use std::sync::Arc;

use daemon::{Config, Context, Daemon, Domains, Error, FileSpec, Manual, Problem, Table};
use spool::{Disk, Spool};

pub use settings::{BounceFailures, Settings};

use crate::queue::Queue;

/// Connections beyond `max_sessions`, so that who is too many hears 451 instead of nothing.
const SPARE_CONNECTIONS: usize = 64;

/// The daemon.
#[derive(Debug)]
pub struct Qmgrd;

impl Daemon for Qmgrd {
    const NAME: &'static str = "qmgrd";
    type Settings = Settings;

    fn files() -> Vec<FileSpec> {
        vec![FileSpec::daemon(Self::NAME, keys::DOC, keys::KEYS), Domains::spec()]
    }

    fn manual() -> Manual {
        manual::MANUAL
    }

    fn settings(config: &Config) -> Result<Settings, Vec<Problem>> {
        Settings::read(config)
    }

    fn folders(settings: &Settings) -> Vec<std::path::PathBuf> {
        vec![settings.spool.clone()]
    }

    /// Whoever reaches the queue sends mail for everybody.
    fn usual_peers(_: &Table) -> &'static [&'static str] {
        &["dvsmtpd"]
    }

    async fn run(settings: Arc<Settings>, mut context: Context<Settings>) -> Result<(), Error> {
        let spool = open_spool(&settings).await?;
        let queue = Arc::new(Queue::new(spool, &context));
        admin::register(&context.admin, &queue);
        health::register(&context.admin, &queue);
        for listener in context.take_listeners() {
            let connections = settings.max_sessions.saturating_add(SPARE_CONNECTIONS);
            let (queue, sessions) = (Arc::clone(&queue), context.sessions.clone());
            context.serve(listener, connections, move |stream, peer| {
                intake::serve(Arc::clone(&queue), sessions.clone(), stream, peer)
            });
        }
        queue.run().await;
        Ok(())
    }
}

/// Takes the spool up, after what the last run or a crash left there.
async fn open_spool(settings: &Settings) -> Result<Spool<Disk>, Error> {
    let root = settings.spool.clone();
    let place = root.display().to_string();
    let opened = queue::blocking(move || {
        let disk = Disk::open(&root).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => "another qmgrd has it".to_owned(),
            _ => error.to_string(),
        })?;
        Spool::open(disk).map_err(|error| error.to_string())
    });
    let opened = opened.await.unwrap_or_else(|| Err("the work was cut short".to_owned()));
    let (spool, recovery) = opened.map_err(|why| Error::other(format!("spool {place}: {why}")))?;
    if recovery != spool::Recovery::default() {
        tracing::info!(
            drafts = recovery.drafts,
            settled = recovery.leaving,
            "removed what was left of unfinished work in the spool"
        );
    }
    Ok(spool)
}
