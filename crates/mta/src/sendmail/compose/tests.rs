//! Messages put together; the wanted results are Debian's Postfix 3.7's of the same input.

use super::*;
use crate::sendmail::intake::Intake;
use crate::sendmail::options::{self, Work};

fn caller() -> Caller {
    Caller { login: "root".into(), uid: 0, full_name: "root".into() }
}

/// `MAIL`, `RCPT`s and header lines of what a command line makes of a message.
fn compose(line: &str, message: &str) -> Result<Vec<String>, Failure> {
    let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let Work::Send(sending) = options::parse("sendmail", &words)?.work else { panic!("{line}") };
    let mut addressed = address(&sending, &caller())?;
    let (mut intake, mut body) = (Intake::new(sending.dot_ends), Vec::new());
    intake.push(message.as_bytes(), &mut body)?;
    let head = intake.finish(&mut body)?;
    if sending.of_header {
        addressed.take_header(&head, &caller())?;
    }
    let facts = BodyFacts { octets: body.len() as u64, is_8bit: !body.is_ascii() };
    let origin = Domain::parse("example.test").expect("good");
    let composed = addressed.compose(&sending, &caller(), (&head, facts), Some(&origin));
    let mut lines = vec![composed.envelope.mail.to_string()];
    lines.extend(composed.envelope.rcpts.iter().map(ToString::to_string));
    lines.extend(addressed.bad.iter().map(|bad| format!("bad {bad}")));
    let header = String::from_utf8(composed.header).expect("text");
    lines.extend(header.trim_end_matches("\r\n").split("\r\n").map(str::to_owned));
    Ok(lines)
}

fn same(line: &str, message: &str, wanted: &[&str]) {
    let mut lines = compose(line, message).expect("good");
    let (mail, size) = lines[0].rsplit_once(" SIZE=").expect("a size");
    assert!(size.parse::<u64>().is_ok(), "{size}");
    lines[0] = mail.to_owned();
    assert_eq!(lines, wanted, "{line}\n{message}");
}

const MAIL: &str = "MAIL FROM:<root>";
const FROM: &str = "From: root <root@example.test>";

#[test]
fn recipients_of_the_header() {
    same(
        "-t",
        "To: A One <a@b.test>, bare\nCc: \"x, y\" <c@d.test>\nBcc: secret@e.test\nSubject: x\n\nb\n",
        &[
            MAIL,
            "RCPT TO:<a@b.test>",
            "RCPT TO:<bare>",
            "RCPT TO:<c@d.test>",
            "RCPT TO:<secret@e.test>",
            "To: A One <a@b.test>, bare@example.test",
            "Cc: \"x, y\" <c@d.test>",
            "Subject: x",
            FROM,
        ],
    );
    // And those of the command line, each once.
    same(
        "-t z@y.test A@b.test",
        "To: a@b.test\n\nb\n",
        &[MAIL, "RCPT TO:<z@y.test>", "RCPT TO:<A@b.test>", "To: a@b.test", FROM],
    );
}

#[test]
fn sent_again() {
    same(
        "-t",
        "To: a@b.test\nResent-To: r@s.test\nFrom: old@x.test\nResent-Bcc: q@s.test\n\nb\n",
        &[
            MAIL,
            "RCPT TO:<r@s.test>",
            "RCPT TO:<q@s.test>",
            "To: a@b.test",
            "Resent-To: r@s.test",
            "From: old@x.test",
            "Resent-From: root <root@example.test>",
        ],
    );
}

#[test]
fn what_is_completed() {
    same(
        "-f x@y.test -F Jo a",
        "From: x\nReply-To: y, Z <z>\nSender: w\nErrors-To: e\nX-To: q\nBcc: a, b\n\n",
        &[
            "MAIL FROM:<x@y.test>",
            "RCPT TO:<a>",
            "From: x@example.test",
            "Reply-To: y@example.test, Z <z@example.test>",
            "Sender: w@example.test",
            "Errors-To: e@example.test",
            "X-To: q",
        ],
    );
    same(
        "-f x@y.test -F Jo a",
        "\n",
        &["MAIL FROM:<x@y.test>", "RCPT TO:<a>", "From: Jo <x@y.test>"],
    );
    same("-G -f r@x.test a", "To: x\n\nb", &["MAIL FROM:<r@x.test>", "RCPT TO:<a>", "To: x"]);
    // smtpd writes MAILER-DAEMON.
    same("-f <> a", "To: x\n\n", &["MAIL FROM:<>", "RCPT TO:<a>", "To: x@example.test"]);
}

