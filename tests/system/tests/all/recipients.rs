//! Who may send to whom: what smtpd says at RCPT, and where mail ends up that an alias sends on.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use support::{Demo, Line, Options, eventually};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";
const CAROL: &str = "carol@example.org";

/// A virtual alias table in Postfix's format, in a folder that goes away with the value.
fn aliases(table: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::Builder::new().prefix("dvt-alias").tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.path().join("virtual");
    fs::write(&path, table).unwrap();
    let key = format!("virtual_alias_maps = [\"{}\"]\n", path.display());
    (folder, key)
}

#[test]
fn strangers_reach_mailboxes_and_nobody_else() {
    let demo = Demo::start();
    let mut line = demo.smtp();
    line.ask("MAIL FROM:<a@remote.test>", "250 2.1.0");
    line.ask("RCPT TO:<nobody@example.test>", "550 5.1.1 <nobody@example.test>");
    line.ask("RCPT TO:<x@remote.test>", "554 5.7.1 <x@remote.test>: Relay access denied");
    line.ask("RCPT TO:<x%remote.test@example.test>", "55");
    line.ask(&format!("RCPT TO:<{BOB}>"), "250 2.1.5");
    line.ask("RCPT TO:<postmaster>", "250 2.1.5");
    line.ask("RCPT TO:<BOB+detail@EXAMPLE.test>", "250 2.1.5");
    demo.stop();
}

#[test]
fn auth_in_clear_is_refused_and_wrong_passwords_are() {
    let demo = Demo::start();
    let mut line = Line::tcp(&demo.at.submission);
    line.expect("220 ");
    line.say("EHLO client.test");
    let offered = line.until(|text| text.starts_with("250 "));
    assert!(!offered.iter().any(|text| text.contains("AUTH")), "{offered:?}");
    assert!(offered.iter().any(|text| text.contains("STARTTLS")), "{offered:?}");
    let secret = support::demo::plain(ALICE, &demo.user(ALICE).password);
    let refusal = line.say(&format!("AUTH PLAIN {secret}")).reply();
    assert!(refusal.starts_with('5'), "{refusal}");
    line.ask("MAIL FROM:<alice@example.test>", "530 5.7.0");

    line.ask("STARTTLS", "220 ");
    let mut line = line.start_tls(&demo.at.ca);
    line.ask("EHLO client.test", "250 ");
    line.ask("MAIL FROM:<alice@example.test>", "530 5.7.0");
    line.ask(&format!("AUTH PLAIN {}", support::demo::plain(ALICE, "wrong")), "535 5.7.8");
    line.ask(
        &format!("AUTH PLAIN {}", support::demo::plain("nobody@example.test", "x")),
        "535 5.7.8",
    );
    line.ask(&format!("AUTH PLAIN {secret}"), "235 2.7.0");
    assert!(!demo.log().contains(&demo.user(ALICE).password), "a password in the log");
    demo.stop();
}

#[test]
fn authd_away_is_a_451_and_never_a_550() {
    let text =
        "auth_userdb = \"/nonexistent/userdb.sock\"\nauth_client = \"/nonexistent/client.sock\"\n";
    let demo = Options::default().config("smtpd.toml", text).start();
    let mut line = demo.smtp();
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    line.ask(&format!("RCPT TO:<{BOB}>"), "451 4.3.0");
    line.ask("RCPT TO:<nobody@example.test>", "451 4.3.0");
    line.ask("RCPT TO:<x@remote.test>", "554 5.7.1");
    demo.stop();
}

#[test]
fn aliases_with_details_and_a_catch_all_beside_mailboxes() {
    let (_folder, table) = aliases(
        "# a table in Postfix's format\n\
         abuse@example.test   alice@example.test\n\
         special+x@example.test carol@example.org\n\
         @example.test\n\tbob@example.test\n",
    );
    let demo = Options::default().config("smtpd.toml", &table).start();
    let cases = [
        ("abuse+x@example.test", ALICE),
        ("special+x@example.test", CAROL),
        ("Alice@Example.Test", ALICE),
        ("anything@example.test", BOB),
    ];
    for (to, reader) in cases {
        let mut line = demo.smtp();
        let token = token("alias");
        let reply = send(&mut line, "a@remote.test", &[to], &message("a@remote.test", to, &token));
        assert!(reply.starts_with("250 2."), "{to}: {reply}");
        eventually(&format!("{to} in {reader}'s mailbox"), || {
            (demo.maildir(reader).count(&token) == 1).then_some(())
        });
        for other in [ALICE, BOB, CAROL] {
            assert_eq!(
                demo.maildir(other).count(&token),
                usize::from(other == reader),
                "{to} at {other}"
            );
        }
    }
    demo.stop();
}

