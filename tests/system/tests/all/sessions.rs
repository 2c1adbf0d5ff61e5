//! Who is connected, as the operator sees it; how many may be; how they are sent away.

use std::fs;

use serde_json::Value;
use support::{Demo, Line, Options, eventually};

use crate::mail::{message, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

fn who(demo: &Demo, names: &[&str]) -> Vec<Value> {
    let mut arguments = vec!["who", "--json"];
    arguments.extend(names);
    let output = demo.dovetail(&arguments);
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    shown["sessions"].as_array().unwrap().clone()
}

/// Waits for a session of that protocol in that state, and gives it.
fn in_state(demo: &Demo, daemon: &str, state: &str) -> Value {
    eventually(&format!("{daemon} in {state}"), || {
        who(demo, &[daemon]).into_iter().find(|session| session["state"] == state)
    })
}

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Up to the message's content, with `DATA` answered.
fn up_to_data(line: &mut Line, to: &str) {
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    line.ask(&format!("RCPT TO:<{to}>"), "250 ");
    line.ask("DATA", "354 ");
}

#[test]
fn sessions_of_every_daemon_are_listed_with_what_they_do() {
    let demo = Demo::start();
    let mut reader = demo.imap(ALICE);
    reader.imap("a SELECT INBOX", "OK");
    reader.say("b IDLE");
    reader.until(|line| line.starts_with("+ "));
    let session = in_state(&demo, "imapd", "IDLE");
    assert_eq!((&session["user"], &session["protocol"]), (&ALICE.into(), &"imap".into()));
    assert!(session["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{session}");

    let writer = demo.submission(BOB);
    assert_eq!(in_state(&demo, "smtpd", "idle")["user"], BOB);
    drop(writer);
    let mut stranger = demo.smtp();
    up_to_data(&mut stranger, ALICE);
    stranger.say("Subject: half");
    let session = in_state(&demo, "smtpd", "receiving a message");
    assert_eq!((&session["user"], &session["daemon"]), (&Value::Null, &"smtpd".into()));
    // The message is on its way straight in.
    assert_eq!(in_state(&demo, "lmtpd", "receiving a message")["protocol"], "lmtp");
    // smtpd's and imapd's wires to authd.
    assert!(who(&demo, &["authd"]).iter().any(|session| session["protocol"] == "userdb"));
    let table = said(&demo.dovetail(&["who"]));
    assert!(table.starts_with("ID "), "{table}");
    let row = table.lines().find(|line| line.contains(" IDLE")).unwrap();
    assert!(row.starts_with("imapd:") && row.contains(ALICE), "{table}");
    demo.stop();
}

#[test]
fn a_kick_ends_each_session_in_its_own_words() {
    let demo = Demo::start();
    let mut reader = demo.imap(ALICE);
    reader.say("a IDLE");
    reader.until(|line| line.starts_with("+ "));
    let mut writer = demo.submission(ALICE);
    let mut other = demo.imap(BOB);
    in_state(&demo, "smtpd", "idle");
    let kicked = demo.dovetail(&["kick", ALICE]);
    assert!(kicked.status.success());
    assert_eq!(said(&kicked).lines().count(), 2, "{}", said(&kicked));
    assert_eq!(reader.hear().unwrap(), "* BYE Disconnected by the operator.");
    assert_eq!(reader.hear(), None);
    writer.expect("421 4.3.2 Connection ended by the operator");
    assert_eq!(writer.hear(), None);
    other.imap("a NOOP", "OK");
    assert_eq!(demo.dovetail(&["kick", ALICE]).status.code(), Some(67));

    // Within a message: it is the sender's still, and nothing of it is stored.
    let mut stranger = demo.smtp();
    up_to_data(&mut stranger, BOB);
    let token = token("kicked");
    stranger.say(&format!("Subject: {token}"));
    let id = in_state(&demo, "smtpd", "receiving a message")["id"].to_string();
    let kicked = demo.dovetail(&["kick", &format!("smtpd:{id}")]);
    assert!(kicked.status.success(), "{}", said(&kicked));
    stranger.expect("421 4.3.2 Connection ended by the operator");
    // What was there is told once the whole of it is done: the mailbox has nothing then, nor later.
    eventually("the end of lmtpd's transaction", || {
        let in_work = |session: &Value| session["state"] == "receiving a message";
        (!who(&demo, &["lmtpd"]).iter().any(in_work)).then_some(())
    });
    assert_eq!(demo.maildir(BOB).count(&token), 0);
    assert!(demo.dovetail(&["kick", "127.0.0.1"]).status.success());
    assert_eq!(other.hear().unwrap(), "* BYE Disconnected by the operator.");
    demo.stop();
}

#[test]
fn too_many_from_one_address_or_of_one_user_are_told_so() {
    let demo = Options::default()
        .config("smtpd.toml", "unlimited_networks = []\nmax_connections_per_address = 2\n")
        .config(
            "imapd.toml",
            "unlimited_networks = []\nmax_connections_per_address = 4\nmax_connections_per_user = 2\n",
        )
        .start();
    let held = [demo.smtp(), demo.smtp()];
    let mut third = Line::tcp(&demo.at.smtp);
    third.expect("421 4.7.0 mail.example.test Error: too many connections from 127.0.0.1");
    assert_eq!(third.hear(), None);
    // Behind TLS nothing can be said before a handshake, which is what costs.
    assert!(support::tools::is_closed_at_once(&demo.at.submissions));
    drop(held);
    eventually("room again", || {
        let mut line = Line::tcp(&demo.at.smtp);
        line.hear().is_some_and(|greeting| greeting.starts_with("220 ")).then_some(())
    });

    let (_one, _two) = (demo.imap(ALICE), demo.imap(ALICE));
    let user = demo.user(ALICE);
    let mut three = Line::tcp(&demo.at.imap);
    three.hear().expect("a greeting");
    let login = format!("a LOGIN {} {}", user.login, user.password);
    let refused =
        three.ask(&login, "a NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded");
    assert!(refused.ends_with("(max_connections_per_user=2)"), "{refused}");
    let bob = demo.user(BOB);
    three.imap(&format!("b LOGIN {} {}", bob.login, bob.password), "OK");
    let mut four = Line::tcp(&demo.at.imap);
    four.expect("* OK ");
    let mut five = Line::tcp(&demo.at.imap);
    five.expect("* BYE [UNAVAILABLE] Too many connections from your address");
    let status = demo.dovetail(&["status", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let imapd = status["daemons"].as_array().unwrap().iter().find(|one| one["name"] == "imapd");
    assert_eq!(imapd.unwrap()["sessions_refused"], 2, "{status}");
    demo.stop();
}

#[test]
fn a_daemon_that_stops_finishes_what_is_in_hand() {
    let demo = Demo::start();
    let mut reader = demo.imap(ALICE);
    reader.say("a IDLE");
    reader.until(|line| line.starts_with("+ "));
    let mut idle = demo.smtp();
    let mut stranger = demo.smtp();
    up_to_data(&mut stranger, BOB);
    let token = token("drained");
    for daemon in ["imapd", "smtpd"] {
        let pid = nix::unistd::Pid::from_raw(demo.daemon_pid(daemon).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }
    assert_eq!(reader.hear().unwrap(), "* BYE Server shutting down.");
    idle.expect("421 4.3.2 Service shutting down");
    stranger.send(crate::mail::stuffed(&message("a@remote.test", BOB, &token)).as_bytes());
    stranger.expect("250 2.0.0 ");
    stranger.expect("421 4.3.2 Service shutting down");
    assert_eq!(demo.maildir(BOB).count(&token), 1);
    demo.stop();
}

#[test]
fn a_reload_says_what_it_took_up() {
    let demo = Demo::start();
    let file = std::path::Path::new(&demo.at.config).join("imapd.toml");
    let before = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("max_connections = 77\nlogin_time = \"1m\"\n{before}")).unwrap();
    let reload = demo.dovetail(&["reload", "imapd"]);
    assert_eq!(said(&reload), "imapd: reloaded; needs restart: max_connections\n");
    fs::write(&file, format!("login_tiem = \"1m\"\nidle = \"1s\"\n{before}")).unwrap();
    let reload = demo.dovetail(&["reload"]);
    assert_eq!(reload.status.code(), Some(78));
    let text = said(&reload);
    for part in [
        "authd: reloaded\n",
        "imapd: reload failed; the running configuration stays:\n",
        "imapd.toml:1:1: unknown key `login_tiem`; did you mean `login_time`?",
        "imapd.toml:2:8: `idle`: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    demo.imap(ALICE);
    demo.stop();
}
