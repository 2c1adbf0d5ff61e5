//! `dovetail tls copy`: takes certificates and keys that only root may read to where the daemons
//! that show them may, as certbot's deploy hook and `dovetail-tls.service` have it done.
//!
//! Certificate and key go into one file that is replaced by a rename, so no daemon ever sees half of
//! a new pair. Links of the source are followed (certbot's live/), links of the target never.
//! As root it needs CAP_CHOWN alone, and CAP_DAC_READ_SEARCH for sources that aren't root's.

use std::path::Path;
use std::time::{Duration, Instant};

use daemon::tls::{Pair, PairFiles, TlsError, judge};
use daemon::{now_millis, print_problems, rfc3339};
use serde_json::{Value, json};

use super::keys::{Copies, Copy};
use super::place::Base;
use crate::cli::Cli;
use crate::exit::{EX_CONFIG, EX_NOPERM, EX_OSERR, EX_TEMPFAIL, Failure};
use crate::{files, output};

/// How long to wait before looking again at a pair that doesn't fit together.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// What became of one copy for one daemon.
struct Done {
    daemon: String,
    name: String,
    /// The file, whether it had to be written, when the certificate ends (RFC 3339).
    result: Result<(String, bool, String), Failure>,
}

pub(crate) fn run(cli: &Cli) -> Result<(), Failure> {
    let wrong = |problems: Vec<_>| Failure::new(EX_CONFIG, print_problems(&problems));
    let copies = Copies::read(cli.folder()).map_err(wrong)?;
    let base = Base::open(&copies.folder)
        .map_err(|error| Failure::system(copies.folder.display(), error))?;
    let mut all = Vec::new();
    let mut warnings = Vec::new();
    for copy in &copies.copies {
        match read(&copy.source, copies.patience) {
            Ok((pair, content)) => {
                let said = judge(&pair.chain, now());
                warnings.extend(said.into_iter().map(|said| format!("{}: {said}", copy.name)));
                all.extend(copy.daemons.iter().map(|daemon| {
                    let result = place(cli.folder(), &base, daemon, copy, &pair, &content);
                    Done { daemon: daemon.clone(), name: copy.name.clone(), result }
                }));
            }
            Err(failure) => all.extend(copy.daemons.iter().map(|daemon| {
                let result = Err(Failure::new(failure.code, failure.message.clone()));
                Done { daemon: daemon.clone(), name: copy.name.clone(), result }
            })),
        }
    }
    tell(&all, &warnings, cli)
}

fn now() -> i64 {
    i64::try_from(now_millis() / 1000).unwrap_or(i64::MAX)
}

/// Reads a pair, and again for a while where it is just being renewed: certbot moves its links one
/// after the other.
fn read(source: &PairFiles, patience: Duration) -> Result<(Pair, Vec<u8>), Failure> {
    let deadline = Instant::now() + patience;
    loop {
        let read = source.octets().and_then(|(certificate, key)| {
            let pair = source.pair(&certificate, &key)?;
            Ok((pair, certificate, key))
        });
        match read {
            Ok((pair, certificate, key)) => {
                if pair.chain.first().is_some_and(|leaf| leaf.not_after < now()) {
                    let file = source.certificate.display();
                    return Err(Failure::new(EX_OSERR, format!("{file}: has expired; not copied")));
                }
                return Ok((pair, join(source, certificate, &key)));
            }
            Err(error) if error.is_permission() => {
                return Err(Failure::new(EX_NOPERM, error.to_string()));
            }
            Err(error) if Instant::now() >= deadline => {
                let mismatch = matches!(error, TlsError::Mismatch { .. });
                let code = if mismatch { EX_TEMPFAIL } else { EX_OSERR };
                return Err(Failure::new(code, error.to_string()));
            }
            Err(_) => std::thread::sleep(LOOK_AGAIN),
        }
    }
}

/// Certificate, chain and key as one file's content.
fn join(source: &PairFiles, mut certificate: Vec<u8>, key: &[u8]) -> Vec<u8> {
    if source.key != source.certificate {
        if !certificate.ends_with(b"\n") {
            certificate.push(b'\n');
        }
        certificate.extend_from_slice(key);
    }
    certificate
}

fn place(
    folder: &Path,
    base: &Base,
    daemon: &str,
    copy: &Copy,
    pair: &Pair,
    content: &[u8],
) -> Result<(String, bool, String), Failure> {
    let group = files::group_of(daemon, folder)?;
    let place = base.place(daemon, group).map_err(|error| Failure::system(daemon, error))?;
    let file = format!("{}.pem", copy.name);
    let path = place.path(&file).display().to_string();
    let written = place.write(&file, content).map_err(|error| Failure::system(&path, error))?;
    let end = pair.chain.iter().map(|one| one.not_after).min().unwrap_or(0);
    let end = rfc3339(u64::try_from(end).unwrap_or(0).saturating_mul(1000));
    Ok((path, written, end))
}

fn tell(all: &[Done], warnings: &[String], cli: &Cli) -> Result<(), Failure> {
    if cli.json {
        let copies: Vec<Value> = all.iter().map(as_json).collect();
        output::print_json(&json!({ "copies": copies, "warnings": warnings }))?;
    } else {
        let mut text = String::new();
        for done in all {
            let said = match &done.result {
                Ok((path, true, end)) => format!("copied to {path}, good until {end}"),
                Ok((path, false, end)) => format!("{path} is as it should be, good until {end}"),
                Err(failure) => format!("failed: {}", failure.message),
            };
            text.push_str(&format!("{}: {}: {said}\n", done.daemon, done.name));
        }
        if all.is_empty() {
            text.push_str("tls.toml names nothing to copy\n");
        }
        for warning in warnings {
            text.push_str(&format!("warning: {warning}\n"));
        }
        output::print(&text)?;
    }
    let failed = all.iter().find_map(|done| done.result.as_ref().err());
    failed.map_or(Ok(()), |failure| Err(Failure::new(failure.code, "")))
}

fn as_json(done: &Done) -> Value {
    let mut said = json!({ "daemon": done.daemon, "name": done.name });
    let more = match &done.result {
        Ok((path, written, end)) => json!({ "file": path, "copied": written, "not_after": end }),
        Err(failure) => json!({ "error": failure.message }),
    };
    if let (Value::Object(said), Value::Object(more)) = (&mut said, more) {
        said.extend(more);
    }
    said
}
