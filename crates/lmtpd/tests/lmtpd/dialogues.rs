//! The transcripts of dialogues/, played.

use std::collections::BTreeMap;

use support::{Line, dialogue};

use crate::stage::Stage;

fn play(transcript: &str, mail: &str) {
    let stage = Stage::with_mail("", mail);
    let mut line = Line::unix(stage.path("lmtp"));
    dialogue::play(transcript, &mut line, &BTreeMap::new());
}

#[test]
fn delivered() {
    play(include_str!("dialogues/delivered.txt"), "");
}

#[test]
fn recipients() {
    play(include_str!("dialogues/recipients.txt"), "mail_roots = [\"{root}\"]");
}

#[test]
fn order_and_syntax() {
    play(include_str!("dialogues/order.txt"), "");
}

#[test]
fn authd_away() {
    let stage = Stage::new("");
    std::fs::remove_file(stage.path("userdb")).unwrap();
    let mut line = Line::unix(stage.path("lmtp"));
    let names = BTreeMap::new();
    dialogue::play(include_str!("dialogues/authd_away.txt"), &mut line, &names);
}

#[test]
fn a_mail_root_that_is_not_there() {
    let roots = "mail_roots = [\"{root}/unmounted\"]";
    let stage = Stage::with_mail("", &roots.replace("{root}/unmounted", "{root}"));
    std::fs::rename(stage.path("vmail"), stage.path("aside")).unwrap();
    let mut line = stage.line();
    line.ask("MAIL FROM:<a@b.test>", "250 2.1.0 OK");
    line.ask("RCPT TO:<alice@x.test>", "250 2.1.5 OK");
    line.ask("DATA", "354 ");
    line.say("Subject: x").say("").say(".").expect("451 4.3.0 <alice@x.test>");
    assert!(!stage.path("vmail").exists(), "nothing is made in its place");
}
