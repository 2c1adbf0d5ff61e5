//! `dovetail who`: the sessions of every daemon, as process titles would show them.

use std::path::Path;

use daemon::Method;
use serde_json::{Value, json};

use crate::cli::{Cli, WhoArguments};
use crate::exit::{EX_TEMPFAIL, Failure};
use crate::{admin, output, places};

/// A daemon that is away is told on stderr, and the others are shown.
pub(crate) fn run(arguments: &WhoArguments, cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let (mut all, mut away) = (Vec::new(), Vec::new());
    for name in places::chosen(folder, &arguments.names)? {
        match sessions(folder, &name) {
            Ok(found) => all.extend(found.into_iter().map(|session| (name.clone(), session))),
            Err(failure) => away.push(format!("{name}: {}", failure.message)),
        }
    }
    if cli.json {
        let shown: Vec<Value> = all.iter().map(|(name, session)| named(name, session)).collect();
        output::print_json(&json!({ "sessions": shown }))?;
    } else {
        let rows: Vec<Vec<String>> = all.iter().map(|(name, session)| row(name, session)).collect();
        let head = ["ID", "PROTOCOL", "USER", "ADDRESS", "SINCE", "STATE"];
        output::print(&output::table(&head, &rows))?;
    }
    match away.is_empty() {
        true => Ok(()),
        false => Err(Failure::new(EX_TEMPFAIL, away.join("\ndovetail: "))),
    }
}

/// A daemon's sessions, piece by piece.
fn sessions(folder: &Path, name: &str) -> Result<Vec<Value>, Failure> {
    let socket = places::socket(folder, name, "admin");
    let mut found = Vec::new();
    let mut path = "/v1/sessions".to_owned();
    loop {
        let mut piece = admin::block_on(admin::ask(&socket, Method::GET, &path, None))?;
        if let Some(Value::Array(sessions)) = piece.get_mut("sessions").map(Value::take) {
            found.extend(sessions);
        }
        match piece.get("next").and_then(Value::as_u64) {
            Some(next) => path = format!("/v1/sessions?after={next}"),
            None => return Ok(found),
        }
    }
}

/// A session with its daemon's name.
pub(crate) fn named(name: &str, session: &Value) -> Value {
    let mut session = session.clone();
    if let Value::Object(map) = &mut session {
        map.insert("daemon".to_owned(), name.into());
    }
    session
}

/// `smtpd:17` is what `dovetail kick` takes.
pub(crate) fn row(name: &str, session: &Value) -> Vec<String> {
    let field = |key: &str| output::plain_text(session.get(key).unwrap_or(&Value::Null));
    let id = format!("{name}:{}", field("id"));
    let rest = ["protocol", "user", "address", "since", "state"].map(field);
    std::iter::once(id).chain(rest).collect()
}