#[test]
fn parameters() {
    let mail = |line: &str, message: &str| {
        let lines = compose(line, message).expect("good");
        let params = lines[0].split_once("SIZE=").expect("a size").1;
        params.split_once(' ').map_or_else(String::new, |(_, rest)| rest.to_owned())
    };
    assert_eq!(mail("-B 8BITMIME a", "\n"), "BODY=8BITMIME");
    assert_eq!(mail("a", "\né"), "BODY=8BITMIME");
    assert_eq!(mail("-B 7BIT a", "\né"), "BODY=7BIT");
    assert_eq!(mail("a", "Subject: é\n\nb"), "SMTPUTF8");
    assert_eq!(mail("-R hdrs -V e=1 a", "\n"), "RET=HDRS ENVID=e+3D1");
    let lines = compose("-t", "To: a@b.test\nFrom: x@y.test\n\nb\n").expect("good");
    assert_eq!(lines[0], "MAIL FROM:<root> SIZE=35");
    let rcpt = |line: &str| compose(line, "\n").expect("good").swap_remove(1);
    assert_eq!(rcpt("-N never a"), "RCPT TO:<a> NOTIFY=NEVER");
    assert_eq!(rcpt("-v a"), "RCPT TO:<a> NOTIFY=SUCCESS,FAILURE,DELAY");
    assert_eq!(rcpt("-v -N failure a"), "RCPT TO:<a> NOTIFY=FAILURE");
}

#[test]
fn nobody_and_nonsense() {
    let refused = |line: &str, message: &str| {
        let failure = compose(line, message).expect_err("bad");
        (failure.code, failure.text)
    };
    let (code, text) = refused("-t", "Subject: x\n\nTo: a@b.test\n");
    assert_eq!(code, crate::exit::EX_USAGE);
    assert_eq!(text, "root(0): No recipient addresses found in message header");
    let words =
        "root(0): Recipient addresses must be specified on the command line or via the -t option";
    assert_eq!(refused("-i", "\n").1, words);
    assert_eq!(refused("-f a@-b x", "\n").0, EX_DATAERR);
    let lines = compose("-f a@b.test,c@d.test x <> @y.test", "\n").expect("good");
    assert_eq!(lines[1..4], ["RCPT TO:<x>", "bad <>", "bad @y.test"]);
    let many = "a".repeat(3).to_owned() + &",b".repeat(10);
    assert_eq!(compose(&many, "\n").expect("good").len(), 4, "each once");
    let crowd: String = (0..=MAX_RECIPIENTS).map(|n| format!("u{n},")).collect();
    assert_eq!(refused(&crowd, "\n").0, EX_DATAERR);
}

#[test]
fn what_is_not_utf8_stays_as_it_is() {
    let (mut intake, mut body) = (Intake::new(true), Vec::new());
    intake.push(b"To: \xe4 <a>\nFrom: b\n\n", &mut body).expect("good");
    let head = intake.finish(&mut body).expect("good");
    let sending = Sending { recipients: vec!["a".into()], ..Sending::default() };
    let addressed = address(&sending, &caller()).expect("good");
    let origin = Domain::parse("example.test").expect("good");
    let facts = BodyFacts::default();
    let composed = addressed.compose(&sending, &caller(), (&head, facts), Some(&origin));
    assert_eq!(composed.header, b"To: \xe4 <a>\r\nFrom: b@example.test\r\n\r\n");
}

proptest::proptest! {
    #[test]
    fn never_panics(message in "((To|Cc|Bcc|Resent-To|From): [a-z<>,;:\"()@ é.]{0,20}\n){0,4}\n?[ -~\n]{0,20}") {
        let _ = compose("-t", &message);
        let _ = compose("-G a", &message);
    }
}
