//! The whole system on loopback, as docs/architecture.md's demo contract starts it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tempfile::TempDir;

use crate::line::Line;
use crate::maildir::Maildir;
use crate::wait::eventually;

/// What `dovetail demo --json` says in its first line.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the demo contract documents each key")]
pub struct Addresses {
    pub ready: bool,
    pub root: String,
    pub smtp: String,
    pub submission: String,
    pub submissions: String,
    pub imap: String,
    pub imaps: String,
    pub lmtp: String,
    pub queue: String,
    pub internal: String,
    pub sendmail: String,
    pub relay: String,
    pub auth_client: String,
    pub auth_userdb: String,
    pub admin: BTreeMap<String, String>,
    pub pids: BTreeMap<String, i32>,
    pub ca: String,
    pub mail_root: String,
    pub config: String,
    pub passwd_file: String,
    pub users: Vec<User>,
}

/// One of the demo's users.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the demo contract documents each key")]
pub struct User {
    pub login: String,
    pub password: String,
    pub home: String,
}

/// How a test wants its demo.
#[derive(Debug, Default)]
pub struct Options {
    files: Vec<(String, String)>,
    unprivileged: bool,
    capabilities: Option<&'static str>,
}

impl Options {
    /// Lays `text` over the demo's own configuration file `name`, key by key.
    pub fn config(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Has an ordinary user start it, also where the test runs as root.
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    /// As [`Options::unprivileged`], with these capabilities handed down as a unit's AmbientCapabilities=
    /// are: `+net_bind_service,+chown`. Only root can start it so.
    pub fn capabilities(mut self, list: &'static str) -> Self {
        self.capabilities = Some(list);
        self.unprivileged()
    }

    /// Starts it; returns once every listener accepts.
    pub fn start(self) -> Demo {
        let scratch = tempfile::Builder::new().prefix("dvt").tempdir().unwrap();
        // The demo may drop to another user, who must reach what lies below.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(scratch.path(), open).unwrap();
        let overlay = scratch.path().join("overlay");
        fs::create_dir(&overlay).unwrap();
        for (name, text) in &self.files {
            fs::write(overlay.join(name), text).unwrap();
        }
        let mut command = Command::new(binary("dovetail"));
        if self.unprivileged && nix::unistd::geteuid().is_root() {
            command = as_ordinary_user(scratch.path(), self.capabilities);
        }
        Demo::launch(command, scratch, &overlay)
    }
}

/// A running demo; dropped, it is ended as Ctrl-C would end it.
pub struct Demo {
    child: Child,
    /// Where everything listens.
    pub at: Addresses,
    scratch: TempDir,
}

impl Demo {
    /// The demo as a newcomer gets it.
    pub fn start() -> Self {
        Options::default().start()
    }

    fn launch(mut command: Command, scratch: TempDir, overlay: &Path) -> Self {
        let root = scratch.path().join("r");
        let log = fs::File::create(scratch.path().join("log")).unwrap();
        let mut child = command
            .args(["demo", "--json", "--root"])
            .arg(&root)
            .arg("--config")
            .arg(overlay)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut first).unwrap();
        let at: Addresses = serde_json::from_str(&first).unwrap_or_else(|error| {
            let log = fs::read_to_string(scratch.path().join("log")).unwrap_or_default();
            panic!("the demo did not start: {error}: {first:?}\n{log}")
        });
        assert!(at.ready);
        Self { child, at, scratch }
    }

    /// The user of that login.
    pub fn user(&self, login: &str) -> &User {
        self.at
            .users
            .iter()
            .find(|user| user.login == login)
            .unwrap_or_else(|| panic!("no user {login}"))
    }

    /// That user's Maildir.
    pub fn maildir(&self, login: &str) -> Maildir {
        Maildir::of_home(&self.user(login).home)
    }

    /// Everything that the daemons logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }

    /// A folder that goes away with the demo.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// The demo's own process.
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// A daemon's process as of now: it changes when one dies and is started again.
    pub fn daemon_pid(&self, daemon: &str) -> Option<i32> {
        let text = fs::read(Path::new(&self.at.root).join("pids.json")).ok()?;
        let pids: BTreeMap<String, i32> = serde_json::from_slice(&text).ok()?;
        pids.get(daemon).copied()
    }

    /// Kills a daemon without warning and waits until the demo has started it again.
    pub fn kill(&self, daemon: &str) {
        let old = eventually("a pid", || self.daemon_pid(daemon));
        let _ = kill(Pid::from_raw(old), Signal::SIGKILL);
        eventually(&format!("{daemon} again"), || {
            self.daemon_pid(daemon).filter(|pid| *pid != old)
        });
    }

    /// Runs the operator's command against this demo's daemons.
    pub fn dovetail(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(binary("dovetail"));
        command.arg("--config").arg(&self.at.config).args(arguments);
        crate::tools::finish(&mut command, "")
    }

    /// A connection to port 25 that has said EHLO.
    pub fn smtp(&self) -> Line {
        let mut line = Line::tcp(&self.at.smtp);
        line.expect("220 ");
        line.ask("EHLO client.test", "250 ");
        line
    }

    /// A submission session: STARTTLS, AUTH as the user.
    pub fn submission(&self, login: &str) -> Line {
        let user = self.user(login);
        let mut line = Line::tcp(&self.at.submission);
        line.expect("220 ");
        line.ask("EHLO client.test", "250 ");
        line.ask("STARTTLS", "220 ");
        let mut line = line.start_tls(&self.at.ca);
        line.ask("EHLO client.test", "250 ");
        line.ask(&format!("AUTH PLAIN {}", plain(&user.login, &user.password)), "235 ");
        line
    }

    /// An IMAP session over TLS, logged in.
    pub fn imap(&self, login: &str) -> Line {
        let user = self.user(login);
        let mut line = Line::tls(&self.at.imaps, &self.at.ca);
        line.hear().expect("a greeting");
        line.imap(&format!("login LOGIN {} {}", user.login, user.password), "OK");
        line
    }

    /// Ends it as Ctrl-C or systemd would and checks that it ended cleanly.
    pub fn stop(mut self) {
        kill(Pid::from_raw(self.pid()), Signal::SIGTERM).unwrap();
        let status = eventually("the demo's end", || self.child.try_wait().unwrap());
        assert!(status.success(), "the demo ended with {status}\n{}", self.log());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            println!("── the demo's last log lines\n{}", tail.join("\n"));
        }
    }
}

/// `dovetail` run by nobody, from copies of the binaries that nobody can reach.
fn as_ordinary_user(scratch: &Path, capabilities: Option<&str>) -> Command {
    let folder = scratch.join("bin");
    fs::create_dir(&folder).unwrap();
    for name in ["dovetail", "authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"] {
        let copy = folder.join(name);
        fs::hard_link(binary(name), &copy)
            .or_else(|_| fs::copy(binary(name), &copy).map(|_| ()))
            .unwrap();
    }
    nix::unistd::chown(scratch, Some(65534.into()), Some(65534.into())).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    if let Some(list) = capabilities {
        command.args(["--inh-caps", list, "--ambient-caps", list]);
    }
    command.arg(folder.join("dovetail"));
    command
}

/// The initial response of SASL PLAIN.
pub fn plain(login: &str, password: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("\0{login}\0{password}"))
}

/// A binary of ours, beside the test's own: target/debug/deps/test → target/debug/NAME.
pub fn binary(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let found =
        here.ancestors().skip(1).map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} isn't built: cargo build --workspace --bins"))
}
