//! Dialogues with a session, the daemon's part played by a table: what is said to whom stands in the
//! local part.

use super::*;
use crate::server::Options;

/// Plays a whole conversation; the octets are given in pieces of `piece`.
fn play(options: Options, input: &str, piece: usize) -> String {
    let mut session = Session::new(options);
    let mut octets = input.as_bytes().chunks(piece);
    let mut heard = String::new();
    loop {
        match session.next_action() {
            Action::Read => {
                heard.push_str(&String::from_utf8_lossy(&session.take_output()));
                match octets.next() {
                    Some(octets) => session.receive(octets),
                    None => return heard,
                }
            }
            Action::Ask(question) => answer(&mut session, question),
            Action::Content(_) | Action::Abort | Action::AuthCancelled => {}
            Action::StartTls(proof) => {
                heard.push_str(&String::from_utf8_lossy(&session.take_output()));
                heard.push_str("[TLS]\r\n");
                session.tls_started(proof);
            }
            Action::Close => {
                heard.push_str(&String::from_utf8_lossy(&session.take_output()));
                heard.push_str("[closed]\r\n");
                return heard;
            }
        }
    }
}

fn answer(session: &mut Session, question: Question) {
    match question {
        Question::Greet => session.answer_greet(Ok(())),
        Question::Hello(_) => session.answer_hello(Ok(())),
        Question::XForward(_) => session.answer_xforward(),
        Question::Mail(_) => session.answer_mail(&Reply::new(250, 1, 0, "Ok")),
        Question::Rcpt(rcpt) => {
            let bad = rcpt.to.address().local().as_str().starts_with("bad");
            session.answer_rcpt(&if bad {
                Reply::new(550, 1, 1, "no")
            } else {
                Reply::new(250, 1, 5, "Ok")
            });
        }
        Question::Begin => session.answer_begin(Ok(())),
        Question::Finish => session.answer_finish(&vec![Reply::new(250, 0, 0, "Ok: queued"); 3]),
        Question::Auth { initial: None, .. } => {
            session.answer_auth(AuthAnswer::Challenge(Vec::new()))
        }
        Question::Auth { initial: Some(octets), .. } | Question::AuthResponse(octets) => {
            let refused = Reply::new(535, 7, 8, "Error: authentication failed");
            session.answer_auth(if octets == b"\0a\0right" {
                AuthAnswer::Accepted
            } else {
                AuthAnswer::Refused(refused)
            });
        }
        Question::Vrfy(_) => session.answer_vrfy(&Reply::new(252, 0, 0, "Try RCPT")),
    }
}

/// What is heard, the greeting and EHLO's list left out, is the same for any split of the input.
fn hear(options: &Options, input: &str) -> String {
    let whole = play(options.clone(), input, usize::MAX);
    for piece in [1, 2, 3, 7] {
        assert_eq!(play(options.clone(), input, piece), whole, "in pieces of {piece}");
    }
    let dull = |line: &&str| {
        !line.starts_with("220 mx.test") && !line.starts_with("250-") && *line != "250 CHUNKING"
    };
    whole.split("\r\n").filter(dull).collect::<Vec<_>>().join("\n")
}

fn smtp() -> Options {
    Options { strict_pipelining: false, ..Options::new(Protocol::Smtp, "mx.test") }
}

#[test]
fn order_and_syntax_as_postfix_words_them() {
    let heard = hear(
        &smtp(),
        "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nMAIL FROM:<a@b.test>\r\nRSET\r\nRCPT TO:<x@y.test>\r\nDATA\r\n\
         MAIL FROM:<a@b.test\r\nMAIL FROM:<a@b.test> BODY=9BIT\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nDATA\r\nFOO\r\n\r\n\
         VRFY\r\nVRFY x\r\nSTARTTLS\r\nAUTH PLAIN\r\nNO\u{1}OP\r\nQUIT\r\nNOOP\r\n",
    );
    let wanted = [
        "250 2.1.0 Ok",
        "503 5.5.1 Error: nested MAIL command",
        "250 2.0.0 Ok",
        "503 5.5.1 Error: need MAIL command",
        "503 5.5.1 Error: need RCPT command",
        "501 5.1.7 Bad sender address syntax",
        "555 5.5.4 Unsupported option: BODY=9BIT",
        "250 2.1.0 Ok",
        "501 5.1.3 Bad recipient address syntax",
        "554 5.5.1 Error: no valid recipients",
        "500 5.5.2 Error: command not recognized",
        "500 5.5.2 Error: bad syntax",
        "501 5.5.4 Syntax: VRFY address",
        "252 2.0.0 Try RCPT",
        "502 5.5.1 Error: command not implemented",
        "503 5.5.1 Error: MAIL transaction in progress",
        "500 5.5.2 Error: bad syntax",
        "221 2.0.0 Bye",
        "[closed]",
        "",
    ];
    assert_eq!(heard, wanted.join("\n"));
}

#[test]
fn messages_pipelined_and_chunked() {
    let heard = hear(
        &smtp(),
        "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<bad@b.test>\r\nDATA\r\nSubject: x\r\n\r\n..\r\n.\r\n\
         MAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nBDAT 10\r\nSubject: xBDAT 6 LAST\r\n\r\n\r\nhi\
         BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
    );
    let wanted = [
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "550 5.1.1 no",
        "354 End data with <CR><LF>.<CR><LF>",
        "250 2.0.0 Ok: queued",
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "250 2.0.0 Ok: 10 bytes",
        "250 2.0.0 Ok: queued",
        "503 5.5.1 Error: need RCPT command",
        "250 2.0.0 Ok",
        "",
    ];
    assert_eq!(heard, wanted.join("\n"));
}

