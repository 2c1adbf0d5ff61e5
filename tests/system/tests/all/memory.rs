//! What a connection that only waits costs its daemon, measured (docs/limits.md).

use std::fs;

use support::{Demo, Line, eventually};

const MANY: usize = 400;
/// Octets that an idle connection may cost in clear: its task, its session, one small buffer. Debug
/// builds have larger tasks.
const MOST: usize = 40 << 10;

/// Resident memory of a daemon, in octets.
fn resident(demo: &Demo, daemon: &str) -> usize {
    let pid = demo.daemon_pid(daemon).unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn sessions(demo: &Demo, daemon: &str) -> usize {
    let output = demo.dovetail(&["who", "--json", daemon]);
    let shown: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let idle =
        |one: &&serde_json::Value| matches!(one["state"].as_str(), Some("idle" | "not logged in"));
    shown["sessions"].as_array().unwrap().iter().filter(idle).count()
}

fn cost(demo: &Demo, daemon: &str, address: &str, greeting: &str) -> usize {
    let connect = |count: usize| -> Vec<Line> {
        let line = |_| {
            let mut line = Line::tcp(address);
            line.expect(greeting);
            line
        };
        let lines = (0..count).map(line).collect();
        eventually("all idle", || (sessions(demo, daemon) >= count).then_some(()));
        lines
    };
    // The first ones pay for what is made once.
    drop(connect(50));
    eventually("none left", || (sessions(demo, daemon) == 0).then_some(()));
    let before = resident(demo, daemon);
    let held = connect(MANY);
    let each = resident(demo, daemon).saturating_sub(before) / MANY;
    drop(held);
    println!("{daemon}: {each} octets for each idle connection");
    each
}

#[test]
fn an_idle_connection_is_cheap() {
    let demo = Demo::start();
    let smtp = cost(&demo, "smtpd", &demo.at.smtp, "220 ");
    let imap = cost(&demo, "imapd", &demo.at.imap, "* OK ");
    assert!(smtp < MOST && imap < MOST, "smtp {smtp}, imap {imap}");
    demo.stop();
}
