//! `mailq` and `sendmail -q`: qmgrd's admin socket, asked as Postfix's postqueue(1) asks its daemons.

mod http;
mod listing;

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::tz::TimeZone;
use nix::unistd::{Gid, Group};
use serde_json::{Value, json};

use crate::exit::{EX_IOERR, EX_NOPERM, EX_NOUSER, EX_UNAVAILABLE, Failure};
use crate::say::print;
use crate::sendmail::options::Flush;
use crate::user;
use http::Answer;
use listing::Listing;

/// Messages asked for at a time.
const AT_ONCE: usize = 500;
/// The group of operators, where the socket doesn't show another.
const OPERATORS: &str = "dovetail-admin";

/// `mailq`: prints what waits.
///
/// # Errors
/// qmgrd is away, or the caller may not ask it.
pub fn list(socket: &Path) -> Result<(), Failure> {
    let away = "Queue report unavailable - mail system is down";
    let mut listing = Listing::new(TimeZone::system());
    let mut path = format!("/v1/queue?limit={AT_ONCE}");
    loop {
        let answer = ask(socket, "GET", &path, None, away)?;
        let messages = answer.get("messages").and_then(Value::as_array);
        for message in messages.map_or(&[][..], Vec::as_slice) {
            print(&listing.message(message), EX_IOERR)?;
        }
        match answer.get("next").and_then(Value::as_str) {
            Some(next) => path = format!("/v1/queue?limit={AT_ONCE}&after={next}"),
            None => return print(&listing.end(), EX_IOERR),
        }
    }
}

/// `sendmail -q`: has it tried now.
///
/// # Errors
/// As [`list`]; no such entry.
pub fn flush(socket: &Path, which: &Flush) -> Result<(), Failure> {
    let body = match which {
        Flush::All => json!({}),
        Flush::Entry(id) => json!({ "id": id }),
        Flush::Domain(domain) => json!({ "domain": domain }),
    };
    let away = "Cannot flush mail queue - mail system is down";
    ask(socket, "POST", "/v1/queue/flush", Some(&body), away).map(drop)
}

fn ask(
    socket: &Path,
    method: &str,
    path: &str,
    body: Option<&Value>,
    away: &str,
) -> Result<Value, Failure> {
    user::become_real()?;
    let answer = http::ask(socket, method, path, body).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => not_permitted(socket),
        _ => {
            let why = format!("{away} (qmgrd at {}: {error})", socket.display());
            Failure::new(EX_UNAVAILABLE, why)
        }
    })?;
    let Answer { status, body } = answer;
    let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status == 200 {
        return Ok(value);
    }
    let said = value.get("error").and_then(Value::as_str).unwrap_or("no reason given");
    let code = if status == 404 { EX_NOUSER } else { EX_UNAVAILABLE };
    Err(Failure::new(code, format!("qmgrd: {said}")))
}

/// Says what the caller lacks.
fn not_permitted(socket: &Path) -> Failure {
    let of_socket = || {
        let gid = std::fs::metadata(socket).ok()?.gid();
        Some(Group::from_gid(Gid::from_raw(gid)).ok()??.name)
    };
    let group = of_socket().unwrap_or_else(|| OPERATORS.to_owned());
    let caller = user::caller(true).map(|caller| caller.shown()).unwrap_or_default();
    let remedy = format!("only root and the group {group} are");
    let text = format!("User {caller} is not allowed to view or flush the mail queue: {remedy}");
    Failure::new(EX_NOPERM, text)
}
