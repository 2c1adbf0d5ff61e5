//! Messages sent to a server that answers from a list, and what comes of them.

use std::collections::VecDeque;
use std::io;

use super::*;
use crate::exit::{EX_NOPERM, EX_NOUSER};
use crate::sendmail::compose::{BodyFacts, Composed};
use smtp::Mail;

/// A server that answers each command with its next line; content and its dot are one command.
#[derive(Default)]
struct Server {
    answers: VecDeque<&'static str>,
    unread: VecDeque<u8>,
    /// A line that isn't whole.
    line: Vec<u8>,
    in_content: bool,
    heard: Vec<String>,
}

impl Server {
    fn new(answers: &[&'static str]) -> Self {
        let ehlo =
            "250-mx.test\r\n250-SIZE 1000\r\n250-DSN\r\n250-XORIGIN o.test\r\n250 PIPELINING";
        let mut server = Self { answers: [ehlo].into(), ..Self::default() };
        server.answers.extend(answers);
        server.say("220 mx.test");
        server
    }

    fn say(&mut self, text: &str) {
        self.unread.extend(text.bytes().chain(*b"\r\n"));
    }

    fn hear(&mut self, line: String) {
        if self.in_content && line != "." {
            self.heard.push(format!("|{line}"));
            return;
        }
        self.in_content = false;
        self.heard.push(line);
        // `cut`: the server is gone.
        if let Some(answer) = self.answers.pop_front().filter(|answer| *answer != "cut") {
            self.in_content = answer.starts_with("354");
            self.say(answer);
        }
    }
}

impl Read for &mut Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.unread.read(buffer)
    }
}

