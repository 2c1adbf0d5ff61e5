//! What clients of the intake hear.

use address::TraceId;
use smtp::xtext;
use support::{Line, dialogue, eventually};

use crate::stage::{SOON, Stage, no_names};

#[test]
fn dialogues() {
    let stage = Stage::start(SOON);
    for dialogue in [include_str!("../dialogues/taken.txt"), include_str!("../dialogues/order.txt")]
    {
        dialogue::play(dialogue, &mut Line::unix(stage.path("lmtp")), &no_names());
    }
    let stage = Stage::start("min_free_space = \"1000T\"\n");
    let full = include_str!("../dialogues/full.txt");
    dialogue::play(full, &mut Line::unix(stage.path("lmtp")), &no_names());
    let stage = Stage::start("max_sessions = 1\nmax_recipients = 2\n");
    let busy = include_str!("../dialogues/busy.txt");
    let mut first = stage.session();
    first.ask("MAIL FROM:<a@b.test>", "250 ");
    dialogue::play(busy, &mut Line::unix(stage.path("lmtp")), &no_names());
    first.ask("RCPT TO:<1@b.test>", "250 ");
    first.ask("RCPT TO:<2@b.test>", "250 ");
    first.ask("RCPT TO:<3@b.test>", "452 4.5.3 ");
    // Its place is free as soon as it is gone.
    first.ask("RSET", "250 ");
    let mut second = stage.session();
    eventually("a place", || {
        second.say("MAIL FROM:<a@b.test>");
        second.reply().starts_with("250 ").then_some(())
    });
}

fn offer(stage: &Stage, ident: &str, to: &str, subject: &str) -> String {
    let mut line = stage.session();
    line.ask(&format!("XFORWARD IDENT={} NAME=cl.test", xtext::encode(ident)), "250 ");
    line.ask("MAIL FROM:<a@b.test>", "250 ");
    line.ask(&format!("RCPT TO:<{to}>"), "250 ");
    line.ask("DATA", "354 ");
    line.send(format!("Subject: {subject}\r\n\r\n.\r\n").as_bytes());
    let reply = line.expect("250 2.0.0 Ok: queued as ");
    reply.rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn one_message_under_one_trace_id_is_one_entry() {
    let mut stage = Stage::start(SOON);
    let trace = TraceId::new(1_795_550_305_000, 7).to_string();
    assert_eq!(offer(&stage, &trace, "1@far.test", "one"), trace);
    assert_eq!(offer(&stage, &trace, "1@far.test", "one"), trace);
    assert_eq!(offer(&stage, &trace, "2@far.test", "one"), format!("{trace}-2"));
    stage.kill();
    stage.run();
    assert_eq!(offer(&stage, &trace, "1@far.test", "one"), trace);
    let hop = stage.hop("remote");
    stage.until_empty();
    assert_eq!(offer(&stage, &trace, "1@far.test", "one"), trace);
    stage.until_empty();
    let mut rcpts: Vec<String> = hop.taken().into_iter().flat_map(|taken| taken.rcpts).collect();
    rcpts.sort();
    assert_eq!(rcpts, ["RCPT TO:<1@far.test>", "RCPT TO:<2@far.test>"]);
    assert!(hop.taken().iter().all(|taken| taken.forward["IDENT"] == trace));
    assert_eq!(hop.taken()[0].forward["NAME"], "cl.test");
}

#[test]
fn ids_of_other_forms_and_peers_are_only_logged() {
    let stage = Stage::start(&format!("{SOON}trusted_ids = []\n"));
    let id = offer(&stage, "B97AE9961B1", "1@far.test", "one");
    let again = offer(&stage, "B97AE9961B1", "1@far.test", "one");
    assert!(id.parse::<TraceId>().is_ok() && id != again, "{id} {again}");
    stage.logged(&[&format!("id={id}"), "origin=B97AE9961B1"]);
    if nix::unistd::geteuid().is_root() {
        // qmgrd runs as nobody: we are a stranger, whatever the form.
        let trace = TraceId::new(5, 7).to_string();
        assert_ne!(offer(&stage, &trace, "1@far.test", "one"), trace);
    }
}
