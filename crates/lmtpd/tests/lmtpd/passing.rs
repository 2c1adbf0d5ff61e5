//! What lmtpd says of other uids' mail, with stand-ins for their instances: as any user.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::time::Duration;

use address::TraceId;

use crate::deliveries::send;
use crate::stage::Stage;

/// How a stand-in behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Closes behind the first RCPT's reply.
    DiesAfterRcpt,
    /// Closes behind the final dot.
    DiesAfterDot,
    /// Says 421 in reply to LHLO.
    Leaves,
}

/// What it was told in one session.
#[derive(Debug, Default)]
struct Told {
    commands: Vec<String>,
    content: String,
}

/// A stand-in for a uid's instance. It refuses `…-no@…` with 552, and puts `…-later@…` off at the end.
fn stand_in(stage: &Stage, uid: u32, manner: Manner) -> mpsc::Receiver<Told> {
    let path = stage.path(&format!("i-{uid}"));
    let listener = UnixListener::bind(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let mut one = Told::default();
            let _ = converse(&stream, manner, &mut one);
            let _ = tell.send(one);
        }
    });
    told
}

fn converse(mut stream: &UnixStream, manner: Manner, told: &mut Told) -> Option<()> {
    let mut lines = BufReader::new(stream).lines();
    let mut taken = Vec::new();
    let mut say = |text: &str| stream.write_all(format!("{text}\r\n").as_bytes()).ok();
    say("220 i.test")?;
    while let Some(Ok(line)) = lines.next() {
        told.commands.push(line.clone());
        match line.split(' ').next()? {
            "LHLO" if manner == Manner::Leaves => {
                say("421 4.3.2 leaving")?;
                return None;
            }
            "LHLO" => say(
                "250-i.test\r\n250-XFORWARD NAME ADDR PORT PROTO HELO SOURCE IDENT\r\n250-DSN\r\n250 SIZE",
            )?,
            "RCPT" if line.contains("-no@") => say("552 5.2.2 full")?,
            "RCPT" => {
                taken.push(line.clone());
                say("250 2.1.5 welcome")?;
                if manner == Manner::DiesAfterRcpt {
                    return None;
                }
            }
            "DATA" => {
                say("354 go")?;
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    told.content.push_str(&line);
                    told.content.push('\n');
                }
                if manner == Manner::DiesAfterDot {
                    return None;
                }
                for rcpt in taken.drain(..) {
                    say(if rcpt.contains("-later@") {
                        "452 4.2.2 later"
                    } else {
                        "250 2.0.0 kept"
                    })?;
                }
            }
            "QUIT" => return None,
            _ => say("250 2.0.0 Ok")?,
        }
    }
    None
}

