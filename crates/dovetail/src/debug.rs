//! `dovetail debug`: more of a daemon's log for a while, without touching its configuration.
//!
//! The daemon ends it by itself (`/v1/debug`), so that nobody forgets one at trace. Without a name it
//! shows all daemons' switches.

use std::path::Path;

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::cli::{Cli, DebugArguments, Switch};
use crate::exit::{EX_NOUSER, Failure};
use crate::glance::{self, Seen};
use crate::{admin, health, output, places};

const PATH: &str = "/v1/debug";

pub(crate) fn run(arguments: &DebugArguments, cli: &Cli) -> Result<(), Failure> {
    let Some(name) = &arguments.name else { return list(cli) };
    if !places::DAEMONS.contains(&places::base_of(name)) {
        let name = output::harmless(name);
        return Err(Failure::new(EX_NOUSER, format!("there is no daemon {name}")));
    }
    let socket = places::socket(cli.folder(), name, "admin");
    let state = admin::block_on(switch(&socket, arguments))?;
    if cli.json { output::print_json(&state) } else { output::print(&rows(&[(name, &state)])) }
}

async fn switch(socket: &Path, arguments: &DebugArguments) -> Result<Value, Failure> {
    let Some(switch) = arguments.switch else {
        return admin::ask(socket, Method::GET, PATH, None).await;
    };
    let body = json!({
        "on": switch == Switch::On,
        "for": arguments.time,
        "level": arguments.trace.then_some("trace"),
        "target": arguments.target,
    });
    admin::ask(socket, Method::POST, PATH, Some(&body)).await
}

/// All daemons'; one that is away is told at the end of the command.
fn list(cli: &Cli) -> Result<(), Failure> {
    let seen = admin::block_on(async { Ok(glance::all(cli.folder(), &[PATH]).await) })?;
    let (mut states, mut missing) = (Vec::new(), None);
    for (name, seen) in seen {
        match seen {
            Seen::Answers(answers) => states.push((name, health::read(answers.into_iter().next()))),
            Seen::Idle => {}
            Seen::Away(failure) => missing = missing.or(Some(failure)),
        }
    }
    if cli.json {
        let states: Map<String, Value> = states.into_iter().collect();
        output::print_json(&Value::Object(states))?;
    } else {
        let states: Vec<_> = states.iter().map(|(name, state)| (name.as_str(), state)).collect();
        output::print(&rows(&states))?;
    }
    missing.map_or(Ok(()), Err)
}

fn rows(states: &[(impl AsRef<str>, &Value)]) -> String {
    let cell = |state: &Value, key: &str| state.get(key).map_or("-".to_owned(), output::plain_text);
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|(name, state)| {
            let on = state.get("on").and_then(Value::as_bool).unwrap_or(false);
            let level = cell(state, if on { "level" } else { "configured" });
            let debug = if on { "on" } else { "off" }.to_owned();
            let name = name.as_ref().to_owned();
            vec![name, debug, level, cell(state, "target"), cell(state, "for")]
        })
        .collect();
    output::table(&["DAEMON", "DEBUG", "LEVEL", "TARGET", "STILL FOR"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_each() {
        let on = json!({ "on": true, "configured": "info", "level": "trace", "target": "auth",
            "until": "2026-11-25T00:21:36.502+00:00", "for": "9m" });
        let off = json!({ "on": false, "configured": "info", "level": null });
        let wanted = "\
DAEMON   DEBUG  LEVEL  TARGET  STILL FOR
imapd    on     trace  auth    9m
lmtpd@5  off    info   -       -
";
        assert_eq!(rows(&[("imapd", &on), ("lmtpd@5", &off)]), wanted);
    }
}
