//! The demo's folder: what lies where, who owns it, and that nobody else uses it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use tempfile::TempDir;

use super::sockets::LONGEST_SOCKET;
use crate::cli::DemoArguments;
use crate::exit::{EX_TEMPFAIL, EX_USAGE, Failure};

/// The longest path of a Unix socket (sun_path less its NUL; unix(7)).
const MAX_UNIX_PATH: usize = 107;

/// Who owns the data and what the daemons run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The name that daemons started as root are told to become; none when there is nothing to drop.
    pub(super) user: Option<String>,
}

impl Owner {
    fn find(user: &str) -> Result<Self, Failure> {
        let (uid, gid) = daemon::users::own_ids();
        if uid != 0 {
            return Ok(Self { uid, gid, user: None });
        }
        let unknown =
            || Failure::new(EX_USAGE, format!("--user: there is no user {user:?} on this system"));
        let uid = daemon::users::uid(user).ok_or_else(unknown)?;
        let gid = daemon::users::primary_gid(user).ok_or_else(unknown)?;
        if uid == 0 {
            return Err(Failure::new(
                EX_USAGE,
                "--user: the daemons don't run as root; name another user",
            ));
        }
        Ok(Self { uid, gid, user: Some(user.to_owned()) })
    }
}

/// The folder and its parts.
pub(super) struct Layout {
    root: PathBuf,
    run: PathBuf,
    pub(super) owner: Owner,
    /// Removed at the end; none for a folder that the user named.
    scratch: Option<TempDir>,
    short: Option<TempDir>,
    _lock: Flock<File>,
}

impl Layout {
    /// Makes the folders, or takes them up again; nobody else may use them at the same time.
    pub(super) fn make(arguments: &DemoArguments) -> Result<Self, Failure> {
        let owner = Owner::find(&arguments.user)?;
        let (root, scratch) = match &arguments.root {
            Some(root) => (named_root(root)?, None),
            None => {
                let scratch = short_folder("dovetail-demo-")?;
                (scratch.path().to_owned(), Some(scratch))
            }
        };
        let lock = lock(&root)?;
        // Root's demo has daemons of another user, and a Postfix beside it, that must pass through.
        let mode = if owner.user.is_some() { 0o755 } else { 0o700 };
        set_mode(&root, mode)?;
        let (run, short) = run_folder(&root)?;
        let layout = Self { root, run, owner, scratch, short, _lock: lock };
        for folder in [layout.etc(), layout.tls(), layout.run.clone()] {
            make_folder(&folder, 0o755)?;
        }
        for name in crate::places::DAEMONS {
            make_folder(&layout.run.join(name), 0o755)?;
        }
        for folder in [layout.mail_root(), layout.spool(), layout.state("smtpd")] {
            make_folder(&folder, 0o700)?;
            layout.give(&folder)?;
        }
        Ok(layout)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Configuration.
    pub(super) fn etc(&self) -> PathBuf {
        self.root.join("etc")
    }

    /// Certificates and keys.
    pub(super) fn tls(&self) -> PathBuf {
        self.root.join("tls")
    }

    /// The CA's certificate, which clients trust.
    pub(super) fn ca(&self) -> PathBuf {
        self.root.join("ca.pem")
    }

    /// Homes are MAIL_ROOT/DOMAIN/USER.
    pub(super) fn mail_root(&self) -> PathBuf {
        self.root.join("vmail")
    }

    pub(super) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// A daemon's own folder.
    pub(super) fn state(&self, daemon: &str) -> PathBuf {
        self.root.join(format!("{daemon}-state"))
    }

    pub(super) fn passwd_file(&self) -> PathBuf {
        self.etc().join("users")
    }

    pub(super) fn aliases(&self) -> PathBuf {
        self.etc().join("virtual")
    }

    /// A daemon's Unix socket.
    pub(super) fn socket(&self, daemon: &str, listener: &str) -> PathBuf {
        self.run.join(daemon).join(format!("{listener}.sock"))
    }

    /// Writes a file whole or not at all: a new one takes the old one's place by rename.
    pub(super) fn write(&self, path: &Path, mode: u32, text: &str) -> Result<(), Failure> {
        let failed = |error| Failure::system(path.display(), error);
        let fresh = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(mode);
        let mut file = options.open(&fresh).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        set_mode(&fresh, mode)?;
        std::fs::rename(&fresh, path).map_err(failed)
    }

    /// Lets the daemons read every file of configuration, also after they dropped root.
    pub(super) fn open_configuration(&self) -> Result<(), Failure> {
        let failed = |error| Failure::system(self.etc().display(), error);
        for entry in std::fs::read_dir(self.etc()).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                set_mode(&path, 0o644)?;
            }
        }
        Ok(())
    }

    /// Gives a file or folder to the user that the daemons run as.
    pub(super) fn give(&self, path: &Path) -> Result<(), Failure> {
        if self.owner.user.is_none() {
            return Ok(());
        }
        let given = std::os::unix::fs::lchown(path, Some(self.owner.uid), Some(self.owner.gid));
        given.map_err(|error| Failure::system(path.display(), error))
    }

    /// Removes what was only for this run.
    pub(super) fn clean_up(self) {
        drop(self.short);
        drop(self.scratch);
    }
}

