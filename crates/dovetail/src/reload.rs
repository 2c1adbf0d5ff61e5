//! `dovetail reload`: has running daemons take up their files, and says what came of it.

use daemon::Method;
use serde_json::{Value, json};

use crate::cli::{Cli, ReloadArguments};
use crate::exit::{EX_CONFIG, EX_USAGE, Failure};
use crate::{admin, output, places};

/// Exits with 78 if a daemon's files are wrong, whose old configuration then stays.
pub(crate) fn run(arguments: &ReloadArguments, cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let (mut shown, mut worst) = (Vec::new(), 0);
    for name in places::chosen(folder, &arguments.names)? {
        let socket = places::socket(folder, &name, "admin");
        let asked = admin::block_on(admin::ask(&socket, Method::POST, "/v1/reload", None));
        if let Err(failure) = &asked {
            worst = worst.max(code(failure));
        }
        shown.push((name, asked));
    }
    if cli.json {
        let all: Vec<Value> = shown.iter().map(|(name, asked)| as_json(name, asked)).collect();
        output::print_json(&json!({ "daemons": all }))?;
    } else {
        output::print(&shown.iter().map(|(name, asked)| as_text(name, asked)).collect::<String>())?;
    }
    if worst == 0 { Ok(()) } else { Err(Failure::new(worst, "")) }
}

/// A refusal is the files' fault; a daemon that is away has its own code.
fn code(failure: &Failure) -> u8 {
    if failure.code == EX_USAGE { EX_CONFIG } else { failure.code }
}

fn as_json(name: &str, asked: &Result<Value, Failure>) -> Value {
    match asked {
        Ok(answer) => {
            let mut answer = answer.clone();
            if let Value::Object(map) = &mut answer {
                map.insert("name".to_owned(), name.into());
            }
            answer
        }
        Err(failure) => json!({ "name": name, "reloaded": false, "error": failure.message }),
    }
}

fn as_text(name: &str, asked: &Result<Value, Failure>) -> String {
    let answer = match asked {
        Ok(answer) => answer,
        Err(failure) => return format!("{name}: {}\n", failure.message),
    };
    let keys: Vec<String> = answer
        .get("needs_restart")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(output::plain_text)
        .collect();
    match keys.is_empty() {
        true => format!("{name}: reloaded\n"),
        false => format!("{name}: reloaded; needs restart: {}\n", keys.join(", ")),
    }
}
