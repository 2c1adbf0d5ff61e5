//! relayd as a process: LMTP on a Unix socket in, mail servers of this test out.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends by panicking")]

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use support::dns::Server;
use support::{DeadPort, Line, Sink, eventually};

/// A running relayd; dropped, it is killed.
struct Relayd {
    child: Child,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

impl Relayd {
    fn start(config: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("dvt").tempdir().expect("a folder");
        let socket = folder.path().join("lmtp.sock");
        // No daemon serves as root: started by root, it becomes nobody.
        let user = if nix::unistd::geteuid().is_root() { "user = \"nobody\"\n" } else { "" };
        let text = format!(
            "{user}groups = []\n{config}\n[listener.lmtp]\naddress = \"unix:{}\"\nmode = \"0666\"\n\
             [listener.admin]\naddress = \"unix:{}\"\n",
            socket.display(),
            folder.path().join("admin.sock").display()
        );
        fs::write(folder.path().join("relayd.toml"), text).expect("written");
        fs::write(folder.path().join("domains.toml"), "hostname = \"us.test\"\n").expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_relayd"));
        command.arg("--config").arg(folder.path()).stdout(Stdio::null());
        let child = command.spawn().expect("started");
        Self { child, socket, _folder: folder }
    }

    /// A session that has said LHLO and MAIL.
    fn session(&self) -> Line {
        eventually("relayd's socket", || {
            std::os::unix::net::UnixStream::connect(&self.socket).ok()
        });
        let mut line = Line::unix(&self.socket);
        line.expect("220 ");
        line.ask("LHLO queue.test", "250 ");
        line.ask("MAIL FROM:<a@us.test> SIZE=100", "250 ");
        line
    }
}

impl Drop for Relayd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn send(line: &mut Line, subject: &str) -> String {
    line.ask("DATA", "354 ");
    line.send(format!("Subject: {subject}\r\n\r\n..dotted\r\n.\r\n").as_bytes());
    line.reply()
}

#[test]
fn a_static_route_and_one_reply_a_recipient() {
    let sink = Sink::start();
    let relayd = Relayd::start(&format!("[routes]\n\"far.test\" = \"{}\"", sink.route()));
    let mut line = relayd.session();
    line.ask("RCPT TO:<one@far.test>", "250 2.1.5");
    let refusal = line
        .ask("RCPT TO:<refused@far.test>", "550 5.1.1 host 127.0.0.1[127.0.0.1] said: 550 5.1.1");
    assert!(refusal.ends_with("(in reply to RCPT TO command)"), "{refusal}");
    line.ask("RCPT TO:<two@far.test>", "250 2.1.5");
    line.ask("RCPT TO:<x@other.test>", "452 4.5.3");
    let first = send(&mut line, "routed");
    assert!(first.starts_with("250 2.0.0"), "{first}");
    line.expect("250 2.0.0");
    line.ask("NOOP", "250 ");
    let taken = sink.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].rcpts, ["RCPT TO:<one@far.test>", "RCPT TO:<two@far.test>"]);
    assert_eq!(taken[0].content, "Subject: routed\r\n\r\n.dotted\r\n");
}

#[test]
fn the_next_exchanger_when_one_fails() {
    let dead = DeadPort::reserve();
    let sink = Sink::start();
    let port = sink.route().rsplit_once(':').expect("a port").1.to_owned();
    // Both exchangers are asked on the sink's port: the first one lives at an address where nobody is.
    let zone = "far.test MX 10 dead.far.test\nfar.test MX 20 alive.far.test\ndead.far.test A 127.9.9.9\nalive.far.test A 127.0.0.1\n";
    let dns = Server::start(zone);
    let relayd = Relayd::start(&format!("resolver = [\"{}\"]\nport = {port}", dns.address()));
    let mut line = relayd.session();
    line.ask("RCPT TO:<one@far.test>", "250 2.1.5");
    assert!(send(&mut line, "second").starts_with("250 2.0.0"));
    assert_eq!(sink.taken().len(), 1);
    drop(dead);
}

#[test]
fn what_the_dns_says_for_good_and_for_now() {
    let zone = "null.test MX 0 .\nbroken.test SERVFAIL\nnoaddress.test MX 10 gone.test\nself.test MX 10 us.test\n";
    let dns = Server::start(zone);
    let relayd = Relayd::start(&format!("resolver = [\"{}\"]", dns.address()));
    let verdict = |domain: &str, wanted: &str| {
        relayd.session().ask(&format!("RCPT TO:<x@{domain}>"), wanted);
    };
    verdict("gone.test", "550 5.4.4 gone.test: Host or domain name not found");
    verdict("null.test", "556 5.1.10 Domain null.test does not accept mail (nullMX)");
    verdict("broken.test", "451 4.4.3 broken.test: Host not found, try again");
    verdict("noaddress.test", "550 5.4.4 gone.test: Host or domain name not found");
    verdict("self.test", "554 5.4.6 mail for self.test loops back to myself");
}

#[test]
fn a_dead_port_is_for_now() {
    let port = DeadPort::reserve();
    let relayd = Relayd::start(&format!("[routes]\n\"*\" = \"{}\"", port.route()));
    let said =
        relayd.session().ask("RCPT TO:<x@any.test>", "451 4.4.1 connect to 127.0.0.1[127.0.0.1]:");
    assert!(said.ends_with("Connection refused"), "{said}");
}
