//! `dovetail config`: everything that is wrong with a folder of configuration, at once and without
//! starting anything; what the daemons go by; the sample files. Here is what the command knows of
//! daemons and their files.

mod attempt;
mod check;
mod checks;
mod elsewhere;
mod sample;
mod show;
mod trial;

use std::collections::BTreeSet;
use std::path::Path;

use daemon::{Config, Daemon, FileSpec, Page, Problem};

use crate::cli::{Cli, ConfigArguments, ConfigCommand};
use crate::exit::{EX_CONFIG, Failure};
use crate::{places, tls};

/// What this command knows of a daemon.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    /// Its page of the manual.
    pub(crate) page: fn() -> Page,
    pub(crate) files: fn() -> Vec<FileSpec>,
    /// Of the daemon, or of an instance of it.
    check: fn(&Path, Option<&str>) -> Result<Config, Vec<Problem>>,
}

const fn known<D: Daemon>() -> Known {
    Known {
        name: D::NAME,
        page: daemon::daemon_page::<D>,
        files: D::files,
        check: |folder, instance| {
            daemon::check_instance::<D>(folder, instance).map(|(config, _)| config)
        },
    }
}

pub(crate) const KNOWN: &[Known] = &[
    known::<authd::Authd>(),
    known::<smtpd::Smtpd>(),
    known::<relayd::Relayd>(),
    known::<lmtpd::Lmtpd>(),
    known::<qmgrd::Qmgrd>(),
    known::<imapd::Imapd>(),
];

/// Files that this command alone reads.
const OTHERS: &[fn() -> FileSpec] = &[tls::spec];

/// Every file that may stand in the folder, each once: the daemons' own, then those that are shared.
pub(crate) fn specs() -> Vec<FileSpec> {
    let daemons = KNOWN.iter().flat_map(|daemon| (daemon.files)());
    let mut all: Vec<FileSpec> = Vec::new();
    for spec in daemons.chain(OTHERS.iter().map(|spec| spec())) {
        if !all.iter().any(|known| known.name == spec.name) {
            all.push(spec);
        }
    }
    all.sort_by_key(|spec| !is_daemon(spec.name));
    all
}

/// Whether a daemon, or an instance of one, is called so.
fn is_daemon(name: &str) -> bool {
    let base = places::base_of(name);
    KNOWN.iter().any(|daemon| daemon.name == base)
}

/// Whether a file of this name, without `.toml`, is read by anything.
fn knows(name: &str) -> bool {
    is_daemon(name) || specs().iter().any(|spec| spec.name == name)
}

/// `smtpd` and `mx` of `smtpd@mx`.
fn base_and_instance(name: &str) -> (&str, Option<&str>) {
    places::instance_of(name).map_or((name, None), |(base, instance)| (base, Some(instance)))
}

/// The shared files that a daemon, or an instance of one, reads.
fn shared_of(name: &str) -> Vec<FileSpec> {
    let base = places::base_of(name);
    let daemon = KNOWN.iter().find(|daemon| daemon.name == base);
    let files = daemon.map(|daemon| (daemon.files)()).unwrap_or_default();
    files.into_iter().filter(|spec| spec.name != base).collect()
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
    let (base, instance) = base_and_instance(name);
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

pub(crate) fn run(arguments: &ConfigArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        ConfigCommand::Check => check::run(cli),
        ConfigCommand::Show(arguments) => show::run(arguments, cli),
        ConfigCommand::Sample(arguments) => sample::run(arguments),
        ConfigCommand::TryPaths { user, group, groups } => attempt::serve(*user, *group, groups),
    }
}

/// What was found in a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// What each configured daemon would say and not start, and files that no daemon reads.
    pub(crate) errors: Vec<Problem>,
    /// The daemons and instances whose files are right by themselves.
    configs: Vec<(String, Config)>,
}

impl Found {
    /// Where a daemon would give up on another one. It starts all the same.
    pub(crate) fn impatience(&self) -> Vec<Problem> {
        checks::impatience(&checks::Folder { path: Path::new(""), configs: &self.configs })
    }
}

/// Has every configured daemon and instance check its files.
pub(crate) fn look(folder: &Path) -> Found {
    let mut found = Found::default();
    let names = match files_in(folder) {
        Ok(names) => names,
        Err(error) => {
            found.errors.push(Problem::file(folder, format!("cannot be read: {error}")));
            return found;
        }
    };
    for name in names.iter().filter(|name| is_daemon(name)) {
        let (base, instance) = base_and_instance(name);
        let Some(daemon) = KNOWN.iter().find(|daemon| daemon.name == base) else { continue };
        match (daemon.check)(folder, instance) {
            Ok(config) => found.configs.push((name.clone(), config)),
            Err(problems) => found.errors.extend(problems),
        }
    }
    if names.contains(tls::FILE)
        && let Err(problems) = tls::check(folder)
    {
        found.errors.extend(problems);
    }
    for name in names.iter().filter(|name| !knows(name)) {
        let file = folder.join(format!("{name}.toml"));
        found.errors.push(Problem::file(file, elsewhere::unread(name, &specs())));
    }
    if !names.iter().any(|name| is_daemon(name)) {
        found.errors.push(Problem::file(folder, "configures no daemon"));
    }
    elsewhere::point(&mut found.errors, &specs());
    found
}

/// The folder's files, without `.toml`.
fn files_in(folder: &Path) -> std::io::Result<BTreeSet<String>> {
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

#[cfg(test)]
mod tests {
    use super::check::problems;
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
        let text = daemon::print_problems(&found.impatience());
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
        assert!(
            text.contains(
                "athd.toml: no daemon reads a file of this name; did you mean authd.toml?\n"
            ),
            "{text}"
        );
        std::fs::write(dir.path().join("smtpd@mx.toml"), "flavour = 1\n").unwrap();
        std::fs::write(dir.path().join("smtpd@a@b.toml"), "").unwrap();
        let text = text + &daemon::print_problems(&problems(dir.path()));
        assert!(text.contains("smtpd@mx.toml:1:1: unknown key `flavour`"), "{text}");
        assert!(text.contains("smtpd@a@b.toml: no daemon reads"), "{text}");
        assert!(text.contains("authd.toml:1:1: unknown key `colour`"), "{text}");
        assert!(text.contains("authd.toml:3:9: `log.level`: want a string"), "{text}");
    }
}
