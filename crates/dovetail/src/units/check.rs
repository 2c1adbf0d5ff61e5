//! What `config check` says of the userdb's users: who gets no mail as things are, and which instances
//! are missing. authd is asked if it answers; while it doesn't, nothing is said.

use std::path::Path;
use std::time::Duration;

use auth_client::{Timeouts, UserClient};
use daemon::Problem;

use super::links::listens;
use super::{owners, socket_unit};
use crate::admin;

/// How long authd is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Users outside `mail_roots` or with a uid that gets no mail, and instances that aren't there.
pub(crate) fn check(folder: &Path) -> Vec<Problem> {
    let Ok((config, settings)) = daemon::check::<lmtpd::Lmtpd>(folder) else { return Vec::new() };
    let Some(front) = settings.front else { return Vec::new() };
    let timeouts = Timeouts { connect: PATIENCE, reply: PATIENCE };
    let client = UserClient::new(&settings.auth_userdb, timeouts);
    let Ok(owners) = admin::block_on(owners::ask(&client, &settings, front)) else {
        return Vec::new();
    };
    let file = || config.problem("auth_userdb", String::new()).file;
    let mut problems: Vec<Problem> =
        owners.notes().into_iter().map(|note| Problem::file(file(), note)).collect();
    for uid in owners.instances.keys().filter(|uid| !listens(&settings, **uid)) {
        let why = format!(
            "users of uid {uid} get no mail: no lmtpd listens for it; `dovetail units sync` enables {}",
            socket_unit(*uid)
        );
        problems.push(config.problem("instances", why));
    }
    problems
}
