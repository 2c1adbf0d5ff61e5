//! `dovetail config`: everything that is wrong with a folder of configuration, at once and without
//! starting anything; and the sample files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use daemon::{Config, Daemon, FileSpec, Problem};
use serde_json::{Value, json};

use crate::cli::{Cli, ConfigArguments, ConfigCommand};
use crate::exit::{EX_CONFIG, EX_USAGE, Failure};
use crate::{output, places, tls, units};

/// What this command knows of a daemon.
struct Known {
    name: &'static str,
    files: fn() -> Vec<FileSpec>,
    /// Of the daemon, or of an instance of it.
    check: fn(&Path, Option<&str>) -> Result<Config, Vec<Problem>>,
}

const fn known<D: Daemon>() -> Known {
    Known {
        name: D::NAME,
        files: D::files,
        check: |folder, instance| {
            daemon::check_instance::<D>(folder, instance).map(|(config, _)| config)
        },
    }
}

const KNOWN: &[Known] = &[
    known::<authd::Authd>(),
    known::<smtpd::Smtpd>(),
    known::<relayd::Relayd>(),
    known::<lmtpd::Lmtpd>(),
    known::<qmgrd::Qmgrd>(),
    known::<imapd::Imapd>(),
];

/// Files that this command alone reads.
const OTHERS: &[fn() -> FileSpec] = &[tls::spec];

/// Every file that may stand in the folder.
fn specs() -> Vec<FileSpec> {
    let daemons = KNOWN.iter().flat_map(|daemon| (daemon.files)());
    daemons.chain(OTHERS.iter().map(|spec| spec())).collect()
}

/// Whether a daemon of this name shows certificates.
pub(crate) fn has_tls(name: &str) -> bool {
    let name = places::base_of(name);
    let daemon = KNOWN.iter().find(|daemon| daemon.name == name);
    daemon.is_some_and(|daemon| {
        (daemon.files)()
            .iter()
            .any(|spec| spec.name == name && spec.keys.iter().any(|key| key.name == "tls"))
    })
}

/// A daemon's, or an instance's, files, types and limits checked, and nothing opened that they name.
///
/// # Errors
/// What is wrong with them; that there is no such daemon.
pub(crate) fn load(name: &str, folder: &Path) -> Result<Config, Vec<Problem>> {
    let (base, instance) = match places::instance_of(name) {
        Some((base, instance)) => (base, Some(instance)),
        None => (name, None),
    };
    match KNOWN.iter().find(|daemon| daemon.name == base) {
        Some(daemon) => Config::load_instance(folder, base, instance, &(daemon.files)()),
        None => Err(vec![Problem::file(folder, format!("there is no daemon {name}"))]),
    }
}

/// The group that a daemon runs as: that of its file, or the usual one where it has no file. Our own
/// where we aren't root, who alone may give files away.
pub(crate) fn group_of(name: &str, folder: &Path) -> Result<u32, Failure> {
    let (uid, own) = daemon::users::own_ids();
    if uid != 0 {
        return Ok(own);
    }
    let config = folder.join(format!("{name}.toml")).exists().then(|| load(name, folder));
    let config = config.transpose();
    let config =
        config.map_err(|problems| Failure::new(EX_CONFIG, daemon::print_problems(&problems)))?;
    let said = |key| config.as_ref().and_then(|config| config.opt_text(key));
    let user = said("user").unwrap_or_else(|| daemon::default_user(places::base_of(name)));
    let (who, gid) = match said("group") {
        Some(group) => (group, daemon::users::gid(group)),
        None => (user, daemon::users::primary_gid(user)),
    };
    gid.ok_or_else(|| Failure::new(EX_CONFIG, format!("{name}: there is no group of \"{who}\"")))
}

/// Who must wait longer than whom works, so that nobody gives up on work that is being done:
/// the waiting daemon with its key, the working one with its own.
const PATIENCE: [(&str, &str, &str, &str); 2] =
    [("smtpd", "straight_in_wait", "lmtpd", "work_limit"), ("qmgrd", "wait", "relayd", "max_time")];

pub(crate) fn run(arguments: &ConfigArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        ConfigCommand::Check => check(cli),
        ConfigCommand::Sample { file } => sample(file),
    }
}

fn check(cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let problems = problems(folder);
    if cli.json {
        let all: Vec<Value> = problems.iter().map(as_json).collect();
        output::print_json(&json!({ "problems": all }))?;
    } else if problems.is_empty() {
        output::print(&format!("{}: good\n", folder.display()))?;
    } else {
        output::print(&daemon::print_problems(&problems))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::new(EX_CONFIG, "")) }
}

/// What `config check` says of a folder.
fn problems(folder: &Path) -> Vec<Problem> {
    let found = look(folder);
    let mut all = found.errors;
    all.extend(found.impatience);
    all.extend(units::check(folder));
    all.sort();
    all.dedup();
    all
}

/// What is wrong with a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// What each configured daemon would say and not start, and files that no daemon reads.
    pub(crate) errors: Vec<Problem>,
    /// Where a daemon would give up on another one. It starts all the same.
    pub(crate) impatience: Vec<Problem>,
}

