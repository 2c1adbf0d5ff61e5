//! Where messages go, what comes of it, and that nobody waits for somebody else.

use support::eventually;

use crate::stage::{SOON, Stage, message};

#[test]
fn by_domain_with_every_parameter() {
    let stage = Stage::start(SOON);
    let (local, remote) = (stage.hop("local"), stage.hop("remote"));
    let mut line = stage.session();
    line.ask("XFORWARD ADDR=192.0.2.7 HELO=cl.test LOGIN=alice", "250 ");
    line.ask("MAIL FROM:<a@b.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=e+201", "250 ");
    line.ask("RCPT TO:<x@far.test> NOTIFY=FAILURE ORCPT=rfc822;q@far.test", "250 ");
    line.ask("RCPT TO:<Bob+d@example.test>", "250 ");
    line.ask("RCPT TO:<y@FAR.test>", "250 ");
    line.ask("RCPT TO:<postmaster>", "250 ");
    line.ask("RCPT TO:<z@other.test>", "250 ");
    line.ask("DATA", "354 ");
    line.send(message("routed").replace("\r\n.", "\r\n..").as_bytes());
    line.send(b".\r\n");
    let id = line.expect("250 2.0.0").rsplit(' ').next().unwrap().to_owned();
    stage.until_empty();

    let at_home = local.taken();
    assert_eq!(at_home.len(), 1);
    assert_eq!(at_home[0].rcpts, ["RCPT TO:<Bob+d@example.test>", "RCPT TO:<postmaster>"]);
    assert_eq!(at_home[0].content, message("routed"));
    assert_eq!(at_home[0].forward["IDENT"], id);
    assert_eq!(at_home[0].forward["LOGIN"], "alice");
    assert_eq!(at_home[0].forward["ADDR"], "192.0.2.7");
    let size = message("routed").len();
    assert_eq!(
        at_home[0].mail,
        format!("MAIL FROM:<a@b.test> SIZE={size} BODY=8BITMIME RET=HDRS ENVID=e+201")
    );
    let mut abroad: Vec<Vec<String>> = remote.taken().into_iter().map(|t| t.rcpts).collect();
    abroad.sort();
    assert_eq!(
        abroad,
        [
            vec![
                "RCPT TO:<x@far.test> NOTIFY=FAILURE ORCPT=rfc822;q@far.test".to_owned(),
                "RCPT TO:<y@FAR.test>".to_owned()
            ],
            vec!["RCPT TO:<z@other.test>".to_owned()],
        ]
    );
    let sent = stage.logged(&["to=<x@far.test>"]);
    for field in [
        &format!("id={id}")[..],
        "from=<a@b.test>",
        "relay=hop.test[",
        "delay=",
        "dsn=2.0.0",
        "status=sent",
    ] {
        assert!(sent.contains(field), "{field}: {sent}");
    }
}

#[test]
fn a_dead_socket_that_comes_alive() {
    let stage = Stage::start(SOON);
    let id = stage.send("<a@b.test>", &["x@far.test"], "patient");
    stage.logged(&[&id, "status=deferred", "dsn=4.4.1", "No such file or directory"]);
    let listed = stage.listed();
    let reason = listed[0].pointer("/recipients/0/delay_reason").unwrap().as_str().unwrap();
    assert!(reason.starts_with("connect to ") && reason.contains("No such file"), "{reason}");
    let hop = stage.hop("remote");
    stage.until_empty();
    assert_eq!(hop.taken().len(), 1);
    assert_eq!(hop.taken()[0].content, message("patient"));
}

#[test]
fn mixed_verdicts_end_each_recipient_as_it_should_once() {
    let stage = Stage::start(SOON);
    let (hop, out) = (stage.hop("local"), stage.hop("out"));
    let to = [
        "ok@example.test",
        "r550@example.test",
        "r450@example.test",
        "e552@example.test",
        "e451@example.test",
    ];
    stage.send("<alice@vmail.test>", &to, "mixed");
    stage.logged(&[
        "to=<e451@example.test>",
        "status=deferred",
        "(in reply to end of DATA command)",
    ]);
    stage.logged(&["to=<r450@example.test>", "status=deferred", "(in reply to RCPT TO command)"]);
    stage.logged(&["to=<r550@example.test>", "status=bounced", "dsn=5.2.2"]);
    let report = eventually("one report on both", || {
        let taken = out.taken();
        (taken.len() == 1).then(|| taken[0].clone())
    });
    for failed in ["r550", "e552"] {
        assert!(
            report.content.contains(&format!("Final-Recipient: rfc822; {failed}@example.test\r\n"))
        );
    }
    assert!(!report.content.contains("e451"), "{}", report.content);
    hop.answer("r450", "250 2.1.5 ok");
    hop.answer("e451", "250 2.0.0 saved");
    stage.until_empty();
    let delivered: Vec<String> = hop.taken().into_iter().flat_map(|taken| taken.rcpts).collect();
    let times = |local: &str| delivered.iter().filter(|rcpt| rcpt.contains(local)).count();
    assert_eq!((times("<ok@"), times("e552@"), times("r450@")), (1, 1, 1));
    assert!(times("e451@") >= 2);
    assert_eq!(out.taken().len(), 1);
}

#[test]
fn a_slow_destination_beside_a_fast_one() {
    let stage = Stage::start(&format!("{SOON}max_deliveries = 8\n"));
    let hop = stage.hop("remote");
    for n in 0..20 {
        stage.send("<a@b.test>", &["hold@slow.test"], &format!("slow{n}"));
    }
    eventually("all that slow.test may have", || (hop.taken().len() >= 4).then_some(()));
    for n in 0..20 {
        stage.send("<a@b.test>", &["x@fast.test"], &format!("fast{n}"));
    }
    let count = |domain: &str| {
        let taken = hop.taken();
        taken.iter().filter(|taken| taken.rcpts[0].contains(domain)).count()
    };
    eventually("everything for fast.test", || (count("fast.test") == 20).then_some(()));
    assert_eq!(count("slow.test"), 4, "no more than it leaves for others");
    hop.let_go();
    stage.until_empty();
    assert_eq!((count("slow.test"), count("fast.test")), (20, 20));
}

#[test]
fn one_message_to_a_slow_and_a_fast_destination() {
    let stage = Stage::start(SOON);
    let (local, remote) = (stage.hop("local"), stage.hop("remote"));
    stage.send("<a@b.test>", &["hold@slow.test", "bob@example.test"], "both");
    eventually("bob's copy", || (local.taken().len() == 1).then_some(()));
    stage.logged(&["to=<bob@example.test>", "status=sent"]);
    remote.let_go();
    stage.until_empty();
    assert_eq!((local.taken().len(), remote.taken().len()), (1, 1));
}

#[test]
fn many_messages_with_little_memory() {
    let stage = Stage::start(&format!("{SOON}max_active = 100\n"));
    for n in 0..150 {
        stage.send("<a@b.test>", &["x@far.test"], &format!("n{n}"));
    }
    let (_, status) = stage.ask("GET", "/v1/status");
    assert!(status["recipients_in_memory"].as_u64().unwrap() <= 100, "{status}");
    let hop = stage.hop("remote");
    stage.until_empty();
    let mut subjects: Vec<String> = hop
        .taken()
        .iter()
        .map(|t| t.content.lines().find(|l| l.starts_with("Subject")).unwrap().to_owned())
        .collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!((subjects.len(), hop.taken().len()), (150, 150));
}
