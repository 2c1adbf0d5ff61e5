//! What `config check` says of the userdb's users: who gets no mail as things are, and which instances
//! are missing or too patient. authd is asked if it answers; while it doesn't, nothing is said of users.

use std::path::Path;
use std::time::Duration;

use auth_client::{Timeouts, UserClient};
use daemon::{Config, Problem};
use lmtpd::Settings;

use super::links::listens;
use super::owners::Owners;
use super::{owners, socket_unit};
use crate::admin;

/// How long authd is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Instances with a file of their own that would work longer than the front waits for them.
fn patience(folder: &Path, front: &Settings) -> Vec<Problem> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let wrong = |name: String| {
        let instance = name.strip_prefix("lmtpd@")?.strip_suffix(".toml")?;
        let (config, settings) =
            daemon::check_instance::<lmtpd::Lmtpd>(folder, Some(instance)).ok()?;
        let shown = daemon::print_duration(front.work_limit);
        let message = format!("must not be longer than that of lmtpd.toml, which is {shown}");
        (settings.work_limit > front.work_limit).then(|| config.problem("work_limit", message))
    };
    names.filter_map(wrong).collect()
}

/// Users outside `mail_roots` or with a uid that gets no mail, and instances that aren't there.
pub(crate) fn check(folder: &Path) -> Vec<Problem> {
    let Ok((config, settings)) = daemon::check::<lmtpd::Lmtpd>(folder) else { return Vec::new() };
    let mut problems = patience(folder, &settings);
    let Some(front) = settings.front else { return problems };
    let timeouts = Timeouts { connect: PATIENCE, reply: PATIENCE };
    let client = UserClient::new(&settings.auth_userdb, timeouts);
    let Ok(owners) = admin::block_on(owners::ask(&client, &settings, front)) else {
        return problems;
    };
    problems.extend(problems_of(&config, &settings, &owners));
    problems
}

fn problems_of(config: &Config, settings: &Settings, owners: &Owners) -> Vec<Problem> {
    let file = || config.problem("auth_userdb", String::new()).file;
    let mut problems: Vec<Problem> =
        owners.notes().into_iter().map(|note| Problem::file(file(), note)).collect();
    for uid in owners.instances.keys().filter(|uid| !listens(settings, **uid)) {
        let why = format!(
            "users of uid {uid} get no mail: no lmtpd listens for it; `dovetail units sync` enables {}",
            socket_unit(*uid)
        );
        problems.push(config.problem("instances", why));
    }
    problems
}