#[test]
fn lmtp_has_a_reply_a_recipient() {
    let options = Options { xforward: true, ..Options::new(Protocol::Lmtp, "mx.test") };
    let heard = hear(
        &options,
        "EHLO c\r\nLHLO c\r\nXFORWARD IDENT=x\r\nXFORWARD FOO=x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\n\
         RCPT TO:<bad@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\nx\r\n.\r\n",
    );
    let wanted = [
        "500 5.5.2 Error: command not recognized",
        "250 2.0.0 Ok",
        "501 5.5.4 Error: bad XFORWARD attribute name: FOO",
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "550 5.1.1 no",
        "250 2.1.5 Ok",
        "354 End data with <CR><LF>.<CR><LF>",
        "250 2.0.0 Ok: queued",
        "250 2.0.0 Ok: queued",
        "",
    ];
    assert_eq!(heard, wanted.join("\n"));
}

#[test]
fn nothing_said_in_clear_is_used_under_tls() {
    let options = Options {
        starttls: true,
        require_tls: true,
        require_auth: true,
        auth: vec!["PLAIN".into()],
        ..smtp()
    };
    let input = "EHLO c\r\nAUTH PLAIN AGEAcmlnaHQ=\r\nMAIL FROM:<a@b.test>\r\nSTARTTLS\r\nMAIL FROM:<evil@b.test>\r\n";
    let heard = play(options.clone(), input, usize::MAX);
    let heard: Vec<&str> = heard.lines().filter(|line| !line.starts_with("250-")).collect();
    let wanted = [
        "220 mx.test ESMTP Dovetail",
        "250 CHUNKING",
        "530 5.7.0 Must issue a STARTTLS command first",
        "530 5.7.0 Must issue a STARTTLS command first",
        "220 2.0.0 Ready to start TLS",
        "[TLS]",
    ];
    assert_eq!(heard, wanted);
    let tls = Options { tls: true, ..options };
    let heard = hear(
        &tls,
        "EHLO c\r\nMAIL FROM:<a@b.test>\r\nAUTH FOO\r\nAUTH PLAIN !\r\nAUTH PLAIN\r\n*\r\nAUTH PLAIN\r\nAGEAd3Jvbmc=\r\n\
         AUTH PLAIN AGEAcmlnaHQ=\r\nAUTH PLAIN\r\nMAIL FROM:<a@b.test>\r\n",
    );
    let wanted = [
        "530 5.7.0 Authentication required",
        "535 5.7.8 Error: authentication failed: Invalid authentication mechanism",
        "535 5.7.8 Error: authentication failed: Invalid base64 data in initial response",
        "334 ",
        "501 5.7.0 Authentication aborted",
        "334 ",
        "535 5.7.8 Error: authentication failed",
        "235 2.7.0 Authentication successful",
        "503 5.5.1 Error: already authenticated",
        "250 2.1.0 Ok",
        "",
    ];
    assert_eq!(heard, wanted.join("\n"));
}

#[test]
fn limits() {
    let tight = Limits { size: 100, recipients: 1, errors: 6, ..Limits::default() };
    let options = Options { limits: tight, ..smtp() };
    let long = "x".repeat(3000);
    let heard = hear(
        &options,
        &format!(
            "EHLO c\r\nMAIL FROM:<> SIZE=101\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<c@b.test>\r\nDATA\r\n\
             {long}\r\n.\r\nNOOP {long}\r\nNOOP\r\nGET / HTTP/1.1\r\n"
        ),
    );
    let wanted = [
        "552 5.3.4 Message size exceeds fixed limit",
        "250 2.1.0 Ok",
        "250 2.1.5 Ok",
        "452 4.5.3 Error: too many recipients",
        "354 End data with <CR><LF>.<CR><LF>",
        "552 5.3.4 Error: message file too big",
        "500 5.5.2 Error: line too long",
        "250 2.0.0 Ok",
        "221 2.7.0 Error: I can break rules, too. Goodbye.",
        "[closed]",
        "",
    ];
    assert_eq!(heard, wanted.join("\n"));
    let heard = hear(&options, &format!("EHLO c\r\n{}", "FOO\r\n".repeat(1000)));
    assert_eq!(heard.lines().count(), 7);
    assert!(heard.ends_with("421 4.7.0 mx.test Error: too many errors\n[closed]\n"), "{heard}");
}

proptest::proptest! {
    #[test]
    fn never_panics(input in proptest::collection::vec(proptest::sample::select(
        vec!["EHLO c\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<a@b>\r\n", "DATA\r\n", "BDAT 3\r\n", "BDAT 2 LAST\r\n", "abc", ".\r\n", "RSET\r\n", "AUTH PLAIN\r\n", "=\r\n", "STARTTLS\r\n", "\0", "\r", "\n", "x"]), 0..40), piece in 1usize..9) {
        let options = Options { starttls: true, auth: vec!["PLAIN".into()], auth_without_tls: true, ..smtp() };
        play(options, &input.concat(), piece);
    }
}
