//! `dovetail tls show`: the certificates that running daemons show, and those that the others'
//! configuration names.

use std::path::Path;

use daemon::{Method, print_problems};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::exit::{EX_CONFIG, EX_NOUSER, EX_OSERR, Failure};
use crate::{admin, files, output, places};

/// What one daemon shows.
struct Shown {
    daemon: String,
    running: bool,
    certificates: Vec<Value>,
}

pub(crate) fn run(names: &[String], cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let mut all = Vec::new();
    for daemon in places::configured(folder).into_iter().filter(|name| files::has_tls(name)) {
        all.push(ask(folder, &daemon)?);
    }
    for shown in &mut all {
        shown.certificates.retain(|one| wanted(&shown.daemon, one, names));
    }
    if !names.is_empty() && all.iter().all(|shown| shown.certificates.is_empty()) {
        return Err(Failure::new(EX_NOUSER, format!("no certificate for {}", names.join(", "))));
    }
    if cli.json {
        let daemons: Vec<Value> = all.iter().map(as_json).collect();
        output::print_json(&json!({ "daemons": daemons }))?;
    } else {
        let text: String = all.iter().map(as_text).collect();
        output::print(if text.is_empty() { "no certificate is configured\n" } else { &text })?;
    }
    let broken =
        all.iter().flat_map(|shown| &shown.certificates).any(|one| one.get("error").is_some());
    if broken { Err(Failure::new(EX_OSERR, "")) } else { Ok(()) }
}

/// What a daemon says, or without it what its files hold.
fn ask(folder: &Path, daemon: &str) -> Result<Shown, Failure> {
    let socket = places::socket(folder, daemon, "admin");
    let asked = admin::block_on(admin::ask(&socket, Method::GET, "/v1/tls", None));
    if let Ok(Value::Object(mut said)) = asked
        && let Some(Value::Array(certificates)) = said.remove("certificates")
    {
        return Ok(Shown { daemon: daemon.to_owned(), running: true, certificates });
    }
    let config = match files::load(daemon, folder) {
        Ok(config) => config,
        Err(problems) => return Err(Failure::new(EX_CONFIG, print_problems(&problems))),
    };
    let of = |(_, files): (Option<String>, daemon::tls::PairFiles)| match files.read() {
        Ok(pair) => daemon::tls::describe(&files, &pair.chain),
        Err(error) => {
            json!({ "file": files.certificate.display().to_string(), "error": error.to_string() })
        }
    };
    let certificates = daemon::tls::pairs(config.table("tls")).into_iter().map(of).collect();
    Ok(Shown { daemon: daemon.to_owned(), running: false, certificates })
}

/// Whether it is one that was asked for, by the daemon's name or by a host's.
fn wanted(daemon: &str, certificate: &Value, names: &[String]) -> bool {
    let leaf = certificate.pointer("/chain/0/names").and_then(Value::as_array);
    let hosts: Vec<&str> = leaf.into_iter().flatten().filter_map(Value::as_str).collect();
    let is = |name: &String| {
        name == daemon || hosts.iter().any(|host| daemon::tls::name_matches(host, name))
    };
    names.is_empty() || names.iter().any(is)
}

fn as_json(shown: &Shown) -> Value {
    json!({ "name": shown.daemon, "running": shown.running, "certificates": shown.certificates })
}

fn as_text(shown: &Shown) -> String {
    let state = if shown.running { "" } else { " (not running: from its files)" };
    let head = |one: &Value| format!("{}{state}: {}\n", shown.daemon, text(one, "/file"));
    shown.certificates.iter().map(|one| head(one) + &body(one)).collect()
}

fn body(one: &Value) -> String {
    let mut out = String::new();
    let mut line = |label: &str, said: &str| out.push_str(&format!("  {label:<9}{said}\n"));
    if let Some(error) = one.get("error").and_then(Value::as_str) {
        line("error", &output::harmless(error));
        return out;
    }
    let names = one.pointer("/chain/0/names").and_then(Value::as_array);
    let names: Vec<&str> = names.into_iter().flatten().filter_map(Value::as_str).collect();
    line("names", &output::harmless(&names.join(", ")));
    line("issuer", &text(one, "/chain/0/issuer"));
    let chain = one.get("chain").and_then(Value::as_array);
    for (index, link) in chain.into_iter().flatten().enumerate() {
        line(
            if index == 0 { "chain" } else { "" },
            &format!("{}. {}", index + 1, text(link, "/subject")),
        );
    }
    let days = one.get("days_left").and_then(Value::as_i64).unwrap_or(0);
    let (from, until) = (text(one, "/chain/0/not_before"), text(one, "/chain/0/not_after"));
    line("valid", &format!("{from} to {until}, {days} days left"));
    line("key", &format!("{} in {}", text(one, "/chain/0/key_type"), text(one, "/key_file")));
    line("SHA-256", &text(one, "/chain/0/fingerprint"));
    let warnings = one.get("warnings").and_then(Value::as_array).into_iter().flatten();
    for warning in warnings.chain(one.get("trouble")).filter_map(Value::as_str) {
        line("warning", &output::harmless(warning));
    }
    out
}

fn text(value: &Value, pointer: &str) -> String {
    output::plain_text(value.pointer(pointer).unwrap_or(&Value::Null))
}
