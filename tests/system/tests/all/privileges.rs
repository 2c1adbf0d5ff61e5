//! Who the daemons are once they serve, by the kernel's word: no root, no capability, no way back; and
//! that none serves as somebody whom the configuration doesn't mean.

use std::fs;
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;
use support::demo::binary;
use support::{Demo, Options, tools};

const DAEMONS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];
const NONE: [&str; 1] = ["0000000000000000"];

/// What /proc says of a process.
struct Status(String);

impl Status {
    fn of(demo: &Demo, daemon: &str) -> Self {
        let pid = demo.daemon_pid(daemon).unwrap();
        Self(fs::read_to_string(format!("/proc/{pid}/status")).unwrap())
    }

    fn field(&self, name: &str) -> Vec<&str> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().collect()
    }

    /// Holds nothing, and can't come to hold anything.
    fn check(&self, daemon: &str) {
        assert_eq!(self.field("NoNewPrivs:"), ["1"], "{daemon}");
        assert_eq!(self.field("Seccomp:"), ["2"], "{daemon}");
        for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
            assert_eq!(self.field(set), NONE, "{daemon} {set}");
        }
        for ids in [self.field("Uid:"), self.field("Gid:")] {
            assert!(ids.iter().all(|id| *id == ids[0] && *id != "0"), "{daemon} {ids:?}");
        }
    }
}

/// Root's demo, with these lines in each daemon's file.
fn demo(lines: &str) -> Demo {
    let with = |options: Options, name: &&str| options.config(&format!("{name}.toml"), lines);
    DAEMONS.iter().fold(Options::default(), with).start()
}

#[test]
fn root_leaves_for_good_with_the_listed_groups_alone() {
    if !geteuid().is_root() {
        return;
    }
    let demo = demo("group = \"12\"\ngroups = [\"8\", \"mail\", \"37\"]\n");
    for daemon in DAEMONS {
        let status = Status::of(&demo, daemon);
        status.check(daemon);
        assert_eq!(status.field("CapBnd:"), NONE, "{daemon}");
        assert_eq!(status.field("Uid:"), ["65534"; 4], "{daemon}");
        assert_eq!(status.field("Gid:"), ["12"; 4], "{daemon}");
        let mut groups = status.field("Groups:");
        groups.dedup();
        assert_eq!(groups, ["8", "37"], "{daemon}");
    }
    demo.stop();
}

#[test]
fn an_ordinary_user_just_works() {
    let demo = Options::default().unprivileged().start();
    for daemon in DAEMONS {
        Status::of(&demo, daemon).check(daemon);
    }
    demo.stop();
}

#[test]
fn capabilities_that_a_parent_hands_down_are_let_go() {
    if !geteuid().is_root() {
        return;
    }
    let demo = Options::default().capabilities("+net_bind_service,+chown,+dac_override").start();
    let held = format!("/proc/{}/status", demo.pid());
    let held = Status(fs::read_to_string(held).unwrap());
    assert_ne!(held.field("CapAmb:"), NONE, "the demo itself has them");
    for daemon in DAEMONS {
        let status = Status::of(&demo, daemon);
        status.check(daemon);
        assert_eq!(status.field("Uid:"), ["65534"; 4], "{daemon}");
    }
    demo.stop();
}

#[test]
fn nobody_serves_as_somebody_else() {
    if !geteuid().is_root() {
        return;
    }
    let demo = Demo::start();
    for (lines, wanted) in [
        ("user = \"no-such-user\"", "there is no user \"no-such-user\" on this system: make it"),
        ("user = \"root\"", "the daemon doesn't run as root: name another user"),
        ("user = \"0\"", "the daemon doesn't run as root: name another user"),
        ("group = \"no-such-group\"", "there is no group of \"no-such-group\" on this system"),
        ("group = \"root\"", "the daemon doesn't run in root's group: name another"),
        ("groups = [\"no-such-group\"]", "there is no group \"no-such-group\" on this system"),
        ("groups = [\"root\"]", "the daemon doesn't run in root's group: name another"),
    ] {
        for daemon in DAEMONS {
            let (code, said) = start(&demo, daemon, lines);
            assert_eq!(code, Some(78), "{daemon} {lines}: {said}");
            let key = lines.split(' ').next().unwrap();
            assert!(said.contains(&format!("`{key}`: {wanted}")), "{daemon} {lines}: {said}");
        }
    }
    demo.stop();
}

/// Starts a daemon on the demo's configuration with this key changed; gives what came of it.
fn start(demo: &Demo, daemon: &str, line: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(&demo.at.config).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let file = Path::new(folder.path()).join(format!("{daemon}.toml"));
    let text = fs::read_to_string(&file).unwrap();
    let key = line.split(' ').next().unwrap();
    let old = text.lines().find(|old| old.starts_with(&format!("{key} ="))).unwrap();
    fs::write(&file, text.replacen(old, line, 1)).unwrap();
    // One that serves after all must fail the test, not hang it.
    let mut command = Command::new("timeout");
    command.arg("20").arg(binary(daemon)).arg("--config").arg(folder.path());
    let output = tools::finish(&mut command, "");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}
