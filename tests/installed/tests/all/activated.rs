//! Each daemon under systemd-socket-activate: it serves on a socket that it didn't bind.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};

use installed::target;
use support::{PATIENCE, eventually, tools};

/// A daemon, the listener that it is given, its configuration, what is said to it and what it says.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: [Case; 6] = [
    (
        "authd",
        "client",
        "[passdb.x]\npath = \"DIR/users\"\n[listener.client]\n",
        "",
        "VERSION\t1\t",
    ),
    ("smtpd", "smtp", "scratch = \"DIR\"\n[listener.smtp]\n", "", "220 "),
    ("qmgrd", "lmtp", "spool = \"DIR/spool\"\ntrusted_ids = []\n[listener.lmtp]\n", "", "220 "),
    ("relayd", "lmtp", "[listener.lmtp]\n", "", "220 "),
    ("lmtpd", "lmtp", "[listener.lmtp]\n", "", "220 "),
    ("imapd", "imap", "[listener.imap]\n", "", "* OK "),
];

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn each_daemon_serves() {
    tools::need("/usr/bin/systemd-socket-activate", "systemd");
    for case in CASES {
        serves(case);
    }
}

fn serves((name, listener, own, say, hear): Case) {
    let dir = tempfile::Builder::new().prefix("dva").tempdir().unwrap();
    let place = dir.path().display().to_string();
    // It serves as nobody where root runs the test.
    let own = format!("groups = []\nuser = \"nobody\"\n{}", own.replace("DIR", &place));
    fs::write(dir.path().join(format!("{name}.toml")), own).unwrap();
    fs::write(dir.path().join("users"), "a@example.test:{PLAIN}x\n").unwrap();
    fs::create_dir(dir.path().join("spool")).unwrap();
    for path in [dir.path().to_owned(), dir.path().join("spool")] {
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        if nix::unistd::geteuid().is_root() {
            nix::unistd::chown(&path, Some(nobody.uid), Some(nobody.gid)).unwrap();
        }
    }
    let socket = dir.path().join("s");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(&socket).arg(format!("--fdname={listener}"));
    command.arg(target().join("debug").join(name)).arg("--config").arg(dir.path());
    let log = fs::File::create(dir.path().join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let _running = Running(command.spawn().unwrap());
    let mut stream = eventually("the socket", || UnixStream::connect(&socket).ok());
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(say.as_bytes()).unwrap();
    let mut line = String::new();
    let heard = BufReader::new(stream).read_line(&mut line);
    let log = fs::read_to_string(dir.path().join("log")).unwrap();
    assert!(heard.is_ok() && line.starts_with(hear), "{name} said {line:?}\n{log}");
}
