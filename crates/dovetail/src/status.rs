//! `dovetail status`: which daemons run, since when, and what they hold.

use daemon::Method;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::exit::{EX_TEMPFAIL, Failure};
use crate::{admin, output, places};

pub(crate) fn run(cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let mut all: Vec<(String, Result<Value, Failure>)> = Vec::new();
    for name in places::configured(folder) {
        let socket = places::socket(folder, &name, "admin");
        let asked = admin::block_on(admin::ask(&socket, Method::GET, "/v1/status", None));
        all.push((name, asked));
    }
    if cli.json {
        let daemons: Vec<Value> = all.iter().map(|(name, asked)| as_json(name, asked)).collect();
        output::print_json(&json!({ "daemons": daemons }))?;
    } else {
        let rows: Vec<Vec<String>> = all.iter().map(|(name, asked)| as_row(name, asked)).collect();
        let head = ["DAEMON", "STATE", "PID", "SINCE", "CONNECTIONS"];
        output::print(&output::table(&head, &rows))?;
    }
    match all.iter().find(|(_, asked)| asked.is_err()) {
        Some(_) => Err(Failure::new(EX_TEMPFAIL, "")),
        None => Ok(()),
    }
}

fn as_json(name: &str, asked: &Result<Value, Failure>) -> Value {
    match asked {
        Ok(status) => {
            let mut status = status.clone();
            if let Value::Object(map) = &mut status {
                map.insert("running".to_owned(), true.into());
            }
            status
        }
        Err(failure) => json!({ "name": name, "running": false, "error": failure.message }),
    }
}

fn as_row(name: &str, asked: &Result<Value, Failure>) -> Vec<String> {
    match asked {
        Ok(status) => {
            let field = |key: &str| output::plain_text(status.get(key).unwrap_or(&Value::Null));
            let stopping = status.get("stopping").and_then(Value::as_bool) == Some(true);
            let state = if stopping { "stopping" } else { "running" };
            vec![
                name.to_owned(),
                state.to_owned(),
                field("pid"),
                field("started"),
                field("connections"),
            ]
        }
        Err(failure) => vec![name.to_owned(), format!("away ({})", failure.message)],
    }
}
