//! What a daemon may read, write and connect to: made of the keys of its configuration, each of which
//! says what the daemon does with its path. Rules name folders, never files: a file renamed over
//! another one stays visible.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::Daemon;
use crate::config::{Config, Purpose, UsedPath};

/// Folders that every daemon reads: the system's users and names, libraries, and its own /proc.
const EVERYBODY: &[&str] =
    &["/etc", "/usr", "/lib", "/lib64", "/proc/self", "/sys/fs/cgroup", "/run/systemd/userdb"];
/// Devices, null say, which every daemon may open; it makes nothing there.
pub(super) const DEVICES: &str = "/dev";
/// Access bits of a folder that is made.
const FOLDER_MODE: u32 = 0o700;
/// systemd's word for our own folder under /run.
const RUN_FOLDER: &str = "RUNTIME_DIRECTORY";

/// A daemon's rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(super) read: BTreeSet<PathBuf>,
    pub(super) write: BTreeSet<PathBuf>,
    /// TCP ports that it connects to; none: no internet at all.
    pub(super) ports: Option<BTreeSet<u16>>,
    open_mail: bool,
}

/// A need that stands at a key.
struct Need {
    /// The file's name without `.toml`, and the key in its outermost table.
    at: (String, String),
    write: bool,
    folders: Vec<PathBuf>,
}

impl Rules {
    /// The rules that this configuration comes to. Looks links up, and changes nothing.
    pub(crate) fn of<D: Daemon>(config: &Config) -> Self {
        let mut rules = Self::default();
        rules.read.extend(EVERYBODY.iter().map(PathBuf::from));
        rules.read.extend(with_target(config.folder(), true));
        // systemd lists several folders with colons between them.
        let run = std::env::var(RUN_FOLDER).unwrap_or_default();
        rules.write.extend(run.split(':').filter(|path| path.starts_with('/')).map(PathBuf::from));
        for need in needs(config) {
            if need.write { &mut rules.write } else { &mut rules.read }.extend(need.folders);
        }
        if mail_is_anywhere::<D>(config) {
            rules.open_mail = true;
            rules.write.insert("/".into());
        }
        rules.ports =
            D::connects(config).map(|ports| ports.into_iter().map(|(_, port)| port).collect());
        rules
    }

    /// What the operator should know of mail that may lie anywhere.
    pub(super) fn open_mail(&self) -> Option<&'static str> {
        self.open_mail.then_some("mail_roots of mail.toml is empty: every folder may be written in")
    }

    fn allows(&self, write: bool, folder: &Path) -> bool {
        let below = |set: &BTreeSet<PathBuf>| set.iter().any(|held| folder.starts_with(held));
        below(&self.write) || !write && below(&self.read)
    }

    /// The keys of another configuration that need more than these rules give: file and key. A folder
    /// that isn't there is of no use after a restart either, so that of a key as it was isn't told of.
    pub(crate) fn beyond<D: Daemon>(
        &self,
        config: &Config,
        running: &Config,
    ) -> BTreeSet<(String, String)> {
        let before = needs(running);
        let mut keys = BTreeSet::new();
        for need in needs(config) {
            let closed = |folder: &&PathBuf| !self.allows(need.write, folder);
            let known = before.iter().any(|one| one.at == need.at && one.folders == need.folders);
            if need.folders.iter().filter(closed).any(|folder| !known || folder.exists()) {
                keys.insert(need.at);
            }
        }
        if mail_is_anywhere::<D>(config) && !self.open_mail {
            keys.insert(("mail".to_owned(), "mail_roots".to_owned()));
        }
        let held = self.ports.clone().unwrap_or_default();
        for (key, port) in D::connects(config).unwrap_or_default() {
            if !held.contains(&port) {
                keys.insert((config.name().to_owned(), key.to_owned()));
            }
        }
        keys
    }
}

/// Whether the daemon works in mail and nothing says where that lies.
fn mail_is_anywhere<D: Daemon>(config: &Config) -> bool {
    D::files().iter().any(|spec| spec.name == "mail")
        && config.file("mail").texts("mail_roots").is_empty()
}

fn needs(config: &Config) -> Vec<Need> {
    let mut needs = Vec::new();
    for (file, used) in config.paths_by_file() {
        let write = match used.purpose {
            Purpose::ReadFile => false,
            Purpose::AppendFile | Purpose::WriteFolder | Purpose::MailRoot => true,
            // Landlock doesn't guard them: the server's mode and peer check do.
            Purpose::ConnectSocket | Purpose::ListenSocket => continue,
        };
        let key = used.key.split('.').next().unwrap_or(&used.key).to_owned();
        let own = instances_own(config, file, &used);
        let folders = own.map_or_else(|| folders_of(&used), |own| with_target(&own, true));
        needs.push(Need { at: (file.to_owned(), key), write, folders });
    }
    needs
}

/// An instance's own folder in place of a default that is the daemon's.
fn instances_own(config: &Config, file: &str, used: &UsedPath) -> Option<PathBuf> {
    let unset = used.purpose == Purpose::WriteFolder && !used.set && file == config.name();
    (unset && !used.key.contains('.')).then(|| config.own_place(&used.key))
}

/// Makes the folders that the daemon writes in and that aren't there: it couldn't later. Those above must
/// be there; what fails here is told by whoever needs the folder.
pub(super) fn make_folders(config: &Config) {
    for (file, used) in config.paths_by_file() {
        if used.purpose == Purpose::WriteFolder && !used.template {
            let own = instances_own(config, file, &used);
            let _ = DirBuilder::new().mode(FOLDER_MODE).create(own.as_ref().unwrap_or(&used.path));
        }
    }
}

fn folders_of(used: &UsedPath) -> Vec<PathBuf> {
    let is_folder = used.template || used.purpose.is_folder();
    let mut folders = vec![used.folder().to_owned()];
    folders.extend(with_target(&used.path, is_folder));
    folders.extend(with_target(used.folder(), true));
    folders.sort();
    folders.dedup();
    folders
}

/// A folder and where its links lead to; of a file the folder where it really lies.
fn with_target(path: &Path, is_folder: bool) -> Vec<PathBuf> {
    let target = std::fs::canonicalize(path).ok();
    match is_folder {
        true => std::iter::once(path.to_owned()).chain(target).collect(),
        false => target.and_then(|file| file.parent().map(PathBuf::from)).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_is_allowed_and_nothing_beside() {
        let set = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        let rules = Rules { read: set(&["/etc"]), write: set(&["/var/vmail"]), ..Rules::default() };
        assert!(rules.allows(false, Path::new("/etc/postfix")));
        assert!(!rules.allows(true, Path::new("/etc/postfix")));
        assert!(rules.allows(true, Path::new("/var/vmail")));
        assert!(rules.allows(false, Path::new("/var/vmail/x")));
        assert!(!rules.allows(false, Path::new("/var/vmail2")));
    }
}
