//! A daemon as a process, started on a configuration of the test's, and how it is spoken to.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The example beside the test's own program.
pub(crate) fn echod() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let built = own.ancestors().nth(2).unwrap().join("examples/echod");
    assert!(built.is_file(), "{} isn't built: cargo build -p daemon --examples", built.display());
    built
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) struct Echod {
    pub(crate) child: Child,
    pub(crate) dir: tempfile::TempDir,
}

impl Echod {
    /// Starts it with this configuration before the tables, and these listeners.
    pub(crate) fn start(own: &str, tables: &str) -> Self {
        let dir = folder(own, tables);
        Self::launch(Command::new(echod()), dir)
    }

    pub(crate) fn launch(command: Command, dir: tempfile::TempDir) -> Self {
        Self::launch_with(command, dir, Stdio::null())
    }

    pub(crate) fn launch_with(mut command: Command, dir: tempfile::TempDir, stdin: Stdio) -> Self {
        let log = fs::File::create(dir.path().join("stderr")).unwrap();
        command.arg("--config").arg(dir.path()).stderr(log).stdin(stdin);
        Self { child: command.spawn().unwrap(), dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().unwrap())
    }

    /// Asks the admin socket; status and body.
    pub(crate) fn ask(&self, request: &str) -> (u16, Value) {
        let mut stream =
            eventually("the admin socket", || UnixStream::connect(self.path("admin.sock")).ok());
        stream = patient(stream);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        (status, serde_json::from_str(body).unwrap())
    }

    pub(crate) fn status(&self) -> Value {
        self.ask("GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").1
    }

    pub(crate) fn address(&self, listener: &str) -> String {
        self.status()["listeners"][listener][0].as_str().unwrap().to_owned()
    }

    pub(crate) fn connect(&self, listener: &str) -> BufReader<TcpStream> {
        let stream = TcpStream::connect(self.address(listener)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        BufReader::new(stream)
    }
}

impl Drop for Echod {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A folder with echod.toml; everything in it is for the user that root's daemon becomes.
pub(crate) fn folder(own: &str, tables: &str) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("dvt").tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write_config(dir.path(), own, tables);
    if is_root() {
        nix::unistd::chown(dir.path(), Some(65534.into()), Some(65534.into())).unwrap();
    }
    dir
}

pub(crate) fn write_config(dir: &Path, own: &str, tables: &str) {
    let user = if is_root() { "user = \"nobody\"\ngroups = []\n" } else { "" };
    let path = dir.display();
    let text = format!(
        "{user}drain = \"500ms\"\n{own}\n[listener.admin]\naddress = \"unix:{path}/admin.sock\"\n{tables}"
    );
    fs::write(dir.join("echod.toml"), text).unwrap();
}

pub(crate) const TCP: &str = "[listener.echo]\naddress = \"127.0.0.1:0\"\n";

/// A socket that nobody serves must fail its test, not hang it.
pub(crate) fn patient(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

pub(crate) fn heard(stream: &mut impl BufRead) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line
}
