//! What can't be written as a dialogue: TLS, clients that read slowly, bodies of megabytes, panics.

use std::time::{Duration, Instant};

use crate::stage::Stage;

const STRANGER: Option<&str> = Some("192.0.2.1:4000");

#[test]
fn passwords_in_clear_are_refused_but_from_loopback() {
    let stage = Stage::new("");
    let mut line = stage.connect_from("imap", STRANGER);
    let greeting = line.hear().unwrap();
    assert!(greeting.contains("STARTTLS LOGINDISABLED]"), "{greeting}");
    line.ask("a LOGIN alice secret", "* BAD [ALERT] Plaintext authentication not allowed");
    line.expect("a NO [PRIVACYREQUIRED] Plaintext authentication disallowed");
    line.ask(
        "b AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==",
        "b NO [PRIVACYREQUIRED] Plaintext authentication disabled.",
    );
    line.ask("c STARTTLS", "c OK Begin TLS negotiation now.");
    let mut line = line.start_tls(&stage.ca());
    let told = line.imap("d CAPABILITY", "OK");
    assert!(told[0].ends_with("LITERAL+ AUTH=PLAIN AUTH=LOGIN"), "{told:?}");
    line.ask("e STARTTLS", "e BAD TLS is already active.");
    line.imap("f LOGIN alice secret", "OK [CAPABILITY");
    line.imap("g SELECT INBOX", "OK [READ-WRITE]");
}

#[test]
fn loopback_is_a_stranger_where_the_configuration_says_so() {
    let stage = Stage::new("plaintext_from_loopback = false");
    let mut line = stage.connect();
    assert!(line.hear().unwrap().contains("LOGINDISABLED"));
}

#[test]
fn tls_from_the_first_byte() {
    let stage = Stage::new("");
    let mut line = stage.connect_from("imaps", STRANGER);
    let greeting = line.hear().unwrap();
    assert!(greeting.contains("AUTH=PLAIN") && !greeting.contains("STARTTLS"), "{greeting}");
    line.imap("a LOGIN alice secret", "OK");
}

/// CVE-2011-0411 and its kin: what was sent in clear behind STARTTLS is never a command.
#[test]
fn nothing_behind_starttls_is_used() {
    let stage = Stage::new("");
    let mut line = stage.connect_from("imap", STRANGER);
    line.hear();
    line.send(b"a STARTTLS\r\nb NOOP\r\n");
    line.expect("a OK Begin TLS");
    let mut line = line.start_tls(&stage.ca());
    line.ask("c NOOP", "c OK");
}

#[test]
fn a_large_message_goes_in_and_comes_out_whole() {
    let stage = Stage::new("");
    let mut line = stage.log_in("alice");
    let row = "0123456789".repeat(7);
    let mut message = String::from("Subject: large\r\n\r\n");
    while message.len() < 5 << 20 {
        message.push_str(&row);
        message.push_str("\r\n");
    }
    line.send(format!("a APPEND INBOX {{{}+}}\r\n", message.len()).as_bytes());
    line.send(message.as_bytes());
    line.send(b"\r\n");
    line.expect("a OK [APPENDUID");
    line.imap("b SELECT INBOX", "OK");
    line.say("c FETCH 1 (RFC822.SIZE BODY.PEEK[])");
    line.expect(&format!("* 1 FETCH (RFC822.SIZE {} BODY[] {{{}}}", message.len(), message.len()));
    for wanted in message.lines() {
        assert_eq!(line.hear().as_deref(), Some(wanted));
    }
    line.expect(")");
    line.expect("c OK Fetch completed");
}

#[test]
fn nul_becomes_something_that_a_literal_may_hold() {
    let stage = Stage::new("");
    stage.deliver("alice", b"Subject: a\0b\n\nx\0y\n");
    let mut line = stage.log_in("alice");
    line.imap("a SELECT INBOX", "OK");
    let told = line.imap("b FETCH 1 (ENVELOPE BODY.PEEK[TEXT])", "OK");
    assert!(!told.concat().contains('\0') && told.concat().contains("{5}"), "{told:?}");
}

#[test]
fn a_client_that_does_not_read_is_left() {
    let stage = Stage::new("write_time = \"1s\"");
    let mut message = String::from("Subject: large\r\n\r\n");
    message.push_str(&format!("{}\r\n", "x".repeat(1000)).repeat(3000));
    let mut line = stage.log_in("alice");
    line.send(format!("a APPEND INBOX {{{}+}}\r\n{message}\r\n", message.len()).as_bytes());
    line.expect("a OK");
    line.imap("b SELECT INBOX", "OK");
    let fetches: String = (0..20).map(|n| format!("c{n} FETCH 1 BODY.PEEK[]\r\n")).collect();
    line.send(fetches.as_bytes());
    // The others are served meanwhile; and this one is not sent sixty megabytes when it reads at last.
    let mut other = stage.log_in("alice");
    other.imap("a SELECT INBOX", "OK");
    support::eventually("its leaving", || (!line.try_send(b"d NOOP\r\n")).then_some(()));
    let mut heard = 0;
    while line.hear().is_some() {
        heard += 1;
    }
    assert!(heard < 20 * 3000, "{heard} lines");
}

#[test]
fn idle_is_woken_by_a_delivery() {
    let stage = Stage::new("");
    stage.deliver("alice", b"Subject: 1\n\nx\n");
    let mut line = stage.log_in("alice");
    line.imap("a SELECT INBOX", "OK");
    line.ask("b IDLE", "+ idling");
    let began = Instant::now();
    stage.deliver("alice", b"Subject: 2\n\nx\n");
    line.expect("* 2 EXISTS");
    // Far below what a poll would take; the benchmark measures it properly.
    assert!(began.elapsed() < Duration::from_secs(5));
    line.expect("* 2 RECENT");
    line.ask("DONE", "b OK Idle completed");
}

#[test]
fn stopping_says_goodbye() {
    let stage = Stage::new("");
    let mut waiting = stage.log_in("alice");
    let mut idle = stage.log_in("alice");
    idle.imap("a SELECT INBOX", "OK");
    idle.ask("b IDLE", "+ idling");
    stage.shutdown.cancel();
    waiting.expect("* BYE Server shutting down.");
    idle.expect("* BYE Server shutting down.");
    idle.until_closed();
}

#[test]
fn a_visitor_has_only_so_much_time() {
    let stage = Stage::new("login_time = \"1s\"");
    let mut line = stage.connect();
    line.hear();
    line.send(b"a NO");
    line.expect("* BYE Disconnected for inactivity.");
    line.until_closed();
}

#[test]
fn mail_whose_disk_is_away_is_no_empty_mailbox() {
    let stage = Stage::new("");
    stage.deliver("alice", b"Subject: 1\n\nx\n");
    let (there, aside) = (stage.path("vmail"), stage.path("aside"));
    std::fs::rename(&there, &aside).unwrap();
    let mut line = stage.connect();
    line.hear();
    line.ask("a LOGIN alice secret", "a NO [UNAVAILABLE] Temporary authentication failure.");
    assert!(!there.exists(), "nothing is made in its place");
    std::fs::rename(&aside, &there).unwrap();
    line.imap("b LOGIN alice secret", "OK");
    let told = line.imap("c SELECT INBOX", "OK");
    assert!(told.iter().any(|line| line == "* 1 EXISTS"), "{told:?}");
    // And in a session that has begun.
    line.imap("d CLOSE", "OK");
    std::fs::rename(&there, &aside).unwrap();
    line.imap("e CREATE Lists", "NO");
    assert!(!there.exists(), "nothing is made in its place");
}
