//! `dovetail status`: all daemons and instances at a glance: who runs, since when, how they are, what
//! waits, which certificate ends first.
//!
//! Exits with 75 if one is away, else 69 if one is in bad health, else 0.

use daemon::print_span;
use serde_json::{Map, Value, json};

use crate::cli::Cli;
use crate::exit::{EX_NOPERM, EX_TEMPFAIL, EX_UNAVAILABLE, Failure};
use crate::glance::{self, Seen};
use crate::health::{complaints, health_of, read};
use crate::{admin, output};

/// One daemon as it is shown.
struct Row {
    name: String,
    seen: Found,
}

enum Found {
    Running { status: Value, health: Value },
    Idle,
    Away(Failure),
}

pub(crate) fn run(cli: &Cli) -> Result<(), Failure> {
    let seen = admin::block_on(async {
        Ok(glance::all(cli.folder(), &["/v1/status", "/v1/health"]).await)
    })?;
    let rows: Vec<Row> = seen.into_iter().map(|(name, seen)| row(name, seen)).collect();
    if cli.json {
        output::print_json(&as_json(&rows))?;
    } else {
        output::print(&as_text(&rows))?;
    }
    verdict(&rows)
}

fn row(name: String, seen: Seen) -> Row {
    let found = match seen {
        Seen::Answers(answers) => {
            let mut answers = answers.into_iter();
            Found::Running { status: read(answers.next()), health: read(answers.next()) }
        }
        Seen::Idle => Found::Idle,
        Seen::Away(failure) => Found::Away(failure),
    };
    Row { name, seen: found }
}

fn verdict(rows: &[Row]) -> Result<(), Failure> {
    let away = |code: u8| {
        let of = move |row: &Row| matches!(&row.seen, Found::Away(failure) if failure.code == code);
        rows.iter().any(of)
    };
    if away(EX_NOPERM) {
        let message = "not permitted: the admin sockets are for root and the group dovetail-admin";
        return Err(Failure::new(EX_NOPERM, message));
    }
    if rows.iter().any(|row| matches!(row.seen, Found::Away(_))) {
        return Err(Failure::new(EX_TEMPFAIL, ""));
    }
    let bad = |row: &Row| match &row.seen {
        Found::Running { health, .. } => matches!(health_of(health), "bad" | "unknown"),
        Found::Idle | Found::Away(_) => false,
    };
    if rows.iter().any(bad) { Err(Failure::new(EX_UNAVAILABLE, "")) } else { Ok(()) }
}

fn as_json(rows: &[Row]) -> Value {
    let daemons: Vec<Value> = rows.iter().map(one_as_json).collect();
    let mut all = Map::new();
    all.insert("daemons".to_owned(), daemons.into());
    if let Some(queue) = queue(rows) {
        all.insert("queue".to_owned(), queue.clone());
    }
    if let Some((days, _)) = first_certificate(rows) {
        all.insert("certificate_days".to_owned(), days.into());
    }
    Value::Object(all)
}

fn one_as_json(row: &Row) -> Value {
    match &row.seen {
        Found::Running { status, health } => {
            let mut status = status.clone();
            if let Value::Object(map) = &mut status {
                map.insert("running".to_owned(), true.into());
                map.insert("health".to_owned(), health.clone());
            }
            status
        }
        Found::Idle => json!({ "name": row.name, "running": false, "idle": true }),
        Found::Away(failure) => {
            json!({ "name": row.name, "running": false, "error": failure.message })
        }
    }
}

fn as_text(rows: &[Row]) -> String {
    let head = ["DAEMON", "STATE", "VERSION", "PID", "UPTIME", "CONNECTIONS", "HEALTH"];
    let cells: Vec<Vec<String>> = rows.iter().map(one_as_row).collect();
    let mut text = output::table(&head, &cells);
    let mut below = String::new();
    for row in rows {
        match &row.seen {
            Found::Running { health, .. } => {
                if health_of(health) == "unknown" {
                    below.push_str(&format!("{}: unknown: no answer about its health\n", row.name));
                }
                for (check, state, message) in complaints(health) {
                    below.push_str(&format!("{}: {state}: {check}: {message}\n", row.name));
                }
            }
            Found::Idle => {}
            Found::Away(failure) => {
                below.push_str(&format!(
                    "{}: away: {}\n",
                    row.name,
                    output::harmless(&failure.message)
                ));
            }
        }
    }
    if let Some(queue) = queue(rows) {
        let count = queue.get("messages").and_then(Value::as_u64).unwrap_or(0);
        let age = queue.get("oldest_seconds").and_then(Value::as_u64).unwrap_or(0);
        below.push_str(&match count {
            0 => "queue: empty\n".to_owned(),
            1 => format!("queue: 1 message, {} old\n", print_span(age)),
            _ => format!("queue: {count} messages, the oldest {} old\n", print_span(age)),
        });
    }
    if let Some((days, name)) = first_certificate(rows) {
        below.push_str(&format!("certificates: the first ends in {days} days ({name})\n"));
    }
    if !below.is_empty() {
        text.push('\n');
        text.push_str(&below);
    }
    text
}

