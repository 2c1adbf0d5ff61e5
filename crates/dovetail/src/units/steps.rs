//! What is to be done, in the order in which it is done.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::socket_unit;
use super::system::System;
use crate::exit::Failure;

/// Everything that isn't as it should be.
#[derive(Debug, Default)]
pub(super) struct Steps {
    /// Files to write or, without a text, to remove.
    pub(super) files: Vec<(PathBuf, Option<String>)>,
    /// The file that systemd-sysusers is to read.
    pub(super) sysusers: Option<String>,
    /// Users that come of it: remembered as ours, so that a purge may take them out.
    pub(super) users: Vec<String>,
    /// Links to make, with their targets, where systemd doesn't run.
    pub(super) links: Vec<(PathBuf, String)>,
    /// Links to remove, where systemd doesn't run.
    pub(super) unlinks: Vec<PathBuf>,
    /// Uids whose sockets are enabled.
    pub(super) enable: Vec<u32>,
    /// Uids whose sockets are disabled.
    pub(super) disable: Vec<u32>,
    /// systemd has to read its units again.
    pub(super) reload: bool,
    /// What else there is to say.
    pub(super) notes: Vec<String>,
}

/// Who was made by an installation, one a line: the packages' purge reads it.
const USERS_MADE: &str = "/var/lib/dovetail/users-made";

impl Steps {
    /// Has a file hold this text, or not be there.
    pub(super) fn file(&mut self, path: PathBuf, text: Option<String>) -> Result<bool, Failure> {
        let found = match fs::read_to_string(&path) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::system(path.display(), error)),
        };
        let differs = found != text;
        if differs {
            self.files.push((path, text));
        }
        Ok(differs)
    }

    /// The steps in words.
    pub(super) fn lines(&self, dry_run: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut say = |done: &str, would: &str, what: String| {
            let verb = if dry_run { format!("would {would}") } else { done.to_owned() };
            lines.push(format!("{verb} {what}"));
        };
        for (path, text) in &self.files {
            match text {
                Some(_) => say("wrote", "write", path.display().to_string()),
                None => say("removed", "remove", path.display().to_string()),
            }
        }
        for user in &self.users {
            say("made", "make", format!("user {user}"));
        }
        for uid in &self.enable {
            say("enabled", "enable", socket_unit(*uid));
        }
        for uid in &self.disable {
            let unit = socket_unit(*uid);
            say("disabled", "disable", format!("{unit}: no user has uid {uid} any more"));
        }
        lines
    }

    pub(super) fn carry_out(&self, system: &System) -> Result<(), Failure> {
        for (path, text) in &self.files {
            match text {
                Some(text) => write(path, text)?,
                None => remove(path)?,
            }
        }
        if let Some(file) = &self.sysusers {
            remember(&system.at(USERS_MADE), &self.users)?;
            system.make_users(file)?;
        }
        for (path, target) in &self.links {
            link(path, target)?;
        }
        for path in &self.unlinks {
            remove(path)?;
        }
        if system.is_live() {
            self.tell_systemd(system)?;
        }
        Ok(())
    }

    fn tell_systemd(&self, system: &System) -> Result<(), Failure> {
        if self.reload {
            system.systemctl(&["daemon-reload"], &[])?;
        }
        let units = |uids: &[u32]| uids.iter().copied().map(socket_unit).collect::<Vec<_>>();
        if !self.enable.is_empty() {
            system.systemctl(&["enable", "--now", "--quiet"], &units(&self.enable))?;
        }
        if !self.disable.is_empty() {
            system.systemctl(&["disable", "--now", "--quiet"], &units(&self.disable))?;
            let services = |uid: &u32| format!("dovetail-lmtpd@{uid}.service");
            let services: Vec<String> = self.disable.iter().map(services).collect();
            system.systemctl(&["stop"], &services)?;
        }
        Ok(())
    }
}

/// By rename: nobody reads half a file.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::system(path.display(), error);
    make_folder(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create(true).truncate(true).mode(0o644).open(&new);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&new, path)).map_err(failed)
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent() else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| Failure::system(folder.display(), error))
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(Failure::system(path.display(), error))
        }
        _ => Ok(()),
    }
}

fn link(path: &Path, target: &str) -> Result<(), Failure> {
    make_folder(path)?;
    std::os::unix::fs::symlink(target, path).map_err(|error| Failure::system(path.display(), error))
}

fn remember(path: &Path, users: &[String]) -> Result<(), Failure> {
    let known = fs::read_to_string(path).unwrap_or_default();
    let fresh: Vec<&str> = users
        .iter()
        .map(String::as_str)
        .filter(|user| !known.lines().any(|one| one == *user))
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    write(path, &format!("{known}{}\n", fresh.join("\n")))
}
