//! Passwords stay out of the logs, at every level and whatever a client does with them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::demo::plain;
use support::{Demo, Line, Sink, eventually};

use crate::logs::logging;

const ALICE: &str = "alice@example.test";
const WRONG: &str = "Wr0ng-Password-0f-Nobody";

fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// What base64 makes of a text, at whatever place it stands in what is encoded.
fn encoded(secret: &str) -> [String; 3] {
    [0, 1, 2].map(|before| {
        let all = STANDARD.encode(format!("{}{secret}", "x".repeat(before)));
        // The first and the last group may hold bits of the neighbours.
        all[4..all.len() - 4].to_owned()
    })
}

fn smtp(demo: &Demo) -> Line {
    let mut line = Line::tls(&demo.at.submissions, &demo.at.ca);
    line.expect("220 ");
    line.ask("EHLO client.test", "250 ");
    line
}

fn imap(demo: &Demo) -> Line {
    let mut line = Line::tls(&demo.at.imaps, &demo.at.ca);
    line.hear().unwrap();
    line
}

/// Every way of logging in; the replies begin so.
fn log_in(demo: &Demo, password: &str, smtp_says: &str, imap_says: &str) {
    smtp(demo).ask(&format!("AUTH PLAIN {}", plain(ALICE, password)), smtp_says);
    let mut line = smtp(demo);
    line.ask("AUTH PLAIN", "334 ");
    line.ask(&plain(ALICE, password), smtp_says);
    let mut line = smtp(demo);
    line.ask("AUTH LOGIN", "334 ");
    line.ask(&base64(ALICE), "334 ");
    line.ask(&base64(password), smtp_says);

    imap(demo).imap(&format!("a LOGIN {ALICE} \"{password}\""), imap_says);
    let mut line = imap(demo);
    line.say(&format!("a LOGIN {ALICE} {{{}+}}", password.len()));
    line.say(password);
    line.until(|text| text.starts_with(&format!("a {imap_says}")));
    imap(demo).imap(&format!("a AUTHENTICATE PLAIN {}", plain(ALICE, password)), imap_says);
    for mechanism in ["PLAIN", "LOGIN"] {
        let mut line = imap(demo);
        line.say(&format!("a AUTHENTICATE {mechanism}")).until(|text| text.starts_with('+'));
        if mechanism == "LOGIN" {
            line.say(&base64(ALICE)).until(|text| text.starts_with('+'));
            line.say(&base64(password));
        } else {
            line.say(&plain(ALICE, password));
        }
        line.until(|text| text.starts_with(&format!("a {imap_says}")));
    }
}

/// Clients that say the password where none is asked for.
fn blunder(demo: &Demo, password: &str) {
    // In clear, where AUTH isn't offered; and they go on as if it were.
    let mut line = Line::tcp(&demo.at.submission);
    line.expect("220 ");
    line.ask("EHLO client.test", "250 ");
    for said in [
        &format!("AUTH PLAIN {}", plain(ALICE, password)),
        "AUTH LOGIN",
        &base64(ALICE),
        &base64(password),
        &format!("MAIL FROM:<{password}"),
    ] {
        line.ask(said, "5");
    }
    smtp(demo).ask(&format!("AUTH PLAIN {}!", plain(ALICE, password)), "5");
    smtp(demo).ask(&format!("AUTH CRAM-MD5 {}", base64(password)), "5");
    // A PLAIN message without its nulls.
    smtp(demo).ask(&format!("AUTH PLAIN {}", base64(password)), "5");
    let mut line = imap(demo);
    line.imap(&format!("a LOGIN {ALICE} \"{password}\" more"), "BAD");
    line.imap(&format!("b AUTHENTICATE PLAIN {}", base64(password)), "");
    line.imap(&format!("c AUTHENTICATE CRAM-MD5 {}", base64(password)), "");
    line.imap(&format!("d {password}"), "BAD");
}

#[test]
fn no_password_is_in_any_daemon_s_log_at_trace() {
    let sink = Sink::start();
    let demo = logging(&sink, |_| "level = \"trace\"\n".to_owned()).start();
    let good = demo.user(ALICE).password.clone();
    log_in(&demo, &good, "235 ", "OK");
    log_in(&demo, WRONG, "535 ", "NO");
    for password in [&good, WRONG] {
        blunder(&demo, password);
    }
    // authd says each of them once, and why; the others say who.
    let failed =
        format!("login by PLAIN: password mismatch user={ALICE} client=127.0.0.1 service=");
    eventually("the failures' lines", || {
        let log = demo.log();
        (log.matches(&format!("{failed}imap status=refused")).count() >= 4
            && log.matches(&format!("{failed}smtp status=refused")).count() >= 2)
            .then_some(())
    });
    let log = demo.log();
    let (plains, bases) = ([&good, WRONG], [encoded(&good), encoded(WRONG)]);
    let secrets = plains.map(str::to_owned).into_iter().chain(bases.into_iter().flatten());
    for secret in secrets {
        assert!(secret.len() >= 8, "{secret} may stand in a log for another reason");
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None, "{secret} was logged");
    }
    demo.stop();
}
