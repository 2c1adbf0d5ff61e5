//! Tries every path of every daemon with that daemon's own ids: what its user can't read, write or
//! reach is told before the daemon stumbles over it. Only root can become them; anybody else's
//! `config check` leaves it out and says so.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daemon::{Config, Identity, Problem, Purpose, UsedPath, users};

use super::attempt::{Act, Obstacle, Why, attempt};
use super::folder::Folder;

/// Whether paths can be tried: this process may become each daemon.
pub(super) fn possible() -> bool {
    users::own_ids().0 == 0
}

/// What is in the way of each daemon.
pub(super) fn paths(folder: &Folder<'_>) -> Vec<Problem> {
    if !possible() {
        return Vec::new();
    }
    let of = |(name, config): &(String, Config)| of_daemon(name, config);
    folder.configs.iter().flat_map(of).collect()
}

fn of_daemon(name: &str, config: &Config) -> Vec<Problem> {
    let base = name.split_once('@').map_or(name, |(base, _)| base);
    let identity = match Identity::of(base, config) {
        Ok(identity) => identity,
        Err(daemon::Error::Config(problems)) => return problems,
        Err(error) => return vec![config.problem_here(error.to_string())],
    };
    let all: Vec<Tried> = files(config).chain(config.paths().into_iter().map(Tried::Key)).collect();
    // Root, or a socket unit, binds for the daemon.
    let (by_root, by_daemon): (Vec<&Tried>, Vec<&Tried>) =
        all.iter().partition(|tried| tried.act() == Act::Listen);
    let mut found: Vec<(&Tried, Obstacle)> = by_root
        .into_iter()
        .filter_map(|tried| Some((tried, attempt(tried.act(), tried.path()).err()?)))
        .collect();
    match as_daemon(&identity, &by_daemon) {
        Ok(obstacles) => found.extend(
            by_daemon.into_iter().zip(obstacles).filter_map(|(tried, found)| Some((tried, found?))),
        ),
        Err(why) => return vec![config.problem_here(format!("paths can't be tried: {why}"))],
    }
    found.iter().filter_map(|(tried, obstacle)| tried.problem(obstacle, &identity)).collect()
}

/// A file of the configuration itself, or a path that a key names.
enum Tried {
    File(PathBuf),
    Key(UsedPath),
}

/// The daemon reads its files again at a reload, when it isn't root any more.
fn files(config: &Config) -> impl Iterator<Item = Tried> {
    let there = config.files().filter(|path| path.exists());
    there.map(|path| Tried::File(path.to_owned()))
}

impl Tried {
    fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Key(used) => &used.path,
        }
    }

    fn act(&self) -> Act {
        match self {
            Self::File(_) => Act::Read,
            // The folder before the first variable: what is below differs from user to user.
            Self::Key(used) if used.template => Act::Enter,
            Self::Key(used) => used.purpose.into(),
        }
    }

    /// What to tell of an obstacle, if anything.
    fn problem(&self, obstacle: &Obstacle, identity: &Identity) -> Option<Problem> {
        let who = users::shown(identity.uid);
        let place = obstacle.at.display();
        let why = match &obstacle.why {
            // A default's place is made by whoever starts or installs what it belongs to.
            Why::Missing if matches!(self, Self::Key(used) if !used.set) => return None,
            Why::Missing => format!("{place}: no such file or folder{}", self.absent()),
            Why::Denied(rights) => {
                let owner = owner(&obstacle.at);
                let remedy = self.remedy(obstacle, rights, identity);
                format!("{place}: permission denied for {who}: needs {rights}; {owner}{remedy}")
            }
            Why::NotAFolder => format!("{place}: not a folder"),
            Why::AFolder => format!("{place}: a folder, not a file"),
            Why::Other(words) => format!("{place}: {who}: {words}"),
        };
        Some(match self {
            Self::File(path) => Problem::file(path, why),
            Self::Key(used) => used.problem(why),
        })
    }

    fn absent(&self) -> &'static str {
        match self.act() {
            Act::Enter => ": is its disk mounted?",
            Act::Listen => ": the socket's folder must be there",
            _ => "",
        }
    }

    fn remedy(&self, obstacle: &Obstacle, rights: &str, identity: &Identity) -> String {
        let at = obstacle.at.display();
        let group = group_name(identity.gid);
        match self {
            Self::Key(used) if used.key.starts_with("tls.") => {
                ": let `dovetail tls copy` place a copy for it (dovetail-tls.toml(5))".to_owned()
            }
            Self::Key(used)
                if used.purpose == Purpose::ConnectSocket && obstacle.at == used.path =>
            {
                ": see `owner`, `group` and `mode` of its listener, and `groups` here".to_owned()
            }
            _ if obstacle.at != self.path() || rights == "x" => format!(": `chmod o+x {at}`"),
            _ if self.act() == Act::Read => {
                format!(": `chgrp {group} {at}` and `chmod g+r {at}`")
            }
            _ => format!(": `chown {} {at}`", users::name_or_number(identity.uid)),
        }
    }
}

/// `it is root:root 0700`.
fn owner(path: &Path) -> String {
    std::fs::metadata(path).map_or_else(
        |_| "it can't be looked at".to_owned(),
        |found| {
            let mode = found.permissions().mode() & 0o7777;
            format!(
                "it is {}:{} {mode:04o}",
                users::name_or_number(found.uid()),
                group_name(found.gid())
            )
        },
    )
}

fn group_name(gid: u32) -> String {
    let group = nix::unistd::Group::from_gid(nix::unistd::Gid::from_raw(gid)).ok().flatten();
    group.map_or_else(|| gid.to_string(), |group| group.name)
}

/// Starts this program once more, which drops to the daemon's ids and tries.
fn as_daemon(identity: &Identity, tried: &[&Tried]) -> Result<Vec<Option<Obstacle>>, String> {
    let list: Vec<(Act, &Path)> = tried.iter().map(|tried| (tried.act(), tried.path())).collect();
    let input = serde_json::to_string(&list).map_err(|error| error.to_string())?;
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let groups: Vec<String> = identity.groups.iter().map(u32::to_string).collect();
    let mut child = Command::new(own)
        .args(["config", "try-paths"])
        .arg(identity.uid.to_string())
        .arg(identity.gid.to_string())
        .args(groups)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // All of the input is read before anything is said: the two can't wait for each other.
    let written = child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    written.transpose().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("the trial ended with {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}
