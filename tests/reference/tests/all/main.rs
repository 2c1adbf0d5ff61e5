//! The private instances work as the guides say, and nothing of them stays behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends by panicking, and says what it saw"
)]

use reference::{Dovecot, Mail, Postfix, User};
use support::demo::plain;
use support::{Line, eventually};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.org";

fn mail() -> Mail {
    Mail::new(vec![User::new(ALICE, "secret"), User::new(BOB, "geheim")])
}

#[test]
fn a_message_comes_in_at_submission_and_is_read_by_imap_and_pop3() {
    let mail = mail();
    let dovecot = Dovecot::start(&mail, "");
    let postfix = Postfix::start(&mail, &dovecot, "");
    let ca = mail.ca().display().to_string();

    let mut line = Line::tcp(&postfix.submission);
    line.expect("220 mx.example.test ");
    line.ask("EHLO client.test", "250 ");
    line.ask("STARTTLS", "220 ");
    let mut line = line.start_tls(&ca);
    line.ask("EHLO client.test", "250 ");
    line.ask(&format!("AUTH PLAIN {}", plain(ALICE, "secret")), "235 ");
    line.ask(&format!("MAIL FROM:<{ALICE}>"), "250 ");
    line.ask(&format!("RCPT TO:<{BOB}>"), "250 ");
    line.ask("RCPT TO:<nobody@example.org>", "550 5.1.1 ");
    line.ask("DATA", "354 ");
    line.ask("Subject: a token\r\n\r\nHello.\r\n.", "250 2.0.0 Ok: queued");
    eventually("the message at bob's", || (mail.maildir(BOB).count("a token") == 1).then_some(()));
    eventually("an empty queue", || (postfix.queued() == 0).then_some(()));

    let mut imap = Line::tls(&dovecot.imaps, &ca);
    imap.hear().expect("a greeting");
    imap.imap(&format!("a LOGIN {BOB} geheim"), "OK");
    let lines = imap.imap("b STATUS INBOX (MESSAGES)", "OK");
    assert!(lines.iter().any(|line| line.contains("MESSAGES 1")), "{lines:?}");
    let mut pop3 = Line::tcp(&dovecot.pop3);
    for command in ["NOOP", &format!("USER {BOB}"), "PASS geheim"] {
        pop3.hear().expect("a reply");
        pop3.say(command);
    }
    let mut userdb = Line::unix(&dovecot.userdb);
    userdb.say("VERSION\t1\t1").say(&format!("USER\t1\t{BOB}\tservice=lmtp"));
    let found = userdb.until(|line| line.starts_with("USER\t"));
    assert!(found.last().unwrap().contains("uid=5000"), "{found:?}");
    assert!(Line::tcp(&postfix.smtp).hear().unwrap().starts_with("220 "));
}

#[test]
fn dropped_they_are_gone_with_all_their_processes() {
    let mail = mail();
    let dovecot = Dovecot::start(&mail, "auth_failure_delay = 0");
    let postfix = Postfix::start(&mail, &dovecot, "smtpd_banner = $myhostname ESMTP of ours");
    assert!(Line::tcp(&postfix.smtp).hear().unwrap().ends_with("ESMTP of ours"));
    let (theirs, ours) = (dovecot.pids(), postfix.pids());
    assert!(theirs.len() > 3 && ours.len() > 2, "{theirs:?} {ours:?}");
    let folder = mail.path("");
    drop(postfix);
    drop(dovecot);
    let lives = |pid: &i32| std::path::Path::new(&format!("/proc/{pid}")).exists();
    assert!(!theirs.iter().chain(&ours).any(lives), "{theirs:?} {ours:?}");
    drop(mail);
    assert!(!folder.exists());
}
