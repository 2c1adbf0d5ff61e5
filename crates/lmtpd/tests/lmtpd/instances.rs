//! Instances as processes: under their own uids where the test runs as root, under ours where not.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use support::Line;

use crate::deliveries::send;
use crate::stage::{Instance, Stage, nobody};

/// Uids that have no name on any machine of ours, as those of a userdb may have none.
const ONE: u32 = 1_234_001;
const OTHER: u32 = 1_254_321;

/// The uid and gid of all that lies in a Maildir.
fn owners(maildir: &Path) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![maildir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let facts = fs::symlink_metadata(&path).unwrap();
            found.push((facts.uid(), facts.gid()));
            if facts.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn status(pid: u32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Needs root, which alone can start processes under three uids.
#[test]
fn one_message_for_three_uids() {
    let Some(own) = nobody() else { return };
    let stage = Stage::new("");
    let (one, other) = (stage.instance(ONE), stage.instance(OTHER));
    let users = [format!("u{ONE}-ann"), "bob".to_owned(), format!("u{OTHER}-cat")];
    stage.home(&users[0], ONE);
    stage.home(&users[2], OTHER);
    let to: Vec<String> = users.iter().map(|user| format!("{user}@x.test")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let large = "0123456789abcdef\r\n".repeat(50_000);
    for (round, body) in ["small\r\n", &large].into_iter().enumerate() {
        let mut line = stage.line();
        send(&mut line, "a@b.test", &to, &format!("Subject: x\r\n\r\n{body}"));
        for recipient in &to {
            line.expect(&format!("250 2.0.0 <{recipient}> "));
        }
        for user in &users {
            let messages = stage.messages(user, "");
            assert_eq!(messages.len(), round + 1, "{user}");
            assert!(
                messages.iter().any(|(_, text)| text.replace('\n', "\r\n").ends_with(body)),
                "{user}"
            );
        }
    }
    assert_eq!(owners(&stage.maildir(&users[0])), [(ONE, ONE)]);
    assert_eq!(owners(&stage.maildir(&users[1])).len(), 1);
    assert_eq!(owners(&stage.maildir(&users[1]))[0].0, own);
    assert_eq!(owners(&stage.maildir(&users[2])), [(OTHER, OTHER)]);
    // The same trace id everywhere, and the instance's own words.
    let front = stage.logged(&format!("to=<{}>", to[0]));
    assert!(front.contains(&format!("relay=mx.test[{}", stage.path("").display())), "{front}");
    let id = front.split(" id=").nth(1).unwrap().split(' ').next().unwrap();
    let there = one.logged(&format!("id={id} "));
    assert!(there.contains("stored mail into mailbox 'INBOX'"), "{there}");
    for pid in [one.pid(), other.pid(), stage.pid()] {
        for capabilities in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
            assert_eq!(status(pid, capabilities), "0000000000000000");
        }
        assert_eq!(status(pid, "NoNewPrivs:"), "1");
    }
    assert_eq!(status(one.pid(), "Uid:"), format!("{ONE} {ONE} {ONE} {ONE}"));
    assert_eq!(status(one.pid(), "Groups:"), "");
}

/// Needs root: uid 1234001 is neither the front nor we.
#[test]
fn an_instance_admits_the_front_alone_and_serves_its_own_users_alone() {
    if nobody().is_none() {
        return;
    }
    let stage = Stage::new("");
    let instance = stage.instance(ONE);
    let mut line = Line::unix(stage.path(&format!("i-{ONE}")));
    line.until_closed();
    assert_eq!(line.said(), "", "root isn't the front");
    instance.logged("refused: not among the listener's peers");
    // Users who aren't its uid's never get there by the front: it is asked as the front would.
    let script = format!(
        "exec 3<>/dev/null; printf 'LHLO x\\r\\nMAIL FROM:<>\\r\\nRCPT TO:<u{OTHER}-x@x.test>\\r\\n\
         RCPT TO:<bob@x.test>\\r\\nRCPT TO:<u{ONE}-x@x.test>\\r\\nQUIT\\r\\n'"
    );
    let heard = as_front(&stage, &script);
    let last: Vec<&str> = heard.lines().rev().take(4).collect();
    assert!(last[3].starts_with("451 4.3.0 <u1254321-x@x.test>"), "{heard}");
    assert!(last[2].starts_with("451 4.3.0 <bob@x.test>"), "{heard}");
    assert!(last[1].starts_with("250 2.1.5"), "{heard}");
}

/// Speaks to the instance as the user `nobody`: a program of the test, as we can't change our uid and
/// come back.
fn as_front(stage: &Stage, script: &str) -> String {
    use std::os::unix::process::CommandExt as _;
    let program = "import socket,subprocess,sys\n\
        s=socket.socket(socket.AF_UNIX);s.settimeout(20);s.connect(sys.argv[1])\n\
        s.sendall(subprocess.check_output(['/bin/sh','-c',sys.argv[2]]))\n\
        while True:\n  d=s.recv(4096)\n  if not d: break\n  sys.stdout.buffer.write(d)\n";
    support::tools::need("/usr/bin/python3", "python3");
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", program]).arg(stage.path(&format!("i-{ONE}"))).arg(script);
    let done = command.uid(nobody().unwrap()).gid(nobody().unwrap()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// A stage, an instance that may be asked, and the user that it serves.
fn asked(config: &str) -> (Stage, Instance, String) {
    let stage = Stage::new(config);
    let uid = if nobody().is_some() { ONE } else { daemon::users::own_ids().0 };
    let user = format!("u{uid}-ann");
    let instance = stage.instance(uid);
    if nobody().is_some() {
        stage.home(&user, uid);
    }
    (stage, instance, user)
}

/// Through the front as root; as an ordinary user straight to the instance, whose front we are.
fn line(stage: &Stage, instance: &Instance) -> Line {
    if nobody().is_some() {
        return stage.line();
    }
    let mut line = Line::unix(stage.path(&format!("i-{}", instance.uid)));
    line.expect("220 ");
    line.ask("LHLO client.test", "250 ");
    line
}

#[test]
fn an_idle_instance_leaves_and_nobody_is_lost() {
    let (mut stage, mut instance, user) = asked("idle_exit = \"1s\"");
    let to = format!("{user}@x.test");
    for round in 1..=2 {
        let mut line = line(&stage, &instance);
        send(&mut line, "a@b.test", &[&to], "Subject: x\r\n\r\n");
        line.expect(&format!("250 2.0.0 <{to}>"));
        drop(line);
        assert_eq!(stage.messages(&user, "").len(), round);
        // The front keeps its connection for a while; so it goes with the front.
        stage.kill_and_restart();
        assert_eq!(instance.ended(), Some(0));
        instance.start();
    }
    instance.logged("leaving: nobody connected for a while");
}

#[test]
fn offered_again_after_its_instance_died_it_is_there_once() {
    let (own, _) = daemon::users::own_ids();
    let (mut stage, mut instance, user) = asked(&format!("trusted_ids = [{own}]"));
    let to = format!("{user}@x.test");
    let id = address::TraceId::new(daemon::now_millis(), 5);
    for round in 0..3 {
        let mut line = line(&stage, &instance);
        line.ask(&format!("XFORWARD IDENT={id}"), "250 ");
        send(&mut line, "a@b.test", &[&to], "Subject: x\r\n\r\n");
        line.expect(&format!("250 2.0.0 <{to}> {id} Saved"));
        assert_eq!(stage.messages(&user, "").len(), 1, "round {round}");
        instance.kill();
        if round == 1 {
            stage.kill_and_restart();
        }
        instance.start();
    }
    instance.logged("was stored already");
}

#[test]
fn who_comes_while_no_instance_runs_waits_for_the_next() {
    let (stage, mut instance, user) = asked("");
    let to = format!("{user}@x.test");
    instance.kill();
    let socket = stage.path(&format!("i-{}", instance.uid));
    let asking = std::thread::spawn({
        let direct = nobody().is_none();
        let front = stage.path("lmtp");
        let to = to.clone();
        move || {
            let mut line = Line::unix(if direct { socket } else { front });
            line.expect("220 ");
            line.ask("LHLO client.test", "250 ");
            send(&mut line, "a@b.test", &[&to], "Subject: x\r\n\r\n");
            line.expect(&format!("250 2.0.0 <{to}>"));
        }
    });
    instance.start();
    asking.join().unwrap();
    assert_eq!(stage.messages(&user, "").len(), 1);
}

#[test]
fn an_instance_under_another_uid_does_not_start() {
    let stage = Stage::new("");
    for (name, why) in [
        ("4000000", "an instance serves the uid that it is called by"),
        ("mx", "called by the uid that they are for"),
        ("0", "called by the uid that they are for"),
        ("007", "called by the uid that they are for"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lmtpd"));
        command.arg("--config").arg(stage.path("")).args(["--instance", name]);
        // On a socket of its own: the front's answers.
        let own = stage.path(&format!("own-{name}"));
        let text = fs::read_to_string(stage.path("lmtpd.toml")).unwrap();
        let text =
            text.replace(&stage.path("lmtp").display().to_string(), &own.display().to_string());
        let text = text.replace(
            &stage.path("admin").display().to_string(),
            &format!("{}-admin", own.display()),
        );
        fs::write(stage.path(&format!("lmtpd@{name}.toml")), text).unwrap();
        let done = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains(why), "{name}: {said}");
    }
}
