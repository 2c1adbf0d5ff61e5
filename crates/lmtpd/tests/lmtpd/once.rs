//! A message offered again under its trace id.

use address::TraceId;
use support::Line;

use crate::deliveries::send;
use crate::stage::Stage;

const TO: &[&str] = &["alice@x.test", "alice+a@x.test"];

fn offer(stage: &Stage, id: &str, to: &[&str]) -> Line {
    let mut line = stage.line();
    line.ask(&format!("XFORWARD IDENT={id} ADDR=192.0.2.1"), "250 ");
    send(&mut line, "a@b.test", to, "Subject: x\r\n\r\n");
    line
}

fn trusting() -> Stage {
    let (uid, _) = daemon::users::own_ids();
    Stage::new(&format!("trusted_ids = [{uid}]"))
}

#[test]
fn the_same_id_is_stored_once_for_each_recipient() {
    let stage = trusting();
    let id = TraceId::new(daemon::now_millis(), 5);
    for round in 0..3 {
        let mut line = offer(&stage, id.as_str(), TO);
        for recipient in TO {
            line.expect(&format!("250 2.0.0 <{recipient}> {id} Saved"));
        }
        assert_eq!(stage.messages("alice", "").len(), 2, "round {round}");
    }
}

#[test]
fn killed_and_offered_again_it_is_there_once() {
    let mut stage = trusting();
    for round in 0..3u128 {
        let id = TraceId::new(daemon::now_millis(), round);
        let mut line = offer(&stage, id.as_str(), TO);
        line.expect("250 ");
        line.expect("250 ");
        stage.kill_and_restart();
        let mut line = offer(&stage, id.as_str(), TO);
        line.expect("250 ");
        line.expect("250 ");
        assert_eq!(stage.messages("alice", "").len(), 2 * (round as usize + 1));
    }
    stage.logged("was stored already");
}

#[test]
fn two_offers_at_once_are_one_message() {
    let stage = trusting();
    for round in 1..=5u128 {
        let id = TraceId::new(daemon::now_millis(), round);
        let mut lines: Vec<Line> =
            (0..4).map(|_| offer(&stage, id.as_str(), &["bob@x.test"])).collect();
        for line in &mut lines {
            line.expect("250 2.0.0 ");
        }
        assert_eq!(stage.messages("bob", "").len(), round as usize);
    }
}

#[test]
fn an_ident_of_another_kind_or_kept_from_before_is_only_logged() {
    let stage = trusting();
    // As Postfix: the same queue id for two messages.
    for _ in 0..2 {
        offer(&stage, "B97AE9961B1", &["bob@x.test"]).expect("250 ");
    }
    assert_eq!(stage.messages("bob", "").len(), 2);
    stage.logged("origin=B97AE9961B1");
    // One IDENT, two messages.
    let id = TraceId::new(daemon::now_millis(), 9);
    let mut line = offer(&stage, id.as_str(), &["bob@x.test"]);
    line.expect(&format!("250 2.0.0 <bob@x.test> {id} "));
    send(&mut line, "a@b.test", &["bob@x.test"], "Subject: another\r\n\r\n");
    line.expect("250 2.0.0 ");
    assert_eq!(stage.messages("bob", "").len(), 4);
}

#[test]
fn strangers_ids_do_not_count() {
    // Run by root, lmtpd is `nobody`, and root isn't listed; run by a user, it is that user's own.
    let stage = Stage::new("");
    let id = TraceId::new(daemon::now_millis(), 3);
    for _ in 0..2 {
        offer(&stage, id.as_str(), &["bob@x.test"]).expect("250 ");
    }
    let (uid, _) = daemon::users::own_ids();
    assert_eq!(stage.messages("bob", "").len(), if uid == 0 { 2 } else { 1 });
}
