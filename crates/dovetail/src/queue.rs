//! `dovetail queue`: what waits at qmgrd, asked at its admin socket.

use daemon::Method;
use serde_json::{Value, json};

use crate::cli::{Cli, QueueArguments, QueueCommand};
use crate::exit::Failure;
use crate::{admin, output, places};

pub(crate) fn run(arguments: &QueueArguments, cli: &Cli) -> Result<(), Failure> {
    let socket = places::socket(cli.folder(), "qmgrd", "admin");
    let ask = |method, path: &str, body: Option<&Value>| {
        admin::block_on(admin::ask(&socket, method, path, body))
    };
    match &arguments.command {
        QueueCommand::List => {
            let answer = all(|path| ask(Method::GET, path, None))?;
            if cli.json { output::print_json(&answer) } else { output::print(&list(&answer)) }
        }
        QueueCommand::Show { id } => {
            let answer = ask(Method::GET, &format!("/v1/queue/{}", admin::segment(id)), None)?;
            show(cli, &answer)
        }
        QueueCommand::Flush { id } => {
            let body = id.as_ref().map_or_else(|| json!({}), |id| json!({ "id": id }));
            let answer = ask(Method::POST, "/v1/queue/flush", Some(&body))?;
            show(cli, &answer)
        }
        QueueCommand::Delete { ids } => {
            let mut deleted = Vec::new();
            for id in ids {
                ask(Method::DELETE, &format!("/v1/queue/{}", admin::segment(id)), None)?;
                deleted.push(id);
            }
            if cli.json {
                return output::print_json(&json!({ "deleted": deleted }));
            }
            output::print(&deleted.iter().map(|id| format!("deleted {id}\n")).collect::<String>())
        }
    }
}

/// The whole list, which qmgrd gives in pieces: `next` is where the following one begins.
fn all(ask: impl Fn(&str) -> Result<Value, Failure>) -> Result<Value, Failure> {
    let mut messages = Vec::new();
    let mut path = "/v1/queue".to_owned();
    loop {
        let mut piece = ask(&path)?;
        if let Some(Value::Array(more)) = piece.get_mut("messages").map(Value::take) {
            messages.extend(more);
        }
        match piece.get("next").and_then(Value::as_str) {
            Some(next) => path = format!("/v1/queue?after={}", admin::segment(next)),
            None => return Ok(json!({ "messages": messages })),
        }
    }
}

fn show(cli: &Cli, answer: &Value) -> Result<(), Failure> {
    if cli.json { output::print_json(answer) } else { output::print(&output::outline(answer)) }
}

/// One line a recipient that still waits; a message without one has a line of its own. The keys are
/// those of `postqueue -j`.
fn list(answer: &Value) -> String {
    let messages = array(answer, "messages");
    if messages.is_empty() {
        return "the queue is empty\n".to_owned();
    }
    let mut rows = Vec::new();
    for message in messages {
        let head = [
            field(message, "queue_id"),
            field(message, "message_size"),
            time(message.get("arrival_time")),
            address(message.get("sender")),
        ];
        let recipients = array(message, "recipients");
        if recipients.is_empty() {
            rows.push(head.to_vec());
        }
        for (index, recipient) in recipients.iter().enumerate() {
            let mut row = if index == 0 { head.to_vec() } else { vec![String::new(); head.len()] };
            row.push(address(recipient.get("address")));
            row.push(field(recipient, "delay_reason"));
            rows.push(row);
        }
    }
    output::table(&["ID", "SIZE", "ARRIVED", "FROM", "TO", "REASON"], &rows)
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn field(value: &Value, key: &str) -> String {
    output::plain_text(value.get(key).unwrap_or(&Value::Null))
}

/// The null sender is shown as `<>`.
fn address(value: Option<&Value>) -> String {
    match value.map(output::plain_text).as_deref() {
        None | Some("-") => "-".to_owned(),
        Some("") => "<>".to_owned(),
        Some(address) => address.to_owned(),
    }
}

/// A time in RFC 3339, or seconds since 1970 as postqueue writes it.
fn time(value: Option<&Value>) -> String {
    match value {
        Some(Value::Number(seconds)) => {
            daemon::rfc3339(seconds.as_u64().unwrap_or(0).saturating_mul(1000))
        }
        other => output::plain_text(other.unwrap_or(&Value::Null)),
    }
}
