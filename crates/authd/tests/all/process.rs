//! A running authd with sockets and files in a folder of its own.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use tempfile::TempDir;

/// How long anything may take before the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The users of the recorded dialogues.
pub(crate) const USERS: &str = "\
p0@example.test:{PLAIN}secret:5000:5000::/var/vmail/example.test/p0::
nol@example.test:{PLAIN}secret:5000:5000::/var/vmail/example.test/nol::nologin reason=maintenance
net@example.test:{PLAIN}secret:5000:5000::/var/vmail/example.test/net::allow_nets=192.0.2.0/24
sha@example.test:{SHA256}z!:5000:5000::/var/vmail/example.test/sha::
ful@example.test:{PLAIN}secret:5000:5000::/var/vmail/example.test/ful::userdb_quota_rule=*:storage=5K
later@example.test:{PLAIN}secret:5000:5000::/h::userdb_tempfail=yes userdb_reason=later
";

pub(crate) struct Authd {
    child: Child,
    folder: TempDir,
}

impl Authd {
    /// Starts one over these users. `extra` stands at the head of its configuration.
    pub(crate) fn start(users: &str, extra: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("dva").tempdir().unwrap();
        // Started by root it becomes another user, who must reach what lies below.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let root = folder.path().display();
        let who = if geteuid().is_root() { "user = \"nobody\"\ngroups = []\n" } else { "" };
        let config = format!(
            "{who}{extra}\n[passdb.users]\npath = \"{root}/users\"\n[userdb.users]\npath = \"{root}/users\"\n\
             [listener.client]\naddress = \"unix:{root}/client.sock\"\nmode = \"0777\"\n\
             [listener.userdb]\naddress = \"unix:{root}/userdb.sock\"\nmode = \"0777\"\n\
             [listener.admin]\naddress = \"unix:{root}/admin.sock\"\n"
        );
        fs::write(folder.path().join("authd.toml"), config).unwrap();
        fs::write(folder.path().join("users"), users).unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_authd"));
        let child = command.arg("--config").arg(folder.path()).stderr(log).spawn().unwrap();
        let authd = Self { child, folder };
        authd.wait_for_sockets();
        authd
    }

    fn wait_for_sockets(&self) {
        let deadline = Instant::now() + PATIENCE;
        for name in ["client", "userdb"] {
            while UnixStream::connect(self.socket(name)).is_err() {
                assert!(Instant::now() < deadline, "authd did not start:\n{}", self.log());
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    pub(crate) fn socket(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.sock"))
    }

    pub(crate) fn users(&self) -> PathBuf {
        self.folder.path().join("users")
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("authd.toml")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until the log says this `times` times.
    pub(crate) fn wait_for_log(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.log().matches(text).count() < times {
            assert!(Instant::now() < deadline, "not logged: {text}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Ends it and starts another one in its place.
    pub(crate) fn restart(&mut self) {
        self.stop();
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_authd"));
        self.child = command.arg("--config").arg(self.folder.path()).stderr(log).spawn().unwrap();
        self.wait_for_sockets();
    }

    /// Ends it as the service manager would; it must end by itself.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it did not stop:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// What the admin socket says.
    pub(crate) fn status(&self) -> String {
        use std::io::Write as _;
        let mut socket = UnixStream::connect(self.socket("admin")).unwrap();
        socket
            .write_all(b"GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Authd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("── authd's log\n{}", self.log());
        }
    }
}
