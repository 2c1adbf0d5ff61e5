//! Two whole systems: one relays to the other, under TLS where it is offered.

use support::{Demo, Options, eventually};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const CAROL: &str = "carol@example.org";

/// A system for which example.org is elsewhere: at `there`.
fn here(there: &Demo) -> Options {
    let port = there.at.smtp.rsplit_once(':').unwrap().1;
    Options::default()
        .config("domains.toml", "mailbox_domains = [\"example.test\"]\n")
        .config("relayd.toml", &format!("[routes]\n\"example.org\" = \"[127.0.0.1]:{port}\"\n"))
}

/// What carol got over there.
fn arrived(there: &Demo, token: &str) -> String {
    eventually("the message on the other system", || {
        there.maildir(CAROL).messages().into_iter().find(|text| text.contains(token))
    })
}

#[test]
fn mail_between_two_systems_goes_under_tls() {
    let there = Demo::start();
    let here = here(&there).start();
    let token = token("two-systems");
    let reply = send(&mut here.submission(ALICE), ALICE, &[CAROL], &message(ALICE, CAROL, &token));
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    let text = arrived(&there, &token);
    assert!(text.contains("with ESMTPS id "), "{text}");
    assert!(text.contains("(using TLSv1.3 with cipher "), "{text}");
    assert_eq!(text.matches("Received: ").count(), text.matches("(Dovetail)").count(), "{text}");
    here.stop();
    there.stop();
}

#[test]
fn and_in_clear_where_the_operator_says_so() {
    let there = Demo::start();
    let port = there.at.smtp.rsplit_once(':').unwrap().1;
    let here = here(&there)
        .config(
            "relayd.toml",
            &format!("tls = \"none\"\n[routes]\n\"example.org\" = \"[127.0.0.1]:{port}\"\n"),
        )
        .start();
    let token = token("clear");
    send(&mut here.submission(ALICE), ALICE, &[CAROL], &message(ALICE, CAROL, &token));
    let text = arrived(&there, &token);
    assert!(text.contains("with ESMTP id "), "{text}");
    // An unknown user over there is a report over here, in the other server's words.
    send(
        &mut here.submission(ALICE),
        ALICE,
        &["gone@example.org"],
        &message(ALICE, "gone@example.org", &token),
    );
    let report = eventually("the report", || {
        here.maildir(ALICE).messages().into_iter().find(|text| text.contains("multipart/report"))
    });
    assert!(report.contains("Remote-MTA: dns; 127.0.0.1"), "{report}");
    assert!(report.contains("Diagnostic-Code: smtp; 550 5.1.1 <gone@example.org>"), "{report}");
    here.stop();
    there.stop();
}
