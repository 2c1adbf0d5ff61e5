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
            let answer = ask(Method::GET, "/v1/queue", None)?;
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

fn show(cli: &Cli, answer: &Value) -> Result<(), Failure> {
    if cli.json { output::print_json(answer) } else { output::print(&output::outline(answer)) }
}

/// One line a recipient that still waits; a message without one has a line of its own.
fn list(answer: &Value) -> String {
    let messages = answer.get("messages").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if messages.is_empty() {
        return "the queue is empty\n".to_owned();
    }
    let mut rows = Vec::new();
    for message in messages {
        let field =
            |value: &Value, key: &str| output::plain_text(value.get(key).unwrap_or(&Value::Null));
        let head = [
            field(message, "id"),
            field(message, "size"),
            field(message, "arrived"),
            field(message, "from"),
        ];
        let recipients = message.get("recipients").and_then(Value::as_array);
        let recipients = recipients.map_or(&[][..], Vec::as_slice);
        if recipients.is_empty() {
            rows.push(head.to_vec());
        }
        for (index, recipient) in recipients.iter().enumerate() {
            let mut row = if index == 0 { head.to_vec() } else { vec![String::new(); head.len()] };
            row.extend(["to", "status", "reason"].map(|key| field(recipient, key)));
            rows.push(row);
        }
    }
    output::table(&["ID", "SIZE", "ARRIVED", "FROM", "TO", "STATUS", "REASON"], &rows)
}
