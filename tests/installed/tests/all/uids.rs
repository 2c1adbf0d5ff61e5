//! Mail of several uids on an installed system: `dovetail units sync`, one message for three owners, those
//! who are refused, instances that come and go.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use installed::{Machine, root};
use support::{eventually, tools};

/// A uid that has a name, below /home; and one that has none.
const ANN: u32 = 1001;
const BOB: u32 = 54321;

/// A system whose users have three uids and two that get no mail, running, not yet synced.
fn system() -> Machine {
    let machine = root::with_dovetail();
    machine.write("/etc/dovetail/domains.toml", "mailbox_domains = [\"example.test\"]\n");
    let roots = "mail_roots = [\"/var/vmail\", \"/home\", \"/srv/mail\"]\n";
    machine.write("/etc/dovetail/mail.toml", roots);
    let users = format!(
        "own@example.test:{{PLAIN}}secret::::::\n\
         ann@example.test:{{PLAIN}}secret:{ANN}:{ANN}::/home/ann::\n\
         bob@example.test:{{PLAIN}}secret:{BOB}:{BOB}::/srv/mail/bob::\n\
         root@example.test:{{PLAIN}}secret:0:0::/root::\n\
         www@example.test:{{PLAIN}}secret:99:99::/srv/mail/www::\n"
    );
    machine.write("/etc/dovetail/users", &users);
    machine.run(&format!(
        "useradd --uid {ANN} --user-group --create-home --home-dir /home/ann ann && \
         install -d -m 0700 -o {BOB} -g {BOB} /srv/mail/bob && \
         systemctl enable --quiet dovetail-smtpd-smtp.socket && systemctl start dovetail.target"
    ));
    machine
}

/// Sends by SMTP; what was said.
fn send(machine: &Machine, to: &str) -> String {
    tools::need("/usr/bin/swaks", "swaks");
    let arguments = ["--server", "127.0.0.1", "--from", "x@example.net", "--to", to];
    let output = machine.in_network("swaks", &arguments);
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Waits until so many messages lie in a Maildir; the owners of all that is in it.
fn owners(machine: &Machine, home: &str, messages: usize) -> String {
    let count = format!("[ $(find {home}/Maildir/new -type f | wc -l) = {messages} ]");
    machine.wait_for(&format!("{messages} messages in {home}"), &count);
    machine.run(&format!("find {home}/Maildir -printf '%U %G\\n' | sort -u"))
}

/// Daemons, as their processes are named.
const OURS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];

/// Tells the watch to end, also where the test fails.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks again and again, until told, for a process of ours that could become somebody else.
fn watch(machine: &Machine, done: &AtomicBool) {
    let mut seen = BTreeSet::new();
    while !done.load(Ordering::Relaxed) {
        for (pid, status) in machine.processes() {
            let name = status.words("Name").concat();
            if OURS.iter().any(|ours| name.starts_with(ours)) {
                assert!(!status.may_change_uid(), "{name} ({pid}) could become somebody else");
                seen.insert(name);
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(seen.iter().any(|name| name.starts_with("lmtpd@")), "{seen:?}");
}

#[test]
fn mail_for_three_uids() {
    let machine = system();
    // Until it is synced nothing is written under a wrong uid.
    let checked = machine.try_run("dovetail config check");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("dovetail-lmtpd@54321.socket"), "{said}");
    assert!(send(&machine, "bob@example.test").contains("451 4.3.0"), "{}", machine.journal());

    let synced = machine.run("dovetail units sync");
    for line in [
        "made user dvmail-54321\n",
        "enabled dovetail-lmtpd@1001.socket\n",
        "enabled dovetail-lmtpd@54321.socket\n",
        "note: no mail for www@example.test: the userdb says uid=99",
    ] {
        assert!(synced.contains(line), "{line}: {synced}");
    }
    let again = machine.run("dovetail units sync");
    assert!(again.contains("nothing to change\n"), "{again}");
    machine.run("systemctl try-restart dovetail-lmtpd 'dovetail-lmtpd@*' dovetail-imapd");

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| watch(&machine, &done));
        let _done = Done(&done);
        let sent = send(&machine, "ann@example.test,own@example.test,bob@example.test");
        assert!(sent.contains("250 2.0.0"), "{sent}\n{}", machine.journal());
        let vmail = machine.run("echo $(id -u vmail) $(id -g vmail)");
        assert_eq!(owners(&machine, "/home/ann", 1), format!("{ANN} {ANN}\n"));
        assert_eq!(owners(&machine, "/srv/mail/bob", 1), format!("{BOB} {BOB}\n"));
        assert_eq!(owners(&machine, "/var/vmail/example.test/own", 1), vmail);
    });
    an_instance_is_confined(&machine);

    // authd itself gives root no mailbox, as Dovecot's passwd-file.
    let root = send(&machine, "root@example.test");
    assert!(root.contains("550 5.1.1 <root@example.test>"), "{root}");
    let www = send(&machine, "www@example.test");
    assert!(www.contains("451 4.3.5 <www@example.test>"), "{www}");
    assert_eq!(
        machine.run("find / -xdev -path /proc -prune -o -name Maildir -print | sort"),
        "\
        /home/ann/Maildir\n/srv/mail/bob/Maildir\n/var/vmail/example.test/own/Maildir\n"
    );
}

/// Its own uid, the one group that reads the configuration, no capability.
fn an_instance_is_confined(machine: &Machine) {
    let pid = machine.main_process(&format!("dovetail-lmtpd@{BOB}.service")).expect("running");
    let status = installed::process::Status::of(pid).unwrap();
    assert_eq!(status.words("Uid"), vec![BOB.to_string(); 4]);
    let dovetail = machine.run("getent group dovetail | cut -d: -f3").trim().to_owned();
    let mut groups = status.words("Groups");
    groups.retain(|group| *group != BOB.to_string());
    assert_eq!(groups, [dovetail]);
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(status.words(set), ["0000000000000000"], "{set}");
    }
    // The front alone may connect.
    let socket = format!("/run/dovetail/lmtpd@{BOB}/lmtp.sock");
    assert_eq!(machine.run(&format!("stat -c '%U %a' {socket}")), "vmail 600\n");
}

#[test]
fn an_instance_leaves_when_idle_and_is_started_for_mail() {
    let machine = system();
    machine.run(
        "echo 'idle_exit = \"1s\"' >/tmp/x && cat /etc/dovetail/lmtpd.toml >>/tmp/x && \
                 cat /tmp/x >/etc/dovetail/lmtpd.toml && dovetail units sync",
    );
    let unit = format!("dovetail-lmtpd@{BOB}.service");
    for round in 1..=2 {
        assert!(send(&machine, "bob@example.test").contains("250 2.0.0"), "{}", machine.journal());
        owners(&machine, "/srv/mail/bob", round);
        // The front lets its connection go.
        machine.run("systemctl restart dovetail-lmtpd");
        eventually("the instance to leave", || {
            (machine.show(&unit, "ActiveState") == "inactive").then_some(())
        });
        assert_eq!(machine.show(&unit, "Result"), "success");
        assert_eq!(machine.show(&unit, "ExecMainStatus"), "0");
    }
    // A uid that no user has any more.
    machine.run("sed -i /^bob/d /etc/dovetail/users");
    let synced = machine.run("dovetail units sync");
    let line = format!("disabled dovetail-lmtpd@{BOB}.socket: no user has uid {BOB} any more\n");
    assert!(synced.contains(&line), "{synced}");
    assert!(!machine.path(&format!("/run/dovetail/lmtpd@{BOB}/lmtp.sock")).exists());
}