#[test]
fn a_catch_all_takes_everything_where_the_operator_wants_postfixs_order() {
    let (_folder, table) =
        aliases("@example.test bob@example.test\nbob@example.test bob@example.test\n");
    let demo = Options::default()
        .config("smtpd.toml", &format!("{table}catch_all = \"postfix\"\n"))
        .start();
    let token = token("catch-all");
    send(&mut demo.smtp(), "a@remote.test", &[ALICE], &message("a@remote.test", ALICE, &token));
    eventually("the message at bob's", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
    assert_eq!(demo.maildir(ALICE).count(&token), 0);
    demo.stop();
}

#[test]
fn an_alias_to_three_of_whom_one_is_gone() {
    let (_folder, table) =
        aliases("team@example.test alice@example.test, gone@example.test,\n  carol@example.org\n");
    let demo = Options::default().config("smtpd.toml", &table).start();
    let token = token("team");
    let mut line = demo.submission(BOB);
    let reply =
        send(&mut line, BOB, &["team@example.test"], &message(BOB, "team@example.test", &token));
    assert!(reply.starts_with("250 2."), "{reply}");
    for reader in [ALICE, CAROL] {
        eventually(&format!("the message at {reader}"), || {
            (demo.maildir(reader).count(&token) == 1).then_some(())
        });
    }
    // The dead one is reported to the sender, once, by its own name.
    let bounce = eventually("the bounce at bob's", || {
        demo.maildir(BOB).messages().into_iter().find(|text| text.contains("multipart/report"))
    });
    assert!(bounce.contains("gone@example.test") && bounce.contains("5.1.1"), "{bounce}");
    demo.stop();
}

#[test]
fn headers_are_those_of_a_delivered_message() {
    let demo = Demo::start();
    let token = token("headers");
    let reply = send(
        &mut demo.submission(ALICE),
        ALICE,
        &["Bob+box@example.test"],
        &format!("From: <{ALICE}>\r\nSubject: {token}\r\n\r\nx\r\n"),
    );
    assert!(reply.starts_with("250 2."), "{reply}");
    let text = eventually("the message", || {
        demo.maildir(BOB).messages().into_iter().find(|text| text.contains(&token))
    });
    let head = text.split("\n\n").next().unwrap();
    assert!(head.starts_with(&format!("Return-Path: <{ALICE}>\n")), "{head}");
    assert!(head.contains("\nDelivered-To: Bob+box@example.test\n"), "{head}");
    assert!(head.contains("with ESMTPSA id "), "{head}");
    assert!(
        head.contains("\nDate: ") && head.contains("\nMessage-ID: "),
        "added at submission: {head}"
    );
    let id = head
        .split("with ESMTPSA id ")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(id.len(), 20, "{head}");
    let file = demo.maildir(BOB).files("new").pop().unwrap();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    assert!(
        name.contains(&format!("T{id}")) && name.contains(",S=") && name.contains(",W="),
        "{name}"
    );
    assert!(demo.log().contains(&format!("id={id}")), "the id follows the message in the log");
    demo.stop();
}

/// The fields that operators grep for: the same names in every daemon, one id through all of them.
#[test]
fn log_lines_of_one_message_carry_the_fixed_fields() {
    let demo = Demo::start();
    let token = token("fields");
    let to = [BOB, CAROL];
    let reply = send(&mut demo.submission(ALICE), ALICE, &to, &message(ALICE, BOB, &token));
    let id = reply.rsplit(' ').next().unwrap().to_owned();
    assert_eq!(id.len(), 20, "{reply}");
    let lines = |daemon: &str| {
        let mark = format!(" {daemon}[");
        let log = demo.log();
        let ours =
            log.lines().filter(|line| line.contains(&mark) && line.contains(&format!(" id={id}")));
        ours.filter(|line| line.contains(" status=")).map(str::to_owned).collect::<Vec<_>>()
    };
    let fixed = [
        (
            "smtpd",
            &["from=<", "to=<", "client=", "user=", "relay=", "delay=", "dsn=2.", "status=queued"]
                [..],
        ),
        ("qmgrd", &["from=<", "to=<", "relay=", "delay=", "dsn=2.", "status=sent"][..]),
        ("lmtpd", &["from=<", "to=<", "client=", "user=", "delay=", "dsn=2.", "status=sent"][..]),
    ];
    for (daemon, fields) in fixed {
        let told = eventually(&format!("{daemon}'s two lines"), || {
            Some(lines(daemon)).filter(|lines| lines.len() == to.len())
        });
        for line in told {
            let missing: Vec<&&str> =
                fields.iter().filter(|field| !line.contains(&format!(" {field}"))).collect();
            assert!(missing.is_empty(), "{daemon} lacks {missing:?} in {line}");
        }
    }
    demo.stop();
}
