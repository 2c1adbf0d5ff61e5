//! What lies in the Maildirs after a delivery, and what the log tells.

use support::Line;

use crate::stage::Stage;

/// Says MAIL and RCPT; sends DATA and the content.
pub(crate) fn send(line: &mut Line, from: &str, to: &[&str], content: &str) {
    line.ask(&format!("MAIL FROM:<{from}>"), "250 2.1.0");
    for recipient in to {
        line.ask(&format!("RCPT TO:<{recipient}>"), "250 2.1.5");
    }
    line.ask("DATA", "354 ");
    line.send(content.as_bytes()).say(".");
}

#[test]
fn headers_name_and_log() {
    let stage = Stage::new("");
    send(&mut stage.line(), "a@b.test", &["Alice+x@Example.test"], "Subject: x\r\n\r\n..y\r\n");
    let mut line = stage.line();
    send(&mut line, "", &["bob@example.test", "carol@example.test"], "Subject: z\r\n\r\n");
    line.expect("250 2.0.0 <bob@example.test> ");
    let said = line.expect("250 2.0.0 <carol@example.test> ");
    let id = said.split(' ').nth(3).unwrap();
    let found = support::eventually("the first", || stage.messages("alice", "").pop());
    let (name, text) = &found;
    let want = "Return-Path: <a@b.test>\nDelivered-To: Alice+x@Example.test\n\
        Received: from client.test\n\tby mx.test (Dovetail) with LMTP id …\n\
        \tfor <Alice+x@Example.test>;\n\t… +0000\nSubject: x\n\n.y\n";
    assert!(support::dialogue::matches(want, text), "{text}");
    let crlf = text.len() + text.matches('\n').count();
    assert!(name.ends_with(&format!(",S={},W={crlf}", text.len())), "{name}");
    let (name, text) = &stage.messages("bob", "")[0];
    assert!(name.contains(&format!("T{id}.")), "{name} {id}");
    assert!(text.starts_with("Return-Path: <>\nDelivered-To: bob@example.test\n"), "{text}");
    assert!(!text.contains("for <"), "several must not learn of each other: {text}");
    let line = stage.logged("to=<carol@");
    for field in
        [id, "to=<carol@example.test>", "user=carol@example.test", "status=sent", "dsn=2.0.0"]
    {
        assert!(line.contains(field), "{field} in {line}");
    }
    assert!(line.contains("stored mail into mailbox 'INBOX'"), "{line}");
}

#[test]
fn details_go_into_mailboxes_where_configured() {
    let stage = Stage::new("detail_mailbox = true");
    let mailbox = stage.maildir("alice").join(".Lists.rust/cur");
    send(&mut stage.line(), "a@b.test", &["alice@x.test"], "1\r\n");
    support::eventually("the Maildir", || (stage.messages("alice", "").len() == 1).then_some(()));
    // As the user would have made it.
    std::fs::create_dir_all(&mailbox).unwrap();
    let nobody = std::fs::metadata(stage.maildir("alice")).unwrap();
    for folder in [mailbox.parent().unwrap(), &mailbox] {
        let uid = std::os::unix::fs::MetadataExt::uid(&nobody);
        std::os::unix::fs::chown(folder, Some(uid), None).unwrap();
    }
    let mut line = stage.line();
    let to = ["alice+Lists/rust@x.test", "alice+none@x.test", "\"alice+../x\"@x.test"];
    send(&mut line, "a@b.test", &to, "2\r\n");
    for recipient in to {
        line.expect(&format!("250 2.0.0 <{recipient}> "));
    }
    assert_eq!(stage.messages("alice", ".Lists.rust").len(), 1);
    assert_eq!(stage.messages("alice", "").len(), 3);
    stage.logged("stored mail into mailbox 'Lists/rust'");

    let stage = Stage::new("detail_mailbox = true\nautocreate = true");
    let mut line = stage.line();
    send(&mut line, "a@b.test", &["alice+new@x.test"], "3\r\n");
    line.expect("250 2.0.0 ");
    assert_eq!(stage.messages("alice", ".new").len(), 1);
}

#[test]
fn large_messages_for_several() {
    let stage = Stage::new("body_in_memory = \"10K\"");
    let body: String =
        (0..30_000).map(|n| format!("{n} 0123456789012345678901234567890\r\n")).collect();
    let mut line = stage.line();
    let to = ["alice@x.test", "bob@x.test", "alice+a@x.test", "mail@x.test", "alice@x.test"];
    send(&mut line, "a@b.test", &to, &body);
    for recipient in to {
        line.expect(&format!("250 2.0.0 <{recipient}> "));
    }
    let stored = body.replace("\r\n", "\n");
    let apart = stage.path("vmail/apart/mail/new");
    let apart = std::fs::read_dir(apart).unwrap().next().unwrap().unwrap().path();
    let mut texts: Vec<String> =
        ["alice", "bob"].iter().flat_map(|user| stage.messages(user, "")).map(|m| m.1).collect();
    texts.push(std::fs::read_to_string(apart).unwrap());
    assert_eq!(texts.len(), 4, "one recipient said twice is one");
    for text in texts {
        assert!(text.ends_with(&stored));
        assert_eq!(text.matches("Delivered-To:").count(), 1);
    }
    // Too large, and given up: nothing stays behind.
    line.ask("MAIL FROM:<a@b.test>", "250 ");
    line.ask("RCPT TO:<bob@x.test>", "250 ");
    line.ask("DATA", "354 ");
    line.send(&vec![b'x'; 4_000_000]).send(b"\r\n.\r\n").expect("552 5.3.4");
    let tmp = stage.maildir("bob").join("tmp");
    support::eventually("an empty tmp", || {
        std::fs::read_dir(&tmp).unwrap().next().is_none().then_some(())
    });
    assert_eq!(stage.messages("bob", "").len(), 1);
}

#[test]
fn a_mailbox_that_cannot_be_written_is_451_for_that_recipient_alone() {
    let stage = Stage::new("body_in_memory = \"0\"");
    std::fs::write(stage.path("vmail/alice"), "a file in the home's place").unwrap();
    let mut line = stage.line();
    send(&mut line, "a@b.test", &["alice@x.test", "bob@x.test"], "x\r\n");
    line.expect("451 4.3.0 <alice@x.test> Temporary internal error");
    line.expect("250 2.0.0 <bob@x.test> ");
    assert_eq!(stage.messages("bob", "").len(), 1);
    stage.logged("status=deferred");
}
