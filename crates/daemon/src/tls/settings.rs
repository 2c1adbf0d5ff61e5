//! `[tls]` of a daemon's configuration file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::client::AskClients;
use super::names::Names;
use super::pair::{self, PairFiles};
use super::server::{Manner, ServerTls};
use super::slot::{self, Slot};
use crate::config::{Problem, Table};

/// Reads `[tls]` ([`crate::keys::TLS`]): none if no certificate is named.
///
/// # Errors
/// Everything that is wrong: files that can't be used, a certificate that isn't for the name that it
/// is to be shown for. Files that are loaded already and that this process may not read any more
/// are no error (see [`ServerTls`]).
pub fn from_table(table: &Table) -> Result<Option<ServerTls>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut note = |result: Result<Arc<Slot>, Problem>| match result {
        Ok(slot) => Some(slot),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    let default = pair_of(table).map(|files| note(open(table, files)));
    let mut named = Vec::new();
    for name in table.tables("name") {
        let Some(files) = pair_of(name) else { continue };
        named.push((name.name(), note(open_for(name, files))));
    }
    problems.extend(useless(table));
    let manner = manner(table).map_err(|problem| problems.push(problem)).ok();
    let first = || named.first().and_then(|(_, slot)| slot.clone());
    let (Some(manner), true) = (manner, problems.is_empty()) else { return Err(problems) };
    let Some(default) = default.flatten().or_else(first) else { return Ok(None) };
    let mut names = Names::new(default);
    for (name, slot) in named {
        if let Some(slot) = slot {
            names.add(name, slot);
        }
    }
    ServerTls::new(names, manner)
        .map(Some)
        .map_err(|error| vec![table.problem("certificate", error)])
}

/// The certificate and key of a table that has them.
fn pair_of(table: &Table) -> Option<PairFiles> {
    let certificate = table.opt_path("certificate")?.to_owned();
    let key = table.opt_path("key").map_or_else(|| certificate.clone(), Path::to_owned);
    Some(PairFiles { certificate, key })
}

/// A key that does nothing without a certificate.
fn useless(table: &Table) -> Option<Problem> {
    let alone = table.opt_path("key").is_some() && table.opt_path("certificate").is_none();
    alone.then(|| table.problem("key", "needs `certificate` beside it"))
}

fn open(table: &Table, files: PairFiles) -> Result<Arc<Slot>, Problem> {
    slot::open(files).map_err(|error| table.problem("certificate", error.to_string()))
}

/// As [`open`], for a certificate that is shown for one name.
fn open_for(table: &Table, files: PairFiles) -> Result<Arc<Slot>, Problem> {
    let slot = open(table, files)?;
    let pair = slot.pair();
    if pair.leaf().is_some_and(|leaf| !leaf.covers(table.name())) {
        let names = pair.leaf().map_or_else(String::new, |leaf| leaf.names.join(", "));
        let why = format!("is not for {}, but for {names}", table.name());
        return Err(table.problem("certificate", why));
    }
    Ok(slot)
}

fn manner(table: &Table) -> Result<Manner, Problem> {
    let clients = match table.text("client_certificates") {
        "ask" => {
            let asked = AskClients::new(authorities(table)?);
            Some(Arc::new(asked.map_err(|error| table.problem("client_ca", error))?))
        }
        _ => None,
    };
    Ok(Manner {
        only_13: table.text("min_protocol") == "TLSv1.3",
        clients,
        resumption: table.boolean("resumption"),
        cache: table.count("session_cache"),
        log: table.boolean("log_handshakes"),
    })
}

fn authorities(table: &Table) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    let Some(path) = table.opt_path("client_ca") else { return Ok(roots) };
    let wrong = |why: String| table.problem("client_ca", why);
    let octets = pair::read(path).map_err(|error| wrong(error.to_string()))?;
    let shown = path.display();
    for der in CertificateDer::pem_slice_iter(&octets) {
        let added = der
            .map_err(|error| error.to_string())
            .and_then(|der| roots.add(der).map_err(|error| error.to_string()));
        added.map_err(|error| wrong(format!("{shown}: {error}")))?;
    }
    if roots.is_empty() {
        return Err(wrong(format!("{shown}: holds no certificate in PEM form")));
    }
    Ok(roots)
}

/// The pairs of files that `[tls]` names, each with the name that it is for (none: the default).
#[must_use]
pub fn pairs(table: &Table) -> Vec<(Option<String>, PairFiles)> {
    let default = pair_of(table).map(|files| (None, files));
    let named = table.tables("name").iter();
    let named = named.filter_map(|one| Some((Some(one.name().to_owned()), pair_of(one)?)));
    default.into_iter().chain(named).collect()
}

/// The folders that a confined daemon must be able to read for `[tls]`: those of its files, and
/// those that links lead to from there as of now (certbot's live/ and archive/).
#[must_use]
pub fn folders(table: &Table) -> Vec<PathBuf> {
    let pairs = pairs(table).into_iter().flat_map(|(_, files)| [files.certificate, files.key]);
    let files = pairs.chain(table.opt_path("client_ca").map(Path::to_owned));
    let mut folders = BTreeSet::new();
    for file in files {
        folders.extend(file.parent().map(Path::to_owned));
        let target = std::fs::canonicalize(&file).ok();
        folders.extend(target.as_deref().and_then(Path::parent).map(Path::to_owned));
    }
    folders.into_iter().collect()
}
