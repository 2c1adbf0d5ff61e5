//! `dovetail sandbox`: what holds each running daemon, and a trial from inside.

use std::path::Path;

use daemon::{Method, Problem};
use serde_json::{Value, json};

use crate::cli::{Cli, SandboxArguments, SandboxCommand};
use crate::exit::Failure;
use crate::{admin, output, places};

/// Something worked that must not.
const EX_OPEN: u8 = 1;

pub(crate) fn run(arguments: &SandboxArguments, cli: &Cli) -> Result<(), Failure> {
    let (names, method, path) = match &arguments.command {
        SandboxCommand::Show { names } => (names, Method::GET, "/v1/sandbox"),
        SandboxCommand::Test { names } => (names, Method::POST, "/v1/sandbox/self-test"),
    };
    let folder = cli.folder();
    let (mut shown, mut worst) = (serde_json::Map::new(), 0);
    for name in places::chosen(folder, names)? {
        let socket = places::socket(folder, &name, "admin");
        let answer = match admin::block_on(admin::ask(&socket, method.clone(), path, None)) {
            Ok(answer) => {
                worst = worst.max(if has_opening(&answer) { EX_OPEN } else { 0 });
                answer
            }
            Err(failure) => {
                worst = worst.max(failure.code);
                json!({ "error": failure.message })
            }
        };
        shown.insert(name, answer);
    }
    if cli.json {
        output::print_json(&Value::Object(shown))?;
    } else {
        let all: String = shown.iter().map(|(name, answer)| as_text(name, answer)).collect();
        output::print(&all)?;
    }
    if worst == 0 { Ok(()) } else { Err(Failure::new(worst, "")) }
}

fn attempts(answer: &Value) -> Option<&Vec<Value>> {
    answer.get("attempts").and_then(Value::as_array)
}

fn denied(attempt: &Value) -> bool {
    attempt.get("denied").and_then(Value::as_bool) == Some(true)
}

fn has_opening(answer: &Value) -> bool {
    attempts(answer).is_some_and(|all| !all.iter().all(denied))
}

fn as_text(name: &str, answer: &Value) -> String {
    let Some(all) = attempts(answer) else {
        return format!("{name}:\n{}", output::outline(answer));
    };
    let text =
        |attempt: &Value, key: &str| attempt.get(key).map(output::plain_text).unwrap_or_default();
    let row = |attempt: &Value| {
        let came = if denied(attempt) { "refused" } else { "WORKED" };
        vec![name.to_owned(), came.to_owned(), text(attempt, "what"), text(attempt, "error")]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    output::table(&["DAEMON", "RESULT", "ATTEMPT", "BECAUSE"], &rows)
}

/// For `config check`: keys whose values a running daemon can't take up without a restart.
pub(crate) fn needs_restart(folder: &Path, name: &str) -> Vec<Problem> {
    let socket = places::socket(folder, name, "admin");
    let asked = admin::block_on(admin::ask(&socket, Method::GET, "/v1/sandbox/beyond", None));
    let keys = asked.ok().and_then(|answer| answer.get("needs_restart")?.as_array().cloned());
    let problem = |one: Value| {
        let text = |key: &str| one.get(key).map(output::plain_text).unwrap_or_default();
        let file = folder.join(format!("{}.toml", text("file")));
        let message = format!(
            "`{}`: the running {name} keeps its old value: its sandbox doesn't reach there; needs restart",
            text("key")
        );
        Problem::file(file, message)
    };
    keys.unwrap_or_default().into_iter().map(problem).collect()
}
