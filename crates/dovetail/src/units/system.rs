//! The system that is synced: this one, or one in a folder that isn't running.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::exit::{EX_OSERR, Failure};

/// A file of ours is small; a passwd of a large site isn't.
const MAX_PASSWD: u64 = 64 << 20;

/// Where files are, and who may be asked to act.
#[derive(Debug)]
pub(super) struct System {
    root: Option<PathBuf>,
}

impl System {
    pub(super) fn new(root: Option<&Path>) -> Self {
        Self { root: root.map(Path::to_owned) }
    }

    /// Where a path of that system is on this one.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Whether its systemd runs and takes orders.
    pub(super) fn is_live(&self) -> bool {
        self.root.is_none() && Path::new("/run/systemd/system").is_dir()
    }

    /// A user's name.
    pub(super) fn user_name(&self, uid: u32) -> Option<String> {
        match &self.root {
            Some(_) => self.line("etc/passwd", 2, &uid.to_string()).into_iter().next(),
            None => daemon::users::name(uid),
        }
    }

    /// A group's name.
    pub(super) fn group_name(&self, gid: u32) -> Option<String> {
        match &self.root {
            Some(_) => self.line("etc/group", 2, &gid.to_string()).into_iter().next(),
            None => daemon::users::group_name(gid),
        }
    }

    /// A user's number.
    pub(super) fn uid_of(&self, name: &str) -> Option<u32> {
        match &self.root {
            Some(_) => self.line("etc/passwd", 0, name).get(2)?.parse().ok(),
            None => daemon::users::uid(name),
        }
    }

    /// The fields of the first line of passwd or group whose field is so.
    fn line(&self, file: &str, field: usize, want: &str) -> Vec<String> {
        use std::io::Read as _;
        let mut text = String::new();
        let opened = std::fs::File::open(self.at(file));
        let read = opened.and_then(|file| file.take(MAX_PASSWD).read_to_string(&mut text));
        if read.is_err() {
            return Vec::new();
        }
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let is = |fields: &Vec<String>| fields.get(field).is_some_and(|found| found == want);
        text.lines().map(fields).find(is).unwrap_or_default()
    }

    /// Has systemd make users and groups of our file.
    pub(super) fn make_users(&self, file: &str) -> Result<(), Failure> {
        let mut command = Command::new("systemd-sysusers");
        if let Some(root) = &self.root {
            command.arg(format!("--root={}", root.display()));
        }
        run(command.arg(file))
    }

    /// Asks systemd for something.
    pub(super) fn systemctl(&self, arguments: &[&str], units: &[String]) -> Result<(), Failure> {
        run(Command::new("systemctl").args(arguments).args(units))
    }
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.stdin(std::process::Stdio::null()).output();
    let done = done.map_err(|error| Failure::system(&program, error))?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(Failure::new(EX_OSERR, format!("{program}: {} ({})", said.trim(), done.status)))
}
