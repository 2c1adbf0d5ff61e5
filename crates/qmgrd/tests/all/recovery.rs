//! What is left when qmgrd is killed: everything that was acknowledged, once.

use support::eventually;

use crate::stage::{SOON, Stage, message};

#[test]
fn deferred_mail_outlives_a_kill() {
    let mut stage = Stage::start(SOON);
    let id = stage.send("<a@b.test>", &["1@far.test", "2@example.test"], "kept");
    stage.logged(&[&id, "to=<1@far.test>", "status=deferred"]);
    stage.kill();
    let (local, remote) = (stage.hop("local"), stage.hop("remote"));
    stage.run();
    stage.until_empty();
    assert_eq!((local.taken().len(), remote.taken().len()), (1, 1));
    assert_eq!(remote.taken()[0].forward["IDENT"], id);
    assert_eq!(remote.taken()[0].content, message("kept"));
}

#[test]
fn what_was_delivered_before_a_kill_is_not_delivered_again() {
    let mut stage = Stage::start(SOON);
    let local = stage.hop("local");
    stage.send("<a@b.test>", &["1@far.test", "2@example.test"], "half");
    stage.logged(&["to=<2@example.test>", "status=sent"]);
    stage.logged(&["to=<1@far.test>", "status=deferred"]);
    stage.kill();
    let remote = stage.hop("remote");
    stage.run();
    stage.until_empty();
    assert_eq!((local.taken().len(), remote.taken().len()), (1, 1));
}

#[test]
fn a_report_that_is_offered_twice_has_one_id() {
    let mut stage = Stage::start(SOON);
    let (_hop, out) = (stage.hop("remote"), stage.hop("out"));
    stage.send("<hold@vmail.test>", &["r550@far.test"], "twice");
    eventually("the report", || (out.taken().len() == 1).then_some(()));
    // The reply to it is held back: qmgrd doesn't know that it was taken.
    stage.kill();
    stage.run();
    eventually("the report again", || (out.taken().len() == 2).then_some(()));
    out.let_go();
    stage.until_empty();
    let taken = out.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0].forward["IDENT"], taken[1].forward["IDENT"]);
    assert_eq!(taken[0].content, taken[1].content);
}

#[test]
fn an_unfinished_message_is_none() {
    let mut stage = Stage::start(SOON);
    let mut line = stage.session();
    line.ask("MAIL FROM:<a@b.test>", "250 ");
    line.ask("RCPT TO:<1@far.test>", "250 ");
    line.ask("DATA", "354 ");
    // More than is collected in memory: a draft is on disk.
    line.send("x".repeat(70).as_bytes());
    for _ in 0..8192 {
        line.send(format!("{}\r\n", "x".repeat(70)).as_bytes());
    }
    let drafts = || std::fs::read_dir(stage.path("spool/tmp")).map_or(0, Iterator::count);
    eventually("a draft", || (drafts() == 1).then_some(()));
    stage.kill();
    stage.run();
    stage.logged(&["removed what was left", "drafts=1"]);
    stage.until_empty();
}

#[test]
fn one_owner_a_spool() {
    let stage = Stage::start(SOON);
    let output = {
        let other = Stage::new(SOON);
        let text = std::fs::read_to_string(other.path("qmgrd.toml")).unwrap();
        let spool = |stage: &Stage| stage.path("spool").display().to_string();
        std::fs::write(other.path("qmgrd.toml"), text.replace(&spool(&other), &spool(&stage)))
            .unwrap();
        let status = other.command().status().unwrap();
        (status, other.log())
    };
    assert!(!output.0.success());
    assert!(output.1.contains("another qmgrd has it"), "{}", output.1);
}
