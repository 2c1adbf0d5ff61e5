//! `dovetail metrics`: what all daemons' admin sockets say at `/metrics`, as one text for Prometheus:
//! printed once, or served on TCP, so that no daemon needs a network for it.

mod merge;
mod serve;

use std::path::Path;

use hyper::StatusCode;

use crate::cli::{Cli, MetricsArguments, MetricsCommand};
use crate::exit::Failure;
use crate::glance::{self, Seen};
use crate::{admin, output};

pub(crate) fn run(arguments: &MetricsArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        None => {
            let text = admin::block_on(async { Ok(gather(cli.folder()).await) })?;
            output::print(&text)
        }
        Some(MetricsCommand::Serve { listen }) => serve::run(cli.folder(), listen),
    }
}

/// All daemons' metrics; one that is away is told by `dovetail_up` alone.
async fn gather(folder: &Path) -> String {
    let seen = glance::all(folder, &["/metrics"]).await;
    let texts = seen.into_iter().filter_map(|(name, seen)| match seen {
        Seen::Answers(answers) => {
            let answer = answers.into_iter().next();
            let answer = answer.filter(|(status, _)| *status == StatusCode::OK);
            Some((name, answer.map(|(_, bytes)| String::from_utf8_lossy(&bytes).into_owned())))
        }
        Seen::Idle => None,
        Seen::Away(_) => Some((name, None)),
    });
    merge::merge(texts)
}
