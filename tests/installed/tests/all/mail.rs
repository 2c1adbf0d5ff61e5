//! Mail through an installed system: in by SMTP, kept, delivered, read by IMAP; a reload that counts;
//! nothing lost when it is stopped and started under load.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use installed::{Machine, root};
use support::tools;

/// A system that takes mail for example.test, with port 25 and 143 open in its own network.
fn system() -> Machine {
    let machine = root::with_dovetail();
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    let users = "alice@example.test:{PLAIN}secret::::::\nbob@example.test:{PLAIN}secret::::::\n";
    machine.write("/etc/dovetail/users", users);
    machine.run(
        "dovetail config check && systemctl enable --quiet dovetail-smtpd-smtp.socket \
         dovetail-imapd-imap.socket && systemctl start dovetail.target",
    );
    machine
}

fn send(machine: &Machine, to: &str, subject: &str) -> std::process::Output {
    tools::need("/usr/bin/swaks", "swaks");
    let subject = format!("Subject: {subject}");
    let arguments = ["--server", "127.0.0.1", "--from", "x@example.net", "--to", to, "--header"];
    machine.in_network("swaks", &[&arguments[..], &[&subject]].concat())
}

fn text(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_message_goes_through() {
    let machine = system();
    let sent = send(&machine, "alice@example.test", "one");
    assert!(sent.status.success(), "{}\n{}", text(&sent), machine.journal());
    let url = "imap://127.0.0.1/INBOX;MAILINDEX=1";
    let read =
        machine.in_network("curl", &["-sS", "-m", "20", "-u", "alice@example.test:secret", url]);
    assert!(text(&read).contains("Subject: one"), "{}\n{}", text(&read), machine.journal());
    // The file is the mail user's, and nobody else's.
    let file = "stat -c '%U %G %a' /var/vmail/example.test/alice/Maildir/cur/*";
    assert_eq!(machine.run(file), "vmail vmail 600\n");
    let refused = send(&machine, "nobody@example.test", "two");
    assert!(text(&refused).contains(" 550 "), "{}", text(&refused));
    the_journal_holds_the_fields(&machine);
    a_setgid_tree_keeps_its_group(&machine);
    a_reload_is_taken_up(&machine);
}

/// Bob's mail is read by a group that the daemons are not in: what is made below gets it by inheritance,
/// under the units' RestrictSUIDSGID and the daemons' own filter.
fn a_setgid_tree_keeps_its_group(machine: &Machine) {
    let home = "/var/vmail/example.test/bob";
    machine.run(&format!("install -d -o vmail -g games -m 2750 {home}"));
    let sent = send(machine, "bob@example.test", "shared");
    assert!(sent.status.success(), "{}\n{}", text(&sent), machine.journal());
    let create = ["-sS", "-m", "20", "-u", "bob@example.test:secret", "-X", "CREATE Lists"];
    let created = machine.in_network("curl", &[&create[..], &["imap://127.0.0.1/"]].concat());
    assert!(created.status.success(), "{}\n{}", text(&created), machine.journal());
    let folders =
        format!("stat -c '%U %G %a' {home}/Maildir {home}/Maildir/new {home}/Maildir/.Lists/cur");
    assert_eq!(machine.run(&folders), "vmail games 2750\n".repeat(3));
    let file = format!("stat -c '%U %G %a' {home}/Maildir/new/*");
    assert_eq!(machine.run(&file), "vmail games 640\n");
}

/// Fields are the journal's own: nobody needs to take lines apart.
fn the_journal_holds_the_fields(machine: &Machine) {
    let line = machine
        .run("journalctl --no-pager -o json -u dovetail-lmtpd | grep DOVETAIL_ID | head -n 1");
    let entry: serde_json::Value = serde_json::from_str(&line).expect("a line with DOVETAIL_ID");
    let id = entry["DOVETAIL_ID"].as_str().unwrap();
    assert_eq!(id.len(), 20, "{id}");
    assert_eq!(entry["SYSLOG_FACILITY"], "2", "{line}");
    assert_eq!(entry["SYSLOG_IDENTIFIER"], "dovetail-lmtpd", "{line}");
    // smtpd spoke of the same message.
    let lines = machine.run(&format!("journalctl --no-pager -o json DOVETAIL_ID={id}"));
    assert!(lines.contains("dovetail-smtpd"), "{lines}");
}

fn a_reload_is_taken_up(machine: &Machine) {
    let other = "alice@other.test";
    assert!(!send(machine, other, "three").status.success());
    let domains = "mailbox_domains = [\"example.test\", \"other.test\"]\n";
    machine.write("/etc/dovetail/domains.toml", domains);
    machine.run("echo 'alice@other.test:{PLAIN}secret::::::' >>/etc/dovetail/users");
    let before = machine.main_process("dovetail-smtpd");
    machine.run("systemctl reload dovetail");
    machine.wait_for("the reload", "journalctl --no-pager -u dovetail-smtpd | grep reloaded");
    let sent = send(machine, other, "four");
    assert!(sent.status.success(), "{}\n{}", text(&sent), machine.journal());
    assert_eq!(machine.main_process("dovetail-smtpd"), before);
}

/// Sends until it is told to end, one connection a message, and prints the number of each that was
/// answered with 250. A connection that fails, or a 4xx, is tried again, as a mail server does.
const SENDER: &str = r"
import smtplib, sys, time
end = time.time() + 100
for number in range(400):
    while True:
        if time.time() > end: sys.exit('too slow')
        try:
            with smtplib.SMTP('127.0.0.1', 25, timeout=30) as server:
                to = 'alice@example.test' if number % 2 else ['alice@example.test', 'bob@example.test']
                server.sendmail('x@example.net', to, f'Subject: n{number}\r\n\r\nx\r\n')
            print(number, flush=True)
            break
        except (OSError, smtplib.SMTPException) as error:
            print(error, file=sys.stderr, flush=True)
            time.sleep(0.05)
";

#[test]
fn stop_and_start_lose_nothing() {
    let machine = system();
    let mut sender = machine.command_in_network("python3");
    sender.args(["-c", SENDER]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let sender = sender.spawn().unwrap();
    let mut rounds = 0;
    let output = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| sender.wait_with_output().unwrap());
        while !waiting.is_finished() {
            match rounds % 3 {
                0 => machine.run("systemctl restart dovetail.target"),
                1 => machine.run("systemctl stop 'dovetail*' && systemctl start dovetail"),
                _ => machine.run("systemctl reload dovetail"),
            };
            rounds += 1;
            std::thread::sleep(Duration::from_millis(300));
        }
        waiting.join().unwrap()
    });
    assert!(output.status.success(), "{}\n{}", text(&output), machine.journal());
    assert!(rounds >= 3, "only {rounds} restarts");
    machine.run("systemctl start dovetail && dovetail queue flush");
    machine
        .wait_for("the queue to be empty", "! find /var/spool/dovetail/queue -type f | grep -q .");
    let alice = arrived(&machine, "alice");
    let bob = arrived(&machine, "bob");
    let all: BTreeSet<u32> = (0..400).collect();
    let missing: Vec<&u32> = all.difference(&alice).collect();
    assert!(missing.is_empty(), "alice lacks {missing:?}");
    let missing: Vec<u32> = (0..400).step_by(2).filter(|number| !bob.contains(number)).collect();
    assert!(missing.is_empty(), "bob lacks {missing:?}");
}

/// The numbers of the messages in a mailbox.
fn arrived(machine: &Machine, user: &str) -> BTreeSet<u32> {
    let script =
        format!("grep -rhE '^Subject: n[0-9]+' /var/vmail/example.test/{user}/Maildir || true");
    let lines = machine.run(&script);
    lines
        .lines()
        .map(|line| line.trim_start_matches("Subject: n").trim().parse().unwrap())
        .collect()
}
