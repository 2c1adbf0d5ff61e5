//! `dovetail units sync`: makes systemd's side fit the userdb and the configuration: an instance of
//! lmtpd for each uid that owns mail, a name for each uid that has none, and the units' sandboxes opened
//! where `mail_roots` and `tls.toml` say.
//!
//! First everything is looked at, then a plan is made, then it is carried out; a run that finds all as it
//! should be changes nothing and says so. authd is asked who owns mail: while it can't tell, nothing is
//! changed. Files that an operator wrote are never touched.

mod check;
mod dropins;
mod links;
mod names;
mod owners;
mod steps;
mod system;

use std::path::{Path, PathBuf};

use auth_client::{Timeouts, UserClient};
use daemon::Config;
use lmtpd::Settings;
use serde_json::json;

pub(crate) use check::check;

use crate::cli::{Cli, SyncArguments, UnitsArguments, UnitsCommand};
use crate::exit::{EX_CONFIG, Failure};
use crate::{admin, output};
use owners::Owners;
use steps::Steps;
use system::System;

/// Instances at most; the front keeps no more in mind.
const MAX_INSTANCES: usize = 4096;

pub(crate) fn run(arguments: &UnitsArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        UnitsCommand::Sync(arguments) => sync(arguments, cli),
    }
}

/// The socket unit of a uid's instance.
fn socket_unit(uid: u32) -> String {
    format!("dovetail-lmtpd@{uid}.socket")
}

fn sync(arguments: &SyncArguments, cli: &Cli) -> Result<(), Failure> {
    let system = System::new(arguments.root.as_deref());
    let folder = folder(arguments, cli);
    let (config, settings) = configuration(&folder)?;
    let front = front(&system, &config, &settings)?;
    let socket = arguments.socket.clone().unwrap_or_else(|| settings.auth_userdb.clone());
    let client = UserClient::new(socket, Timeouts::default());
    let owners = admin::block_on(owners::ask(&client, &settings, front))?;
    if owners.instances.len() > MAX_INSTANCES {
        let count = owners.instances.len();
        return Err(Failure::new(
            EX_CONFIG,
            format!("{count} uids own mail, at most {MAX_INSTANCES} can"),
        ));
    }
    let sources = crate::tls::sources(&folder);
    let sources = sources.map_err(|problems| wrong(&problems))?;
    let mut steps = plan(&system, &settings, &owners, &sources, arguments.keep)?;
    steps.notes.extend(owners.notes());
    if !arguments.dry_run {
        steps.carry_out(&system)?;
    }
    tell(&steps, arguments.dry_run, cli.json)
}

fn plan(
    system: &System,
    settings: &Settings,
    owners: &Owners,
    sources: &[PathBuf],
    keep: bool,
) -> Result<Steps, Failure> {
    let mut steps = Steps::default();
    names::plan(system, owners, &mut steps)?;
    dropins::plan(system, settings.mail_roots.folders(), &owners.homes, sources, &mut steps)?;
    links::plan(system, settings, owners, keep, &mut steps)?;
    Ok(steps)
}

/// The configuration of the system that is synced.
fn folder(arguments: &SyncArguments, cli: &Cli) -> PathBuf {
    match (&cli.config, &arguments.root) {
        (None, Some(root)) => root.join(daemon::DEFAULT_FOLDER.trim_start_matches('/')),
        _ => cli.folder().to_owned(),
    }
}

fn configuration(folder: &Path) -> Result<(Config, Settings), Failure> {
    daemon::check::<lmtpd::Lmtpd>(folder).map_err(|problems| wrong(&problems))
}

fn wrong(problems: &[daemon::Problem]) -> Failure {
    Failure::new(EX_CONFIG, daemon::print_problems(problems))
}

/// The uid whose mail lmtpd itself delivers.
fn front(system: &System, config: &Config, settings: &Settings) -> Result<u32, Failure> {
    let found = settings.front.or_else(|| system.uid_of("vmail"));
    found.ok_or_else(|| {
        let problem = config.problem("front", "there is no such user: lmtpd can't run as it");
        wrong(&[problem])
    })
}

fn tell(steps: &Steps, dry_run: bool, as_json: bool) -> Result<(), Failure> {
    let done = steps.lines(dry_run);
    if as_json {
        return output::print_json(&json!({
            "dry_run": dry_run, "changes": done, "notes": steps.notes,
        }));
    }
    let mut text = String::new();
    for line in &done {
        text.push_str(&format!("{}\n", output::harmless(line)));
    }
    for note in &steps.notes {
        text.push_str(&format!("note: {}\n", output::harmless(note)));
    }
    if done.is_empty() {
        text.push_str("nothing to change\n");
    }
    output::print(&text)
}
