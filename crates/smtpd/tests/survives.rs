//! What no transcript can show: ids that count, tables that change, large bodies, many at once.

use std::sync::atomic::Ordering;

use support::Line;

use crate::fakes::Heard;
use crate::stage::{Setup, Stage};

fn config(text: &str) -> Setup {
    Setup { config: text.into(), ..Setup::default() }
}

/// A session up to EHLO.
fn greet(stage: &Stage, listen: &str) -> Line {
    let mut line = stage.connect(listen);
    line.expect("220 ");
    line.ask(if listen == "internal" { "LHLO localhost" } else { "EHLO client.test" }, "250 ");
    line
}

fn until(heard: &Heard, last: &str) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let line = heard.next().unwrap_or_else(|| panic!("no {last} in {lines:?}"));
        lines.push(line.clone());
        if line == last {
            return lines;
        }
    }
}

#[test]
fn an_id_counts_from_those_who_are_listed_only() {
    const ID: &str = "0VQ4AAAA000000000001";
    let uid = nix::unistd::geteuid();
    for (trusted, counts) in [(format!("[{uid}]"), true), ("[12345]".to_owned(), false)] {
        let stage = Stage::new(&config(&format!("trusted_ids = {trusted}\n")));
        let mut line = greet(&stage, "internal");
        line.ask(&format!("XFORWARD IDENT={ID}"), "250 ");
        line.ask("MAIL FROM:<>", "250 ");
        line.ask("RCPT TO:<bob@vmail.test>", "250 ");
        line.ask("DATA", "354 ");
        let reply = line.ask(".", "250 2.0.0 Ok: queued as ");
        assert_eq!(reply.ends_with(ID), counts, "{reply}");
        let lines = until(&stage.qmgrd, "|.");
        assert_eq!(lines[0].contains(&format!("IDENT={ID} ")), counts, "{lines:?}");
    }
}

#[test]
fn the_reply_names_the_id_that_travels() {
    let stage = Stage::new(&Setup::default());
    let mut line = greet(&stage, "smtp");
    line.ask("MAIL FROM:<a@ok.test>", "250 ");
    line.ask("RCPT TO:<bob@vmail.test>", "250 ");
    line.ask("DATA", "354 ");
    let reply = line.ask(".", "250 2.0.0 Ok: stored as ");
    let id = reply.rsplit(' ').next().unwrap();
    assert_eq!(id.len(), 20);
    let lines = until(&stage.lmtpd, "|.");
    assert!(lines[0].contains(&format!("IDENT={id} ")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains(&format!("with ESMTP id {id}"))), "{lines:?}");
    assert_eq!(stage.figures.straight_in.load(Ordering::Relaxed), 1);
}

#[test]
fn a_large_body_survives_lmtpd() {
    let stage = Stage::new(&config("body_in_memory = 1000\n"));
    let mut line = greet(&stage, "smtp");
    line.ask("MAIL FROM:<a@ok.test>", "250 ");
    line.ask("RCPT TO:<cut@vmail.test>", "250 ");
    line.ask("DATA", "354 ");
    let text = "x".repeat(70) + "\r\n";
    line.send(format!("Subject: x\r\n\r\n{}.\r\n", text.repeat(2000)).as_bytes());
    line.expect("250 2.0.0 Ok: queued as ");
    let (first, second) = (until(&stage.lmtpd, "|."), until(&stage.qmgrd, "|."));
    assert_eq!(first, second, "the queue gets what lmtpd got");
    assert_eq!(second.len(), 3 + 4 + 2 + 2000 + 1);
    assert_eq!(stage.figures.fell_back.load(Ordering::Relaxed), 1);
}