fn named_root(root: &Path) -> Result<PathBuf, Failure> {
    let failed = |error| Failure::system(root.display(), error);
    std::fs::DirBuilder::new().recursive(true).mode(0o755).create(root).map_err(failed)?;
    // Daemons and clients have other working folders.
    let root = root.canonicalize().map_err(failed)?;
    if root.to_str().is_none() {
        return Err(Failure::new(EX_USAGE, format!("{}: the path must be UTF-8", root.display())));
    }
    Ok(root)
}

fn lock(root: &Path) -> Result<Flock<File>, Failure> {
    let path = root.join("lock");
    let opened =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = opened.map_err(|error| Failure::system(path.display(), error))?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
        Failure::new(EX_TEMPFAIL, format!("{}: another demo runs there", root.display()))
    })
}

/// Where sockets go: below the root, or in a short folder of their own when their paths would not
/// fit a socket's address.
fn run_folder(root: &Path) -> Result<(PathBuf, Option<TempDir>), Failure> {
    let run = root.join("run");
    if run.as_os_str().len() + LONGEST_SOCKET <= MAX_UNIX_PATH {
        return Ok((run, None));
    }
    let short = short_folder("dvt-")?;
    set_mode(short.path(), 0o755)?;
    let text = format!(
        "{} is too long for Unix sockets: they are in {}",
        root.display(),
        short.path().display()
    );
    let _ = writeln!(std::io::stderr(), "dovetail: {text}");
    Ok((short.path().to_owned(), Some(short)))
}

fn short_folder(prefix: &str) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|error| Failure::system("a scratch folder", error))
}

fn make_folder(path: &Path, mode: u32) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|error| Failure::system(path.display(), error))?;
    set_mode(path, mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    let set = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode));
    set.map_err(|error| Failure::system(path.display(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(root: &Path) -> DemoArguments {
        DemoArguments { root: Some(root.to_owned()), port_base: None, user: "nobody".to_owned() }
    }

    #[test]
    fn one_demo_a_root_which_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("r");
        let first = Layout::make(&arguments(&root)).unwrap();
        assert!(first.socket("smtpd", "internal").starts_with(&root));
        let second = Layout::make(&arguments(&root)).err().unwrap();
        assert_eq!(second.code, EX_TEMPFAIL, "{}", second.message);
        first.write(&first.etc().join("a.toml"), 0o644, "x = 1").unwrap();
        first.clean_up();
        let again = Layout::make(&arguments(&root)).unwrap();
        assert_eq!(std::fs::read_to_string(again.etc().join("a.toml")).unwrap(), "x = 1");
    }

    #[test]
    fn a_long_root_has_its_sockets_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("l".repeat(100));
        let layout = Layout::make(&arguments(&root)).unwrap();
        let socket = layout.socket("smtpd", "internal");
        assert!(!socket.starts_with(&root) && socket.as_os_str().len() <= MAX_UNIX_PATH);
        std::os::unix::net::UnixListener::bind(&socket).unwrap();
        layout.clean_up();
        assert!(!socket.exists(), "the short folder is for this run only");
    }
}
