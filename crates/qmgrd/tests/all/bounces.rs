//! Reports: to whom, on what, in which form.

use std::process::Command;

use support::{eventually, tools};

use crate::hop::{Hop, Taken};
use crate::stage::{SOON, Stage};

const BRIEFLY: &str = "retry_min = \"20ms\"\nretry_max = \"50ms\"\nlifetime = \"200ms\"\n";

fn first(out: &Hop) -> Taken {
    eventually("a report", || out.taken().into_iter().next())
}

#[test]
fn past_its_lifetime() {
    let stage = Stage::start(BRIEFLY);
    let out = stage.hop("out");
    let id = stage.send_with("MAIL FROM:<alice@vmail.test> ENVID=env1", &["x@far.test"], "late");
    let report = first(&out);
    assert_eq!(report.rcpts, ["RCPT TO:<alice@vmail.test>"]);
    assert!(report.mail.starts_with("MAIL FROM:<> SIZE="), "{}", report.mail);
    assert_eq!(report.forward["SOURCE"], "LOCAL");
    let bounce = &report.forward["IDENT"];
    assert_ne!(bounce, &id);
    stage.until_empty();
    stage.logged(&[&format!("id={id}"), "status=expired", "dsn=4.4.1"]);
    stage.logged(&[&format!("id={bounce}"), &format!("parent={id}"), "status=sent"]);

    tools::need("/usr/bin/python3", "python3");
    let script = "\
import email, sys
m = email.message_from_file(sys.stdin)
assert m.get_content_type() == 'multipart/report', m.get_content_type()
assert m.get_param('report-type') == 'delivery-status'
assert m['Auto-Submitted'] == 'auto-replied' and 'MAILER-DAEMON@example.test' in m['From']
assert m['In-Reply-To'] == '<late@ok.test>'
notice, status, original = m.get_payload()
assert 'x@far.test' in notice.get_payload()
per_message, recipient = status.get_payload()
assert per_message['Reporting-MTA'] == 'dns; mx.example.test', per_message
assert per_message['Original-Envelope-Id'] == 'env1'
assert recipient['Final-Recipient'] == 'rfc822; x@far.test', recipient
assert recipient['Action'] == 'failed' and recipient['Status'] == '4.4.1', recipient
assert recipient['Diagnostic-Code'].startswith('X-Dovetail; connect to'), recipient
assert original.get_content_type() == 'message/rfc822'
assert original.get_payload(0)['Subject'] == 'late'
assert not m.defects and not any(p.defects for p in m.walk()), m.defects
";
    let output =
        tools::finish(Command::new("/usr/bin/python3").args(["-c", script]), &report.content);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_remote_servers_words_and_only_the_header() {
    let stage = Stage::start(SOON);
    let (hop, out) = (stage.hop("remote"), stage.hop("out"));
    let said = "550 5.1.1 host mx.far.test[192.0.2.1] said: 550 5.1.1 no such user (in reply to RCPT TO command)";
    hop.answer("r550", said);
    let mail = "MAIL FROM:<alice@vmail.test> RET=HDRS";
    stage.send_with(mail, &["r550@far.test"], "remote");
    let report = first(&out).content;
    for line in [
        "Remote-MTA: dns; mx.far.test\r\n",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n",
        "Status: 5.1.1\r\n",
        "Content-Type: text/rfc822-headers\r\n",
        "Return-Path: <alice@vmail.test>\r\n",
        "Subject: remote\r\n",
    ] {
        assert!(report.contains(line), "{line}{report}");
    }
    assert!(!report.contains("hello"), "{report}");
    stage.logged(&["to=<r550@far.test>", "relay=mx.far.test[192.0.2.1]", "status=bounced"]);
    stage.until_empty();
}

#[test]
fn success_where_it_was_asked_for() {
    let stage = Stage::start(SOON);
    let (_local, out) = (stage.hop("local"), stage.hop("out"));
    let mut line = stage.session();
    line.ask("MAIL FROM:<alice@vmail.test>", "250 ");
    line.ask("RCPT TO:<bob@example.test> NOTIFY=SUCCESS ORCPT=rfc822;b@old.test", "250 ");
    line.ask("RCPT TO:<carol@example.test>", "250 ");
    line.ask("DATA", "354 ");
    line.send(b"Subject: x\r\n\r\nsecret\r\n.\r\n");
    line.expect("250 ");
    let report = first(&out).content;
    for line in [
        "Subject: Successful Mail Delivery Report\r\n",
        "Original-Recipient: rfc822;b@old.test\r\n",
        "Action: delivered\r\n",
        "Status: 2.0.0\r\n",
    ] {
        assert!(report.contains(line), "{line}{report}");
    }
    assert!(!report.contains("carol") && !report.contains("secret"), "{report}");
    stage.until_empty();
    assert_eq!(out.taken().len(), 1);
}

#[test]
fn a_delay_is_told_once() {
    let stage = Stage::start(&format!("{SOON}delay_warning = \"30ms\"\n"));
    let (hop, out) = (stage.hop("remote"), stage.hop("out"));
    stage.send("<alice@vmail.test>", &["e451@far.test"], "slow");
    let report = first(&out).content;
    assert!(report.contains("Action: delayed\r\n"), "{report}");
    assert!(report.contains("Will-Retry-Until: "), "{report}");
    let tries = hop.taken().len();
    eventually("more tries", || (hop.taken().len() > tries + 3).then_some(()));
    hop.answer("e451", "250 2.0.0 saved");
    stage.until_empty();
    assert_eq!(out.taken().len(), 1);
}

#[test]
fn a_bounce_that_fails_is_dropped_or_told_to_the_postmaster() {
    let stage = Stage::start(SOON);
    let (_hop, out) = (stage.hop("remote"), stage.hop("out"));
    let id = stage.send("<>", &["r550@far.test"], "bounce");
    stage.logged(&[&format!("id={id}"), "the null sender"]);
    stage.until_empty();
    assert_eq!(out.taken().len(), 0);

    let stage = Stage::start(&format!("{SOON}bounce_failures_to = \"postmaster\"\n"));
    let (_hop, out) = (stage.hop("remote"), stage.hop("out"));
    stage.send("<>", &["r550@far.test"], "bounce");
    let report = first(&out);
    assert!(report.mail.starts_with("MAIL FROM:<double-bounce@example.test>"), "{}", report.mail);
    assert_eq!(report.rcpts, ["RCPT TO:<postmaster@example.test>"]);
    stage.until_empty();
    // And that is the end of it.
    stage.send("<double-bounce@example.test>", &["r550@far.test"], "report");
    stage.until_empty();
    assert_eq!(out.taken().len(), 1);
}

#[test]
fn a_report_that_is_refused_is_dropped_and_one_for_which_nobody_is_there_waits() {
    let stage = Stage::start(SOON);
    let _hop = stage.hop("remote");
    let id = stage.send("<r551@vmail.test>", &["r550@far.test"], "refused");
    stage.logged(&[&format!("parent={id}"), "status=deferred"]);
    let listed = stage.listed();
    assert_eq!(listed[0].pointer("/reports/0/to").unwrap().as_str(), Some("r551@vmail.test"));
    let _out = stage.hop("out");
    stage.logged(&[&format!("parent={id}"), "status=bounced", "report dropped"]);
    stage.until_empty();
}

#[test]
fn failures_that_end_together_are_each_reported_once() {
    let stage = Stage::start(SOON);
    let (_hop, out) = (stage.hop("remote"), stage.hop("out"));
    let to = ["r550@one.test", "r551@two.test", "ok@three.test", "r553@four.test"];
    for n in 0..25 {
        stage.send("<alice@vmail.test>", &to, &format!("n{n}"));
    }
    stage.until_empty();
    let reports: String = out.taken().iter().map(|taken| taken.content.as_str()).collect();
    for failed in ["r550@one.test", "r551@two.test", "r553@four.test"] {
        let told = reports.matches(&format!("Final-Recipient: rfc822; {failed}\r\n")).count();
        assert_eq!(told, 25, "{failed}");
    }
    assert!(!reports.contains("Final-Recipient: rfc822; ok@"), "{reports}");
}