#[test]
fn a_message_beyond_the_limit_is_given_up() {
    let stage = Stage::new(&Setup::default());
    let mut line = greet(&stage, "smtp");
    line.ask("MAIL FROM:<a@ok.test> SIZE=200001", "552 5.3.4");
    line.ask("MAIL FROM:<a@ok.test>", "250 ");
    line.ask("RCPT TO:<bob@vmail.test>", "250 ");
    line.ask("DATA", "354 ");
    let text = "x".repeat(70) + "\r\n";
    line.send(format!("{}.\r\n", text.repeat(3000)).as_bytes());
    line.expect("552 5.3.4");
    let lines = until(&stage.lmtpd, "| (broken off)");
    assert!(!lines.contains(&"|.".to_owned()));
    line.ask("NOOP", "250 ");
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_nothing() {
    let stage = Stage::new(&Setup::default());
    let mut line = greet(&stage, "smtp");
    line.ask("MAIL FROM:<a@ok.test>", "250 ");
    line.ask("RCPT TO:<bob@vmail.test>", "250 ");
    line.ask("DATA", "354 ");
    line.send(b"Subject: half\r\n");
    drop(line);
    let lines = until(&stage.lmtpd, "| (broken off)");
    assert!(!lines.contains(&"|.".to_owned()));
}

#[test]
fn an_alias_table_is_read_again() {
    let stage = Stage::new(&Setup {
        aliases: "x@vmail.test nobody@vmail.test\n".into(),
        ..Setup::default()
    });
    let mut line = greet(&stage, "smtp");
    line.ask("MAIL FROM:<a@ok.test>", "250 ");
    line.ask("RCPT TO:<x@vmail.test>", "550 5.1.1");
    stage.write_aliases("x@vmail.test bob@vmail.test\n");
    line.ask("RCPT TO:<x@vmail.test>", "250 ");
    stage.write_aliases("x@vmail.test not@@an.address\n");
    line.ask("RCPT TO:<x@vmail.test>", "250 ");
    stage.remove_aliases();
    line.ask("RCPT TO:<x@vmail.test>", "451 4.3.0");
}

#[test]
fn a_hop_that_is_busy_is_waited_for_and_then_given_up() {
    let stage =
        Stage::new(&config("hop_connections = 1\nhop_wait = \"1s\"\nstraight_in = false\n"));
    let mut first = greet(&stage, "smtp");
    let mut second = greet(&stage, "smtp");
    for line in [&mut first, &mut second] {
        line.ask("MAIL FROM:<a@ok.test>", "250 ");
        line.ask("RCPT TO:<bob@vmail.test>", "250 ");
    }
    first.ask("DATA", "354 ");
    second.ask("DATA", "451 4.3.2");
    first.ask(".", "250 ");
    second.ask("MAIL FROM:<a@ok.test>", "250 ");
    second.ask("RCPT TO:<bob@vmail.test>", "250 ");
    second.ask("DATA", "354 ");
    second.ask(".", "250 ");
}

#[test]
fn many_at_once_each_arrive_once() {
    let stage = Stage::new(&Setup::default());
    let mut lines: Vec<_> = (0..20).map(|_| greet(&stage, "smtp")).collect();
    for round in 0..5 {
        for (at, line) in lines.iter_mut().enumerate() {
            line.ask("MAIL FROM:<a@ok.test>", "250 ");
            line.ask(&format!("RCPT TO:<u{at}@vmail.test>"), "250 ");
            line.ask("DATA", "354 ");
            line.send(format!("Subject: {round}-{at}\r\n\r\n.\r\n").as_bytes());
        }
        for line in &mut lines {
            line.expect("250 2.0.0 Ok: stored as ");
        }
    }
    let heard = stage.lmtpd.rest();
    let mut subjects: Vec<_> = heard.iter().filter(|line| line.starts_with("|Subject")).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 100);
    assert_eq!(stage.figures.straight_in.load(Ordering::Relaxed), 100);
}

#[test]
fn one_users_programs_at_a_time() {
    let setup = Setup { uid: Some(1000), ..config("max_connections_per_uid = 2\n") };
    let stage = Stage::new(&setup);
    let first = greet(&stage, "sendmail");
    let _second = greet(&stage, "sendmail");
    stage.connect("sendmail").expect("421 4.7.0 mx.test Error: too many connections from userid");
    drop(first);
    support::eventually("room for another", || {
        let mut line = stage.connect("sendmail");
        line.hear().filter(|greeting| greeting.starts_with("220 "))
    });
}