impl Write for &mut Server {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        for octet in octets {
            self.line.push(*octet);
            if self.line.ends_with(b"\r\n") {
                let line = String::from_utf8(std::mem::take(&mut self.line)).expect("text");
                self.hear(line.trim_end().to_owned());
            }
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn composed(rcpts: &[String]) -> Composed {
    let rcpt = |text: &String| Rcpt::parse(&format!("RCPT TO:<{text}>")).expect("good");
    let mail = Mail::parse("MAIL FROM:<a@b.test> SIZE=12").expect("good");
    let envelope = Envelope { mail, rcpts: rcpts.iter().map(rcpt).collect() };
    Composed { envelope, header: b"A: b\r\n\r\n".to_vec() }
}

fn run(server: &mut Server, rcpts: &[&str]) -> Result<Vec<Refusal>, Failure> {
    let rcpts: Vec<String> = rcpts.iter().map(|&rcpt| rcpt.to_owned()).collect();
    let mut body = Kept::default();
    body.take(&mut b".x\r\n".to_vec(), || None).expect("small");
    assert_eq!(body.facts(), BodyFacts { octets: 4, is_8bit: false });
    let mut session = Session::begin(server).map_err(|why| broken(&why))?;
    let sent = send(&mut session, &composed(&rcpts), &mut body, Vec::new());
    session.end();
    sent.map_err(|(failure, _)| failure)
}

#[test]
fn one_message() {
    let answers = ["250 ok", "250 ok", "250 ok", "354 go", "250 2.0.0 Ok: queued as X", "221 bye"];
    let mut server = Server::new(&answers);
    assert_eq!(run(&mut server, &["x@y.test", "z"]), Ok(vec![]));
    assert_eq!(
        server.heard,
        [
            "EHLO localhost",
            "MAIL FROM:<a@b.test> SIZE=12",
            "RCPT TO:<x@y.test>",
            "RCPT TO:<z>",
            "DATA",
            "|A: b",
            "|",
            "|..x",
            ".",
            "QUIT"
        ]
    );
}

#[test]
fn who_is_refused_does_not_keep_the_others_from_their_mail() {
    let gone = "550 5.1.1 User unknown";
    let mut server = Server::new(&["250 ok", gone, "250 ok", "354 go", "250 ok", "221"]);
    let refused = run(&mut server, &["gone@y.test", "z"]).expect("sent");
    assert_eq!(
        refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["<gone@y.test>: 550 5.1.1 User unknown"]
    );
    assert_eq!(refused_by_some(&refused, 2).code, EX_NOUSER);
    let mut server = Server::new(&["250 ok", gone, "250 ok", "221"]);
    let failure = run(&mut server, &["gone@y.test"]).expect_err("nobody");
    assert_eq!(failure, Failure::new(EX_NOUSER, "<gone@y.test>: 550 5.1.1 User unknown"));
    assert_eq!(server.heard[3..], ["RSET", "QUIT"]);
}

#[test]
fn nothing_is_sent_where_one_must_wait() {
    let mut server = Server::new(&["250 ok", "250 ok", "451 4.3.0 later", "250 ok", "221"]);
    let failure = run(&mut server, &["x@y.test", "z"]).expect_err("later");
    assert_eq!(failure, Failure::new(EX_TEMPFAIL, "<z>: 451 4.3.0 later"));
    assert!(!server.heard.contains(&"DATA".to_owned()));
}

#[test]
fn more_than_one_message_may_have() {
    let full = "452 4.5.3 Error: too many recipients";
    let answers = [
        "250", "250", "250", full, full, "354", "250 ok", "250", "250", "250", "354", "250", "221",
    ];
    let mut server = Server::new(&answers);
    assert_eq!(run(&mut server, &["a", "b", "c", "d"]), Ok(vec![]));
    let count = |line: &str| server.heard.iter().filter(|heard| *heard == line).count();
    assert_eq!((count("RCPT TO:<b>"), count("RCPT TO:<c>"), count("DATA")), (1, 2, 2));
    // The second message fails: the caller hears who has the first.
    let mut server =
        Server::new(&["250", "250", full, "354", "250 ok", "250", "451 4.3.0 no", "250"]);
    let failure = run(&mut server, &["a", "b"]).expect_err("half");
    assert_eq!(failure.text, "<b>: 451 4.3.0 no; 1 recipients have the message");
    // Not even one.
    let mut server = Server::new(&["250", full, "250", "221"]);
    assert_eq!(run(&mut server, &["a"]).expect_err("none").code, EX_TEMPFAIL);
    // A hole: who comes behind it would get it twice.
    let mut server = Server::new(&["250", "250", full, "250", "250", "221"]);
    assert_eq!(run(&mut server, &["a", "b", "c"]).expect_err("none").code, EX_TEMPFAIL);
}

#[test]
fn refusals_of_all() {
    for (answers, code, text) in [
        (&["550 5.7.1 no", "503 5.5.1"][..], EX_NOPERM, "550 5.7.1 no"),
        (&["450 4.7.1 later", "503"][..], EX_TEMPFAIL, "450 4.7.1 later"),
        (&["250", "250", "451 4.3.0 queue"][..], EX_TEMPFAIL, "451 4.3.0 queue"),
        (&["250", "250", "354", "552 5.3.4 big"][..], EX_UNAVAILABLE, "552 5.3.4 big"),
        (&["250", "250", "354", "550 5.1.1 gone"][..], EX_NOUSER, "550 5.1.1 gone"),
        (&["250", "250", "354", "cut"][..], EX_TEMPFAIL, "smtpd: unexpected end of file"),
        (&["250", "cut"][..], EX_TEMPFAIL, "smtpd: unexpected end of file"),
        (&["250", "hello"][..], EX_TEMPFAIL, "smtpd: not an SMTP reply"),
    ] {
        let failure = run(&mut Server::new(answers), &["x@y.test"]).expect_err(text);
        assert_eq!(failure, Failure::new(code, text));
    }
}

#[test]
fn too_big_is_not_even_begun() {
    let mut server = Server::new(&[]);
    server.answers[0] = "250-mx.test\r\n250 SIZE 11";
    let failure = run(&mut server, &["x@y.test"]).expect_err("too big");
    assert_eq!(failure.code, EX_UNAVAILABLE);
    assert!(failure.text.contains("message size 12 exceeds"), "{failure}");
}

#[test]
fn greetings() {
    let mut server = Server::default();
    server.say("554 5.7.1 userid 1 is not allowed to submit mail");
    let failure = run(&mut server, &["x"]).expect_err("no");
    assert_eq!(failure.code, EX_NOPERM);
    let mut server = Server::new(&["221"]);
    let session = Session::begin(&mut server).expect("greeted");
    assert_eq!(session.origin().map(|origin| origin.to_string()).as_deref(), Some("o.test"));
    assert_eq!(session.most(), Some(1000));
}
