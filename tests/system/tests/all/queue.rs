//! What can't be delivered at once: kept, seen, delivered later, or reported, each once.

use std::process::Command;

use serde_json::Value;
use support::{DeadPort, Demo, Options, Sink, eventually, tools};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

/// Routes for relayd, and the queue's times.
fn demo(routes: &[(&str, String)], lifetime: &str) -> Demo {
    let lines: String =
        routes.iter().map(|(domain, route)| format!("\"{domain}\" = \"{route}\"\n")).collect();
    Options::default()
        .config("relayd.toml", &format!("[routes]\n{lines}"))
        .config(
            "qmgrd.toml",
            &format!("retry_min = \"1s\"\nretry_max = \"2s\"\nlifetime = \"{lifetime}\"\n"),
        )
        .start()
}

/// The queue as `dovetail queue list --json` shows it.
fn listed(demo: &Demo) -> Vec<Value> {
    let output = demo.dovetail(&["queue", "list", "--json"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    value.get("messages").and_then(Value::as_array).cloned().unwrap_or_default()
}

#[test]
fn deferred_to_a_dead_port_and_delivered_when_it_comes_alive() {
    let port = DeadPort::reserve();
    let demo = demo(&[("remote.test", port.route())], "5d");
    let token = token("deferred");
    let reply = send(
        &mut demo.submission(ALICE),
        ALICE,
        &["x@remote.test"],
        &message(ALICE, "x@remote.test", &token),
    );
    assert!(reply.starts_with("250 2.0.0"), "{reply}");

    let entry = eventually("a reason in the queue's list", || {
        let entry = listed(&demo).into_iter().next()?;
        let reason = entry.pointer("/recipients/0/delay_reason")?.as_str()?;
        (!reason.is_empty()).then_some(entry.clone())
    });
    assert_eq!(entry.pointer("/sender"), Some(&Value::from(ALICE)));
    assert_eq!(entry.pointer("/recipients/0/address"), Some(&Value::from("x@remote.test")));

    let sink = port.revive();
    eventually("the message at its server", || (sink.taken().len() == 1).then_some(()));
    eventually("an empty queue", || listed(&demo).is_empty().then_some(()));
    let taken = sink.taken();
    assert_eq!(taken.len(), 1);
    assert!(
        taken[0].content.contains(&token) && taken[0].content.contains("\r\n.. two dots"),
        "{}",
        taken[0].content
    );
    assert!(taken[0].mail.starts_with("MAIL FROM:<alice@example.test>"), "{}", taken[0].mail);
    demo.stop();
}

#[test]
fn past_its_lifetime_the_sender_gets_a_report_that_python_can_read() {
    let port = DeadPort::reserve();
    let demo = demo(&[("remote.test", port.route())], "3s");
    let token = token("expired");
    send(
        &mut demo.submission(ALICE),
        ALICE,
        &["x@remote.test"],
        &message(ALICE, "x@remote.test", &token),
    );
    let report = eventually("the report", || {
        demo.maildir(ALICE).messages().into_iter().find(|text| text.contains("multipart/report"))
    });
    assert!(report.starts_with("Return-Path: <>\n"), "{report}");
    tools::need("/usr/bin/python3", "python3");
    let script = "\
import email, sys
m = email.message_from_file(sys.stdin)
assert m.get_content_type() == 'multipart/report', m.get_content_type()
assert m.get_param('report-type') == 'delivery-status'
notice, status, original = m.get_payload()
assert status.get_content_type() == 'message/delivery-status'
fields = status.get_payload()
assert fields[0]['Reporting-MTA'].startswith('dns;'), fields[0]
assert fields[1]['Final-Recipient'].replace(' ', '') == 'rfc822;x@remote.test', fields[1]
assert fields[1]['Action'] == 'failed' and fields[1]['Status'].startswith('4.'), fields[1]
assert not m.defects and not any(p.defects for p in m.walk()), m.defects
print(original.as_string())
";
    let output = tools::finish(Command::new("/usr/bin/python3").args(["-c", script]), &report);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}\n{report}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&token), "the report has the message or its header: {said}");
    eventually("an empty queue", || listed(&demo).is_empty().then_some(()));
    assert_eq!(demo.maildir(ALICE).count("multipart/report"), 1);
    demo.stop();
}

