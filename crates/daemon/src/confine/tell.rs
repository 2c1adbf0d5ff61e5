//! What the operator can ask of a running daemon's sandbox: `GET /v1/sandbox` has its rules, and
//! `GET /v1/sandbox/beyond` which keys of the files, as they are now, need more than it has and so a
//! restart.

use serde_json::{Value, json};

use super::rules::Rules;
use crate::Daemon;
use crate::admin::{Admin, Method, Refusal};
use crate::config::{Config, print_problems};

/// Registers both routes.
pub(crate) fn tell<D: Daemon>(admin: &Admin, config: &Config, rules: Option<&Rules>) {
    let answer = rules.map_or(json!({ "landlock": false }), as_json);
    admin.route(Method::GET, "/v1/sandbox", move |_| {
        let answer = answer.clone();
        async move { Ok(answer) }
    });
    let started = config.clone();
    let rules = rules.cloned();
    admin.route(Method::GET, "/v1/sandbox/beyond", move |_| {
        let (started, rules) = (started.clone(), rules.clone());
        async move {
            let ask = move || {
                let (folder, instance) = (started.folder(), started.instance());
                let config = Config::load_instance(folder, D::NAME, instance, &D::files());
                config.map(|config| beyond::<D>(rules.as_ref(), &config, &started))
            };
            match tokio::task::spawn_blocking(ask).await {
                Ok(Ok(keys)) => Ok(json!({ "needs_restart": keys })),
                Ok(Err(problems)) => Err(Refusal::unavailable(print_problems(&problems))),
                Err(error) => Err(Refusal::unavailable(error.to_string())),
            }
        }
    });
}

fn beyond<D: Daemon>(rules: Option<&Rules>, config: &Config, started: &Config) -> Vec<Value> {
    let keys = rules.map(|rules| rules.beyond::<D>(config, started)).unwrap_or_default();
    keys.into_iter().map(|(file, key)| json!({ "file": file, "key": key })).collect()
}

fn as_json(rules: &Rules) -> Value {
    let shown = |paths: &std::collections::BTreeSet<std::path::PathBuf>| {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
    };
    json!({
        "landlock": true,
        "read": shown(&rules.read),
        "write": shown(&rules.write),
        "connect": rules.ports,
    })
}
