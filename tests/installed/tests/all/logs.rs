//! Logs of an installation: logrotate over the daemons' own files, fail2ban over the journal.

use installed::{Machine, packages, root};
use support::tools;

/// Each daemon and its user.
const DAEMONS: [(&str, &str); 6] = [
    ("authd", "doveauth"),
    ("smtpd", "dvsmtpd"),
    ("qmgrd", "dvqueue"),
    ("relayd", "dvrelay"),
    ("lmtpd", "vmail"),
    ("imapd", "vmail"),
];

#[test]
fn logrotate_takes_the_shipped_file() {
    packages::build();
    let layer = root::with("logrotate");
    let machine = Machine::boot(&[&layer]);
    machine.run(&packages::install(&packages::ALL));
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    for (daemon, _) in DAEMONS {
        let file = format!("/var/log/dovetail/{daemon}/{daemon}.log");
        machine.run(&format!(
            "printf '\\n[log]\\nfile = \"{file}\"\\n' >>/etc/dovetail/{daemon}.toml"
        ));
    }
    machine.run("dovetail config check && systemctl start dovetail.target");
    for round in 1..=2 {
        let said = machine.run("logrotate --force /etc/logrotate.d/dovetail 2>&1");
        assert_eq!(said, "");
        // Who still wrote into the renamed file would say it there.
        machine.run("systemctl reload dovetail");
        for (daemon, user) in DAEMONS {
            let file = format!("/var/log/dovetail/{daemon}/{daemon}.log");
            machine.wait_for("a line in the new file", &format!("grep -q reloaded {file}"));
            let made = machine.run(&format!("stat -c '%U %G %a' {file}"));
            assert_eq!(made, format!("{user} {user} 640\n"));
            let told = machine.run(&format!("cat {file}.1 {file} | grep -c reloaded"));
            assert_eq!(told.trim(), round.to_string(), "{daemon}");
            let earlier = machine.run(&format!("grep -c reloaded {file}.1 || true"));
            assert_eq!(earlier.trim(), (round - 1).to_string(), "{daemon}");
        }
    }
    machine.run(
        "for folder in /var/log/dovetail/*; do test -s \"$folder\"/*.log.2.gz || exit 1; done",
    );
}

#[test]
fn fail2ban_finds_failures_in_the_journal() {
    tools::need("/usr/bin/fail2ban-regex", "fail2ban");
    let machine = root::with_dovetail();
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    machine.write("/etc/dovetail/users", "alice@example.test:{PLAIN}secret::::::\n");
    machine.run(
        "systemctl enable --quiet dovetail-imapd-imap.socket dovetail-smtpd-smtp.socket && \
         systemctl start dovetail.target",
    );
    let log_in = |login: &str| {
        let arguments = ["-sS", "-m", "20", "-u", login, "imap://127.0.0.1/INBOX"];
        machine.in_network("curl", &arguments).status.success()
    };
    assert!(!log_in("alice@example.test:wrong"));
    assert!(log_in("alice@example.test:secret"));
    assert!(!log_in("nobody@example.test:secret"));
    let swaks = ["--server", "127.0.0.1", "--from", "x@example.net", "--to", "nobody@example.test"];
    assert!(!machine.in_network("swaks", &swaks).status.success());
    machine.run("journalctl --sync");
    let files = machine
        .run("find /var/log/journal /run/log/journal -name 'system*.journal' 2>/dev/null || true");
    let files: Vec<String> = files
        .lines()
        .map(|file| format!("journalfiles={}", machine.path(file).display()))
        .collect();
    assert!(!files.is_empty());
    let source = format!("systemd-journal[{}]", files.join(","));
    let found = |filter: &str| {
        // The shipped filter, where the package puts it.
        let filter = machine.path(&format!("/etc/fail2ban/filter.d/{filter}.conf"));
        let mut command = std::process::Command::new("/usr/bin/fail2ban-regex");
        tools::run(command.args(["--out", "ip", &source]).arg(filter))
    };
    assert_eq!(found("dovetail-auth"), "127.0.0.1\n127.0.0.1\n", "{}", machine.journal());
    assert_eq!(found("dovetail-smtpd"), "127.0.0.1\n", "{}", machine.journal());
}
