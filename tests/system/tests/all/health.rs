//! What an operator's monitoring sees: status, health, metrics of the whole system; a daemon that hangs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use support::demo::binary;
use support::{Demo, PATIENCE, eventually};

const DAEMONS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];

fn said(demo: &Demo, arguments: &[&str]) -> (Option<i32>, String) {
    let output = demo.dovetail(arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn all_daemons_at_a_glance_and_one_that_hangs() {
    let demo = Demo::start();
    let (code, status) = said(&demo, &["status"]);
    assert_eq!(code, Some(0), "{status}");
    for name in DAEMONS {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(" running ") && line.ends_with(" good"), "{status}");
    }
    assert!(status.lines().all(|line| line.chars().count() <= 80), "{status}");
    assert!(status.contains("\nqueue: empty\n"), "{status}");
    assert!(status.contains("\ncertificates: the first ends in "), "{status}");
    let (code, health) = said(&demo, &["health"]);
    assert_eq!((code, health.lines().next()), (Some(0), Some("good: 6 daemons")), "{health}");
    let (code, all) = said(&demo, &["status", "--json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    assert_eq!((code, &all["queue"]["messages"]), (Some(0), &0.into()), "{all}");

    let authd = Pid::from_raw(demo.daemon_pid("authd").unwrap());
    kill(authd, Signal::SIGSTOP).unwrap();
    // smtpd's answer from before is good for a second; its client gives up, or the check does.
    let health = eventually("bad health", || {
        let (code, health) = said(&demo, &["health"]);
        (code == Some(2) && health.contains("smtpd authd: no")).then_some(health)
    });
    assert!(health.starts_with("bad: authd running: "), "{health}");
    let (code, status) = said(&demo, &["status"]);
    assert_eq!(code, Some(75), "{status}");
    assert!(status.lines().any(|line| line.starts_with("authd   away")), "{status}");
    kill(authd, Signal::SIGCONT).unwrap();
    eventually("good health again", || (said(&demo, &["health"]).0 == Some(0)).then_some(()));
    demo.stop();
}

/// Ends what it started.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn ask(address: &str, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[test]
fn metrics_of_all_daemons_on_tcp_read_only() {
    let demo = Demo::start();
    let mut mail = demo.smtp();
    mail.ask("MAIL FROM:<a@remote.test>", "250 ");
    mail.ask("RCPT TO:<alice@example.test>", "250 ");
    mail.ask("DATA", "354 ");
    mail.ask("Subject: x\r\n\r\nx\r\n.", "250 ");
    let mut command = Command::new(binary("dovetail"));
    command.arg("--config").arg(&demo.at.config);
    command.args(["metrics", "serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut served = Served(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(served.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("serving metrics at ").unwrap();

    let (status, text) = ask(address, "GET /metrics");
    assert!(status.contains(" 200 "), "{status}");
    for name in DAEMONS {
        assert!(text.contains(&format!("dovetail_up{{daemon=\"{name}\"}} 1\n")), "{text}");
        let rss = format!("process_resident_memory_bytes{{daemon=\"{name}\"}} ");
        assert!(text.contains(&rss), "{rss}\n{text}");
    }
    let wanted = "dovetail_smtpd_messages_straight_in_total{daemon=\"smtpd\"} 1\n";
    assert!(text.contains(wanted), "{text}");
    let wanted = "dovetail_lmtpd_delay_seconds_count{daemon=\"lmtpd\"} 1\n";
    assert!(text.contains(wanted), "{text}");
    assert_eq!(text.matches("# TYPE dovetail_up gauge\n").count(), 1, "{text}");
    documented(&text);
    for (request, wanted) in
        [("POST /metrics", " 405 "), ("GET /v1/status", " 404 "), ("DELETE /v1/queue/x", " 404 ")]
    {
        let (status, _) = ask(address, request);
        assert!(status.contains(wanted), "{request}: {status}");
    }
    drop(served);
    demo.stop();
}

/// docs/metrics.md has every metric, and no other.
fn documented(text: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let names = cells.map(|(name, _)| name).filter(is_name);
    let told: std::collections::BTreeSet<&str> = names.collect();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let there: std::collections::BTreeSet<&str> = types.map(|(name, _)| name).collect();
    let missing: Vec<_> = there.difference(&told).collect();
    assert!(missing.is_empty(), "docs/metrics.md lacks {missing:?}");
    let gone: Vec<_> = told.difference(&there).collect();
    assert!(gone.is_empty(), "docs/metrics.md has {gone:?}, which nobody shows");
}
