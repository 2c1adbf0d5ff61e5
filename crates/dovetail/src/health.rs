//! `dovetail health`: every check of every daemon, with what is wrong.
//!
//! It serves monitoring as it is: the first line is the summary, and the exit code is that of
//! monitoring plugins: 0 good, 1 warn, 2 bad or away, 3 when it couldn't be found out.

use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::{Map, Value, json};

use crate::cli::Cli;
use crate::exit::{EX_NOPERM, EX_NOUSER, Failure};
use crate::glance::{self, Seen};
use crate::{admin, output};

/// Exit codes of monitoring plugins.
const WARN: u8 = 1;
const BAD: u8 = 2;
const UNKNOWN: u8 = 3;

pub(crate) fn run(cli: &Cli, only: Option<&str>) -> Result<(), Failure> {
    let seen = admin::block_on(async { Ok(glance::all(cli.folder(), &["/v1/health"]).await) })?;
    let seen: Vec<(String, Seen)> =
        seen.into_iter().filter(|(name, _)| only.is_none_or(|only| only == name)).collect();
    if seen.is_empty() {
        let name = output::harmless(only.unwrap_or_default());
        return Err(Failure::new(EX_NOUSER, format!("there is no daemon {name}")));
    }
    let all: Vec<(String, Value)> = seen.into_iter().filter_map(found).collect();
    let code = all.iter().map(|(_, health)| code(health)).max().unwrap_or(0);
    if cli.json {
        let daemons: Map<String, Value> = all.into_iter().collect();
        output::print_json(&json!({ "status": word(code), "daemons": daemons }))?;
    } else {
        output::print(&as_text(&all, code))?;
    }
    if code == 0 { Ok(()) } else { Err(Failure::new(code, "")) }
}

/// A daemon's answer; one that is away is told in the same form. An idle instance isn't told of.
fn found((name, seen): (String, Seen)) -> Option<(String, Value)> {
    let health = match seen {
        Seen::Answers(answers) => read(answers.into_iter().next()),
        Seen::Idle => return None,
        Seen::Away(failure) => {
            let status = if failure.code == EX_NOPERM { "unknown" } else { "bad" };
            json!({ "status": status, "checks": { "running": {
                "status": status, "message": output::harmless(&failure.message) } } })
        }
    };
    Some((name, health))
}

/// The JSON of an answer; what isn't JSON is null.
pub(crate) fn read(answer: Option<(StatusCode, Bytes)>) -> Value {
    answer.and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok()).unwrap_or(Value::Null)
}

/// `good`, `warn`, `bad`; `unknown` for what can't be understood.
pub(crate) fn health_of(health: &Value) -> &str {
    match health.get("status").and_then(Value::as_str) {
        Some(state @ ("good" | "warn" | "bad")) => state,
        _ => "unknown",
    }
}

/// Check, state and message of all that isn't good.
pub(crate) fn complaints(health: &Value) -> Vec<(String, &str, String)> {
    let checks = health.get("checks").and_then(Value::as_object).into_iter().flatten();
    let told = checks.filter(|(_, check)| health_of(check) != "good");
    told.map(|(name, check)| (output::harmless(name), health_of(check), message(check))).collect()
}

fn message(check: &Value) -> String {
    check.get("message").map(output::plain_text).unwrap_or_default()
}

fn code(health: &Value) -> u8 {
    match health_of(health) {
        "good" => 0,
        "warn" => WARN,
        "bad" => BAD,
        _ => UNKNOWN,
    }
}

fn word(code: u8) -> &'static str {
    match code {
        0 => "good",
        WARN => "warn",
        BAD => "bad",
        _ => "unknown",
    }
}

fn as_text(all: &[(String, Value)], code: u8) -> String {
    let complaints = all.iter().flat_map(|(name, health)| {
        complaints(health).into_iter().map(move |(check, _, why)| format!("{name} {check}: {why}"))
    });
    let complaints: Vec<String> = complaints.collect();
    let summary = if complaints.is_empty() {
        format!("{} daemons", all.len())
    } else {
        complaints.join("; ")
    };
    let mut rows = Vec::new();
    for (name, health) in all {
        for (check, found) in health.get("checks").and_then(Value::as_object).into_iter().flatten()
        {
            let state = health_of(found).to_owned();
            rows.push(vec![name.clone(), check.clone(), state, message(found)]);
        }
    }
    let table = output::table(&["DAEMON", "CHECK", "STATE", "WHY"], &rows);
    format!("{}: {summary}\n{table}", word(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_the_summary() {
        let good = json!({"status": "good", "checks": {"disk": {"status": "good", "free": 7}}});
        let warn = json!({"status": "warn", "checks": {
            "dns": {"status": "warn", "message": "no \u{1b}answer"}, "log": {"status": "good"}}});
        let away = Seen::Away(Failure::new(75, "/x: gone"));
        let (_, away) = found(("imapd".to_owned(), away)).unwrap();
        let all = [
            ("authd".to_owned(), good.clone()),
            ("relayd".to_owned(), warn),
            ("imapd".to_owned(), away),
        ];
        let wanted = "\
bad: relayd dns: no \u{fffd}answer; imapd running: /x: gone
DAEMON  CHECK    STATE  WHY
authd   disk     good
relayd  dns      warn   no \u{fffd}answer
relayd  log      good
imapd   running  bad    /x: gone
";
        assert_eq!(as_text(&all, BAD), wanted);
        assert!(as_text(&all[..1], 0).starts_with("good: 1 daemons\n"));
        assert_eq!(all.each_ref().map(|(_, health)| code(health)), [0, WARN, BAD]);
        assert_eq!(code(&Value::Null), UNKNOWN);
        let denied = Seen::Away(Failure::new(EX_NOPERM, "no"));
        let (_, denied) = found(("imapd".to_owned(), denied)).unwrap();
        assert_eq!(code(&denied), UNKNOWN);
        assert!(found(("lmtpd@5".to_owned(), Seen::Idle)).is_none());
        assert!(complaints(&good).is_empty());
    }
}