fn one_as_row(row: &Row) -> Vec<String> {
    let name = row.name.clone();
    match &row.seen {
        Found::Running { status, health } => {
            let field = |key: &str| output::plain_text(status.get(key).unwrap_or(&Value::Null));
            let stopping = status.get("stopping").and_then(Value::as_bool) == Some(true);
            let state = if stopping { "stopping" } else { "running" };
            let uptime = status.get("uptime").and_then(Value::as_u64).unwrap_or(0);
            let connections = field("connections");
            let health = health_of(health).to_owned();
            let version = field("version");
            vec![
                name,
                state.to_owned(),
                version,
                field("pid"),
                print_span(uptime),
                connections,
                health,
            ]
        }
        Found::Idle => blank(name, "idle"),
        Found::Away(_) => blank(name, "away"),
    }
}

fn blank(name: String, state: &str) -> Vec<String> {
    let mut cells = vec![name, state.to_owned()];
    cells.extend(std::iter::repeat_n("-".to_owned(), 5));
    cells
}

/// What qmgrd's check of the queue found.
fn queue(rows: &[Row]) -> Option<&Value> {
    rows.iter().find_map(|row| match &row.seen {
        Found::Running { health, .. } => health.pointer("/checks/queue"),
        Found::Idle | Found::Away(_) => None,
    })
}

/// The days of the certificate that ends first, of all that are served, and its first name.
fn first_certificate(rows: &[Row]) -> Option<(i64, String)> {
    let healths = rows.iter().filter_map(|row| match &row.seen {
        Found::Running { health, .. } => health.pointer("/checks/certificates/certificates"),
        Found::Idle | Found::Away(_) => None,
    });
    let served = healths.filter_map(Value::as_array).flatten().filter_map(|one| {
        let name = one.pointer("/names/0").or_else(|| one.get("file"));
        Some((one.get("days_left")?.as_i64()?, output::plain_text(name?)))
    });
    served.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(name: &str, health: &Value) -> Row {
        let status = json!({"name": name, "version": "0.1.0", "pid": 4_194_304, "uptime": 273_700,
            "connections": 12345, "stopping": false});
        Row { name: name.to_owned(), seen: Found::Running { status, health: health.clone() } }
    }

    #[test]
    fn a_glance_fits_eighty_columns_and_says_why() {
        let expiring = json!({"status": "warn", "checks": {
            "certificates": {"status": "warn", "message": "mx.test expires in 5 days",
                "certificates": [{"names": ["mx.test"], "days_left": 5}]},
            "disk": {"status": "good"}}});
        let queue = json!({"status": "good", "checks": {
            "queue": {"status": "good", "messages": 12, "oldest_seconds": 11_000}}});
        let rows = [
            running("smtpd@submission", &expiring),
            running("qmgrd", &queue),
            Row { name: "lmtpd@1000".to_owned(), seen: Found::Idle },
            Row { name: "imapd".to_owned(), seen: Found::Away(Failure::new(75, "/x: gone")) },
        ];
        let wanted = "\
DAEMON            STATE    VERSION  PID      UPTIME  CONNECTIONS  HEALTH
smtpd@submission  running  0.1.0    4194304  3d4h    12345        warn
qmgrd             running  0.1.0    4194304  3d4h    12345        good
lmtpd@1000        idle     -        -        -       -            -
imapd             away     -        -        -       -            -

smtpd@submission: warn: certificates: mx.test expires in 5 days
imapd: away: /x: gone
queue: 12 messages, the oldest 3h3m old
certificates: the first ends in 5 days (mx.test)
";
        let text = as_text(&rows);
        assert_eq!(text, wanted);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert_eq!(verdict(&rows).unwrap_err().code, EX_TEMPFAIL);
        assert!(verdict(&rows[..3]).is_ok());
        let shown = as_json(&rows);
        assert_eq!(shown.pointer("/daemons/2/idle"), Some(&true.into()));
        assert_eq!(shown.pointer("/certificate_days"), Some(&5.into()));

        let bad = running("authd", &json!({"status": "bad", "checks": {}}));
        assert_eq!(verdict(&[bad]).unwrap_err().code, EX_UNAVAILABLE);
        let denied = Found::Away(Failure::new(EX_NOPERM, "no"));
        let denied = Row { name: "authd".to_owned(), seen: denied };
        assert_eq!(verdict(&[denied]).unwrap_err().code, EX_NOPERM);
    }
}