#[test]
fn everything_is_passed_on_and_answered_in_order() {
    let (uid, _) = daemon::users::own_ids();
    let stage = Stage::new(&format!("trusted_ids = [{uid}]"));
    let (left, right) =
        (stand_in(&stage, 4001, Manner::Good), stand_in(&stage, 4002, Manner::Good));
    let mut line = stage.line();
    let id = TraceId::new(daemon::now_millis(), 5);
    line.ask(&format!("XFORWARD IDENT={id} ADDR=192.0.2.1 HELO=c.test"), "250 ");
    line.ask("MAIL FROM:<a@b.test> SIZE=400000 RET=HDRS ENVID=e1", "250 ");
    line.ask("RCPT TO:<u4001-a@x.test> NOTIFY=NEVER ORCPT=rfc822;o@x.test", "250 2.1.5 welcome");
    line.ask("RCPT TO:<bob@x.test>", "250 2.1.5 OK");
    line.ask("RCPT TO:<u4002-later@x.test>", "250 2.1.5 welcome");
    line.ask("RCPT TO:<u4002-no@x.test>", "552 5.2.2 full");
    line.ask("RCPT TO:<u4001-b+x@x.test>", "250 2.1.5 welcome");
    line.ask("DATA", "354 ");
    let body = "a line of the body\r\n".repeat(20_000);
    line.send(format!("Subject: x\r\n\r\n{body}..\r\n.\r\n").as_bytes());
    line.expect("250 2.0.0 kept");
    line.expect("250 2.0.0 <bob@x.test>");
    line.expect("452 4.2.2 later");
    line.expect("250 2.0.0 kept");
    // A second message goes over the same connections.
    send(&mut line, "b@b.test", &["u4001-c@x.test"], "Subject: y\r\n\r\n");
    line.expect("250 2.0.0 kept");
    let (stored, want) = (stage.messages("bob", ""), format!("{body}.\r\n").replace("\r\n", "\n"));
    assert_eq!(stored.len(), 1);
    assert!(stored[0].1.ends_with(&want));
    assert!(stage.messages("u4001-a", "").is_empty(), "nothing is written here in its place");
    drop(line);
    drop(stage); // its connections end
    let (left, right) = (left.recv().unwrap(), right.recv().unwrap());
    let want = format!("Subject: x\n\n{}..\n", body.replace("\r\n", "\n"));
    assert_eq!(right.content, want, "as it was sent, dots doubled");
    assert_eq!(left.content, format!("{want}Subject: y\n\n"));
    assert_eq!(left.commands[0], "LHLO mx.test");
    assert!(left.commands[1].contains(&format!("IDENT={id}")), "{:?}", left.commands);
    assert!(left.commands[1].contains("ADDR=192.0.2.1"), "{:?}", left.commands);
    assert_eq!(
        left.commands[2..5],
        [
            "MAIL FROM:<a@b.test> SIZE=400000 RET=HDRS ENVID=e1",
            "RCPT TO:<u4001-a@x.test> NOTIFY=NEVER ORCPT=rfc822;o@x.test",
            "RCPT TO:<u4001-b+x@x.test>",
        ]
    );
}

#[test]
fn an_instance_that_fails_costs_its_own_recipients_alone() {
    let stage = Stage::new("");
    let _told = [
        stand_in(&stage, 4001, Manner::DiesAfterRcpt),
        stand_in(&stage, 4002, Manner::DiesAfterDot),
        stand_in(&stage, 4003, Manner::Good),
        stand_in(&stage, 4004, Manner::Leaves),
    ];
    let mut line = stage.line();
    line.ask("MAIL FROM:<a@b.test>", "250 ");
    line.ask("RCPT TO:<u4001-a@x.test>", "250 2.1.5 ");
    line.ask("RCPT TO:<u4002-a@x.test>", "250 2.1.5 ");
    line.ask("RCPT TO:<bob@x.test>", "250 2.1.5 ");
    line.ask("RCPT TO:<u4003-a@x.test>", "250 2.1.5 ");
    line.ask("RCPT TO:<u4004-a@x.test>", "451 4.3.0 <u4004-a@x.test> ");
    // Nobody is there.
    line.ask("RCPT TO:<u4005-a@x.test>", "451 4.3.0 <u4005-a@x.test> ");
    line.ask("DATA", "354 ");
    line.send(b"Subject: x\r\n\r\n.\r\n");
    line.expect("451 4.3.0 <u4001-a@x.test> ");
    line.expect("451 4.3.0 <u4002-a@x.test> ");
    line.expect("250 2.0.0 <bob@x.test>");
    line.expect("250 2.0.0 kept");
    stage.logged("can't pass this mail on");
    // The next message finds the session as it should be.
    send(&mut line, "a@b.test", &["bob@x.test"], "Subject: y\r\n\r\n");
    line.expect("250 2.0.0 <bob@x.test>");
    line.ask("RSET", "250 ");
}

#[test]
fn uids_of_the_system_get_no_mail() {
    let stage = Stage::new("minimum_uid = 200");
    let _told = stand_in(&stage, 200, Manner::Good);
    let _never = stand_in(&stage, 199, Manner::Good);
    let mut line = stage.line();
    line.ask("MAIL FROM:<a@b.test>", "250 ");
    for uid in [0, 99, 199, u32::MAX] {
        line.ask(&format!("RCPT TO:<u{uid}-a@x.test>"), &format!("451 4.3.5 <u{uid}-a@x.test> "));
    }
    line.ask("RCPT TO:<u200-a@x.test>", "250 2.1.5 ");
    line.ask("RSET", "250 ");
    stage.logged("below minimum_uid = 200");
    stage.logged("the userdb says uid=0");
}
