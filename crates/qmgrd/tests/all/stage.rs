//! A qmgrd with its spool, its sockets and its log in a folder of their own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Line, eventually};

use crate::hop::Hop;

/// Soon tried again, and for an hour.
pub(crate) const SOON: &str =
    "retry_min = \"20ms\"\nretry_max = \"50ms\"\nlifetime = \"1h\"\nbounce_lifetime = \"1h\"\n";

/// The configuration, and a qmgrd that runs with it. Dropped, it is killed.
pub(crate) struct Stage {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Stage {
    /// A folder with a configuration; nothing runs yet.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("dvt").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let stage = Self { folder, child: None };
        // No daemon serves as root: started by root, it becomes nobody.
        let root = nix::unistd::geteuid().is_root();
        let user = if root { "user = \"nobody\"\n" } else { "" };
        let trusted = match config.contains("trusted_ids") {
            true => String::new(),
            false => format!("trusted_ids = [\"{}\"]\n", nix::unistd::geteuid()),
        };
        let text = format!(
            "{user}groups = []\nspool = \"{}\"\noutgoing = \"{}\"\n{trusted}{config}\n\
             [listener.lmtp]\naddress = \"unix:{}\"\nmode = \"0666\"\n\
             [listener.admin]\naddress = \"unix:{}\"\nmode = \"0666\"\n",
            stage.path("spool").display(),
            stage.path("out").display(),
            stage.path("lmtp").display(),
            stage.path("admin").display(),
        );
        std::fs::write(stage.path("qmgrd.toml"), text).unwrap();
        let domains = format!(
            "hostname = \"mx.example.test\"\nmyorigin = \"example.test\"\n\
             mailbox_domains = [\"example.test\"]\nlocal_lmtp = \"{}\"\nremote_lmtp = \"{}\"\n",
            stage.path("local").display(),
            stage.path("remote").display(),
        );
        std::fs::write(stage.path("domains.toml"), domains).unwrap();
        stage
    }

    /// One that runs.
    pub(crate) fn start(config: &str) -> Self {
        let mut stage = Self::new(config);
        stage.run();
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a next hop on one of the sockets `local`, `remote`, `out`.
    pub(crate) fn hop(&self, name: &str) -> Hop {
        Hop::start(&self.path(name))
    }

    pub(crate) fn command(&self) -> Command {
        let log =
            std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_qmgrd"));
        command.arg("--config").arg(self.folder.path()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// Starts it, again after [`Stage::kill`].
    pub(crate) fn run(&mut self) {
        let _ = std::fs::remove_file(self.path("lmtp"));
        self.child = Some(self.command().spawn().unwrap());
        // Its sockets are there before it is: clients wait, but we want to see it at work.
        eventually("qmgrd's answer", || {
            UnixStream::connect(self.path("admin")).ok()?;
            (self.ask("GET", "/v1/queue").0 == 200).then_some(())
        });
    }

    /// SIGHUP.
    pub(crate) fn reload(&self) {
        let pid = self.child.as_ref().unwrap().id() as i32;
        let signal = nix::sys::signal::Signal::SIGHUP;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).unwrap();
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A session that has said LHLO.
    pub(crate) fn session(&self) -> Line {
        let mut line = Line::unix(self.path("lmtp"));
        line.expect("220 ");
        line.ask("LHLO client.test", "250 ");
        line
    }

    /// Sends a message; its queue id.
    pub(crate) fn send(&self, from: &str, to: &[&str], subject: &str) -> String {
        self.send_with(&format!("MAIL FROM:{from}"), to, subject)
    }

    pub(crate) fn send_with(&self, mail: &str, to: &[&str], subject: &str) -> String {
        let mut line = self.session();
        line.ask(mail, "250 ");
        for rcpt in to {
            line.ask(&format!("RCPT TO:<{rcpt}>"), "250 ");
        }
        line.ask("DATA", "354 ");
        line.send(message(subject).replace("\r\n.", "\r\n..").as_bytes());
        let mut id = String::new();
        line.send(b".\r\n");
        for _ in to {
            let reply = line.expect("250 2.0.0 Ok: queued as ");
            id = reply.rsplit(' ').next().unwrap().to_owned();
        }
        id
    }

    /// A request to the admin socket: status and JSON.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        ask(&self.path("admin"), method, path)
    }

    /// What the queue's list shows.
    pub(crate) fn listed(&self) -> Vec<Value> {
        let (status, answer) = self.ask("GET", "/v1/queue");
        assert_eq!(status, 200, "{answer}");
        answer.get("messages").and_then(Value::as_array).cloned().unwrap()
    }

    pub(crate) fn until_empty(&self) {
        eventually("an empty queue", || self.listed().is_empty().then_some(()));
        // The spool is qmgrd's alone; only root, and qmgrd's own user, may look.
        for folder in ["tmp", "queue", "state", "corrupt"] {
            let count = || std::fs::read_dir(self.path("spool").join(folder)).unwrap().count();
            eventually(&format!("an empty folder {folder}"), || (count() == 0).then_some(()));
        }
    }

    /// Waits until a line of the log holds all of these.
    pub(crate) fn logged(&self, pieces: &[&str]) -> String {
        eventually(&format!("a log line with {pieces:?}"), || {
            let log = self.log();
            let found = log.lines().find(|line| pieces.iter().all(|piece| line.contains(piece)));
            found.map(str::to_owned)
        })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

pub(crate) fn message(subject: &str) -> String {
    format!(
        "Received: from cl.test\r\n\tby mx.example.test id x\r\nFrom: x@ok.test\r\n\
         Subject: {subject}\r\nMessage-Id: <{subject}@ok.test>\r\n\r\nhello\r\n.dotted\r\n"
    )
}

fn ask(socket: &Path, method: &str, path: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}")))
}

/// The names for a dialogue: none.
pub(crate) fn no_names() -> BTreeMap<&'static str, String> {
    BTreeMap::new()
}