#[test]
fn one_message_to_a_local_a_remote_and_a_dead_recipient_ends_for_each_once() {
    let dead = DeadPort::reserve();
    let sink = Sink::start();
    let demo = demo(&[("alive.test", sink.route()), ("dead.test", dead.route())], "4s");
    let token = token("three");
    let to = [BOB, "y@alive.test", "refused@alive.test", "z@dead.test"];
    let reply = send(&mut demo.submission(ALICE), ALICE, &to, &message(ALICE, BOB, &token));
    assert!(reply.starts_with("250 2.0.0"), "{reply}");
    eventually("bob's copy", || (demo.maildir(BOB).count(&token) == 1).then_some(()));
    eventually("the remote copy", || (sink.taken().len() == 1).then_some(()));
    eventually("both reports", || {
        let reports: String = demo.maildir(ALICE).messages().concat();
        (reports.contains("refused@alive.test") && reports.contains("z@dead.test")).then_some(())
    });
    eventually("an empty queue", || listed(&demo).is_empty().then_some(()));
    assert_eq!(demo.maildir(BOB).count(&token), 1);
    assert_eq!(sink.taken().len(), 1);
    assert_eq!(sink.taken()[0].rcpts.len(), 1);
    let reports = demo.maildir(ALICE).messages();
    for failed in ["refused@alive.test", "z@dead.test"] {
        let needle = format!("Final-Recipient: rfc822; {failed}");
        assert_eq!(reports.iter().filter(|text| text.contains(&needle)).count(), 1, "{failed}");
    }
    demo.stop();
}

#[test]
fn the_operator_shows_flushes_and_deletes() {
    let port = DeadPort::reserve();
    let demo = Options::default()
        .config("relayd.toml", &format!("[routes]\n\"remote.test\" = \"{}\"\n", port.route()))
        .config("qmgrd.toml", "retry_min = \"1h\"\nretry_max = \"2h\"\n")
        .start();
    let (kept, dropped) = (token("kept"), token("dropped"));
    for (to, token) in [("kept@remote.test", &kept), ("dropped@remote.test", &dropped)] {
        send(&mut demo.submission(ALICE), ALICE, &[to], &message(ALICE, to, token));
    }
    let ids = eventually("both deferred", || {
        let entries = listed(&demo);
        let deferred = entries
            .iter()
            .filter(|e| e.pointer("/recipients/0/delay_reason").is_some_and(Value::is_string));
        let ids: Vec<(String, String)> = deferred
            .filter_map(|e| {
                Some((
                    e.pointer("/recipients/0/address")?.as_str()?.to_owned(),
                    e.get("queue_id")?.as_str()?.to_owned(),
                ))
            })
            .collect();
        (ids.len() == 2).then_some(ids)
    });
    let id = |address: &str| ids.iter().find(|(a, _)| a == address).unwrap().1.clone();
    let shown = demo.dovetail(&["queue", "show", &id("kept@remote.test")]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("kept@remote.test") && shown.contains(&kept), "{shown}");
    assert!(demo.dovetail(&["queue", "delete", &id("dropped@remote.test")]).status.success());
    assert_eq!(listed(&demo).len(), 1);
    assert_eq!(
        demo.dovetail(&["queue", "show", "no-such-id"]).status.code(),
        Some(67),
        "sysexits: no such entry"
    );

    let sink = port.revive();
    assert!(demo.dovetail(&["queue", "flush"]).status.success());
    eventually("the kept one at its server", || (sink.taken().len() == 1).then_some(()));
    eventually("an empty queue", || listed(&demo).is_empty().then_some(()));
    assert!(sink.taken()[0].content.contains(&kept));
    demo.stop();
}
