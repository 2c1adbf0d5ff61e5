//! Debian's Postfix in front: it hands mail to lmtpd and asks authd for SASL, as our users have it.
//!
//! A private instance, as crate `reference` starts it.

use std::path::Path;

use reference::{Joints, Mail, Postfix, User};
use support::{Demo, Line, Options, eventually};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// Whatever the recipient is called, lmtpd decides; AUTH in clear, so that the test can speak it; retries at once.
const LINES: &str = "virtual_mailbox_maps =\nlmtp_send_xforward_command = yes\nsmtpd_sasl_auth_enable = yes\n\
    smtpd_tls_auth_only = no\nqueue_run_delay = 1s\nminimal_backoff_time = 1s\n";

fn smtp(postfix: &Postfix) -> Line {
    let mut line = Line::tcp(&postfix.smtp);
    line.expect("220 ");
    line.ask("EHLO client.test", "250 ");
    line
}

#[test]
fn postfix_delivers_to_lmtpd_and_asks_authd() {
    // Postfix's programs run as its own users: the demo's sockets admit by mode alone.
    let demo = Options::default().start();
    let mail = Mail::new(vec![User::new(BOB, "x")]);
    let joints = Joints { lmtp: Path::new(&demo.at.lmtp), auth: Path::new(&demo.at.auth_client) };
    let postfix = Postfix::start(&mail, joints, LINES);

    let token = token("postfix");
    let reply =
        send(&mut smtp(&postfix), "a@remote.test", &[BOB], &message("a@remote.test", BOB, &token));
    assert!(reply.starts_with("250 2.0.0 Ok: queued as "), "{reply}");
    let queue_id = reply.rsplit(' ').next().unwrap().to_owned();
    eventually("the message at bob's", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
    eventually("Postfix's word of it", || {
        postfix
            .log()
            .lines()
            .any(|l| {
                l.contains(&queue_id) && l.contains("status=sent (250 2.0.0 <bob@example.test>")
            })
            .then_some(())
    });
    assert!(
        demo.log().contains(&format!("origin={queue_id}")),
        "Postfix's id is logged, not believed"
    );

    // An unknown user is refused by lmtpd at RCPT; Postfix bounces it as it does with Dovecot.
    send(
        &mut smtp(&postfix),
        BOB,
        &["nobody@example.test"],
        &message(BOB, "nobody@example.test", &self::token("unknown")),
    );
    eventually("Postfix's bounce", || {
        let log = postfix.log();
        let told = log.lines().any(|l| {
            l.contains("to=<nobody@example.test>") && l.contains("dsn=5.1.1, status=bounced")
        });
        told.then_some(())
    });
    let bounce = eventually("the bounce at bob's", || {
        demo.maildir(BOB).messages().into_iter().find(|text| text.contains("multipart/report"))
    });
    assert!(bounce.contains("User doesn't exist: nobody@example.test"), "{bounce}");

    let mut line = smtp(&postfix);
    let alice = demo.user(ALICE);
    let refusal =
        line.ask(&format!("AUTH PLAIN {}", support::demo::plain(ALICE, "wrong")), "535 5.7.8");
    assert!(refusal.contains("authentication failed"), "{refusal}");
    line.ask(&format!("AUTH PLAIN {}", support::demo::plain(ALICE, &alice.password)), "235 2.7.0");
    demo.stop();
}

#[test]
fn two_messages_under_one_queue_id_both_arrive() {
    // Postfix uses its queue ids again: what it says as IDENT must not make two messages one.
    let demo = Demo::start();
    let (first, second) = (token("same-id"), token("same-id"));
    for token in [&first, &second] {
        let mut line = crate::mail::lmtp(&demo.at.lmtp);
        line.ask(
            "XFORWARD NAME=[UNAVAILABLE] ADDR=192.0.2.1 PROTO=ESMTP HELO=c.test IDENT=B97AE9961B1",
            "250 ",
        );
        let reply = send(&mut line, "a@remote.test", &[BOB], &message("a@remote.test", BOB, token));
        assert!(reply.starts_with("250 2."), "{reply}");
    }
    assert_eq!((demo.maildir(BOB).count(&first), demo.maildir(BOB).count(&second)), (1, 1));
    demo.stop();
}