/// Has every configured daemon check its files.
pub(crate) fn look(folder: &Path) -> Found {
    let mut found = Found::default();
    let names = match toml_files(folder) {
        Ok(names) => names,
        Err(error) => {
            found.errors.push(Problem::file(folder, format!("cannot be read: {error}")));
            return found;
        }
    };
    let mut good = BTreeMap::new();
    for daemon in KNOWN.iter().filter(|daemon| names.contains(daemon.name)) {
        match (daemon.check)(folder, None) {
            Ok(config) => drop(good.insert(daemon.name, config)),
            Err(problems) => found.errors.extend(problems),
        }
    }
    let instances = || names.iter().filter_map(|name| places::instance_of(name));
    for (base, instance) in instances() {
        let daemon = KNOWN.iter().find(|daemon| daemon.name == base);
        let checked = daemon.map(|daemon| (daemon.check)(folder, Some(instance)));
        found.errors.extend(checked.and_then(Result::err).unwrap_or_default());
    }
    found.impatience = impatience(&good);
    if names.contains(tls::FILE)
        && let Err(problems) = tls::check(folder)
    {
        found.errors.extend(problems);
    }
    let read: BTreeSet<&str> = specs().into_iter().map(|file| file.name).collect();
    let is_read = |name: &str| read.contains(name) || places::instance_of(name).is_some();
    for name in names.iter().filter(|name| !is_read(name)) {
        let file = folder.join(format!("{name}.toml"));
        found.errors.push(Problem::file(file, "no daemon reads a file of this name"));
    }
    if !KNOWN.iter().any(|daemon| names.contains(daemon.name)) && instances().next().is_none() {
        found.errors.push(Problem::file(folder, "configures no daemon"));
    }
    found
}

/// Where a daemon would give up on another one that still works for it.
fn impatience(configs: &BTreeMap<&str, Config>) -> Vec<Problem> {
    let wrong = |(waiter, wait, worker, work): &(&str, &str, &str, &str)| {
        let (waiter, worker_config) = (configs.get(waiter)?, configs.get(worker)?);
        let (patience, limit) = (waiter.duration(wait), worker_config.duration(work));
        let shown = daemon::print_duration(limit);
        let message = format!("must be longer than `{work}` of {worker}.toml, which is {shown}");
        (patience <= limit).then(|| waiter.problem(wait, message))
    };
    PATIENCE.iter().filter_map(wrong).collect()
}

/// The folder's files, without `.toml`.
fn toml_files(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // An editor's hidden copies are nobody's files.
        if let Some(name) = name.strip_suffix(".toml").filter(|name| !name.starts_with('.')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

fn as_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file.display().to_string(),
        "line": problem.position.map(|(line, _)| line),
        "column": problem.position.map(|(_, column)| column),
        "message": problem.message,
    })
}

fn sample(file: &str) -> Result<(), Failure> {
    let wanted = file.strip_suffix(".toml").unwrap_or(file);
    let specs = specs();
    match specs.iter().find(|spec| spec.name == wanted) {
        Some(spec) => output::print(&daemon::sample(spec)),
        None => {
            let names: BTreeSet<&str> = specs.iter().map(|spec| spec.name).collect();
            let names: Vec<&str> = names.into_iter().collect();
            let message = format!("no file is named {wanted}.toml; there are {}", names.join(", "));
            Err(Failure::new(EX_USAGE, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_every_daemon_is_sound() {
        for daemon in KNOWN {
            for spec in (daemon.files)() {
                assert!(
                    !spec.doc.is_empty() && spec.doc.ends_with('.'),
                    "{}: {}",
                    spec.name,
                    spec.doc
                );
                let names: BTreeSet<&str> = spec.keys.iter().map(|key| key.name).collect();
                assert_eq!(names.len(), spec.keys.len(), "a key of {} is defined twice", spec.name);
                let text = daemon::sample(&spec);
                let specs = [spec.clone()];
                if !spec.keys.iter().any(|key| key.required) {
                    Config::from_texts(spec.name, &specs, &[(spec.name, &text)]).unwrap();
                }
            }
        }
    }

    #[test]
    fn impatience_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("qmgrd.toml"), "wait = \"11m\"\n").unwrap();
        std::fs::write(dir.path().join("relayd.toml"), "").unwrap();
        let found = look(dir.path());
        let text = daemon::print_problems(&found.impatience);
        let want =
            "qmgrd.toml:1:8: `wait`: must be longer than `max_time` of relayd.toml, which is 11m\n";
        assert!(found.errors.is_empty() && text.ends_with(want), "{text}");
    }

    #[test]
    fn all_problems_of_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(problems(dir.path()).len(), 1);
        std::fs::write(dir.path().join("authd.toml"), "colour = 1\n[log]\nlevel = 2\n").unwrap();
        std::fs::write(dir.path().join("athd.toml"), "").unwrap();
        let text = daemon::print_problems(&problems(dir.path()));
        assert!(text.contains("athd.toml: no daemon reads a file of this name\n"), "{text}");
        std::fs::write(dir.path().join("smtpd@mx.toml"), "flavour = 1\n").unwrap();
        std::fs::write(dir.path().join("smtpd@a@b.toml"), "").unwrap();
        let text = text + &daemon::print_problems(&problems(dir.path()));
        assert!(text.contains("smtpd@mx.toml:1:1: unknown key `flavour`"), "{text}");
        assert!(text.contains("smtpd@a@b.toml: no daemon reads"), "{text}");
        assert!(text.contains("authd.toml:1:1: unknown key `colour`"), "{text}");
        assert!(text.contains("authd.toml:3:9: `log.level`: want a string"), "{text}");
    }
}
