//! What `config check` asks of all daemons' configurations together, once each is right by itself.
//!
//! A check is a function; whoever has another one adds it to the list. None of them starts or changes
//! anything. What they find doesn't keep a daemon from starting.

use daemon::Problem;

use super::folder::Folder;
use super::trial;
use crate::{sandbox, units};

/// One question.
pub(super) type Check = fn(&Folder<'_>) -> Vec<Problem>;

/// All of them.
pub(super) const CHECKS: &[Check] = &[impatience, trial::paths, instances, restarts];

/// Who must wait longer than whom works, so that nobody gives up on work that is being done:
/// the waiting daemon with its key, the working one with its own.
const PATIENCE: [(&str, &str, &str, &str); 2] =
    [("smtpd", "straight_in_wait", "lmtpd", "work_limit"), ("qmgrd", "wait", "relayd", "max_time")];

/// Where a daemon would give up on another one that still works for it.
pub(super) fn impatience(folder: &Folder<'_>) -> Vec<Problem> {
    let of = |daemon: &'static str| {
        let is = move |name: &str| name.split('@').next() == Some(daemon);
        folder.configs.iter().filter(move |(name, _)| is(name)).map(|(_, config)| config)
    };
    let mut problems = Vec::new();
    for (waiter, wait, worker, work) in PATIENCE {
        let Some(worker_config) = folder.config(worker) else { continue };
        let limit = worker_config.duration(work);
        let shown = daemon::print_duration(limit);
        for config in of(waiter).filter(|config| config.duration(wait) <= limit) {
            let message =
                format!("must be longer than `{work}` of {worker}.toml, which is {shown}");
            problems.push(config.problem(wait, message));
        }
    }
    problems
}

/// Homes outside mail_roots, uids that are refused, instances that aren't there.
fn instances(folder: &Folder<'_>) -> Vec<Problem> {
    units::check(folder.path)
}

/// Values that a reload couldn't bring to a daemon that runs.
fn restarts(folder: &Folder<'_>) -> Vec<Problem> {
    folder.configs.iter().flat_map(|(name, _)| sandbox::needs_restart(folder.path, name)).collect()
}
