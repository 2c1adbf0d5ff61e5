//! Openings against servers that are played by a list of replies.

use super::*;

fn server(lines: &[&str]) -> Capabilities {
    let all: Vec<String> = ["h"].iter().chain(lines).map(|line| (*line).to_owned()).collect();
    Capabilities::read(&all)
}

fn envelope(mail: &str, rcpts: &[&str]) -> Envelope {
    Envelope {
        mail: Mail::parse(mail).expect(mail),
        rcpts: rcpts.iter().map(|line| Rcpt::parse(line).expect(line)).collect(),
    }
}

fn reply(text: &str) -> Reply {
    let mut reader = crate::reply::ReplyReader::default();
    reader.line(text.as_bytes()).expect("a reply").expect("of one line")
}

/// The groups of lines that were sent, and what came of it.
fn play(mut opening: Opening, replies: &[&str]) -> (Vec<String>, Opened) {
    let mut groups = Vec::new();
    let mut replies = replies.iter();
    while !opening.is_done() {
        let mut out = Vec::new();
        opening.send(&mut out);
        if !out.is_empty() {
            groups.push(String::from_utf8(out).expect("UTF-8").replace("\r\n", "|"));
        }
        let Some(text) = replies.next() else { break };
        opening.receive(reply(text));
    }
    assert_eq!(replies.next(), None, "replies left over");
    (groups, opening.finish())
}

fn verdicts(opened: &Opened) -> Vec<String> {
    opened.rcpts.iter().map(Reply::to_string).collect()
}

const MAIL: &str = "MAIL FROM:<a@b.test> SIZE=9 BODY=8BITMIME RET=HDRS ENVID=x AUTH=<>";
const RCPTS: [&str; 2] =
    ["RCPT TO:<c@d.test> NOTIFY=NEVER ORCPT=rfc822;e@f.test", "RCPT TO:<g@d.test>"];

#[test]
fn in_one_group_with_what_was_announced() {
    let offers = server(&["PIPELINING", "SIZE", "8BITMIME", "DSN", "XFORWARD IDENT ADDR"]);
    let client =
        XForward { ident: Some("x".into()), login: Some("ann".into()), ..XForward::default() };
    let opening = Opening::new(&offers, true, &client, &envelope(MAIL, &RCPTS)).expect("sendable");
    let replies = ["250 ok", "550 no xforward", "250 ok", "250 2.1.5 ok", "550 5.1.1 no"];
    let (groups, opened) = play(opening, &replies);
    assert_eq!(
        groups,
        ["RSET|XFORWARD ADDR=[UNAVAILABLE] IDENT=x|\
          MAIL FROM:<a@b.test> SIZE=9 BODY=8BITMIME RET=HDRS ENVID=x|\
          RCPT TO:<c@d.test> NOTIFY=NEVER ORCPT=rfc822;e@f.test|RCPT TO:<g@d.test>|"]
    );
    assert_eq!(verdicts(&opened), ["250 2.1.5 ok", "550 5.1.1 no"]);
    assert!(!opened.ended);
}

#[test]
fn one_at_a_time_without_pipelining_and_bare() {
    let opening = Opening::new(&server(&[]), false, &XForward::default(), &envelope(MAIL, &RCPTS))
        .expect("sendable");
    let (groups, opened) = play(opening, &["250 ok", "552 too many", "552 5.2.2 full"]);
    assert_eq!(groups, ["MAIL FROM:<a@b.test>|", "RCPT TO:<c@d.test>|", "RCPT TO:<g@d.test>|"]);
    assert_eq!(verdicts(&opened), ["452 4.5.3 too many", "552 5.2.2 full"]);
}

#[test]
fn a_refused_sender_has_no_recipients() {
    let new = |offers: &[&str]| {
        Opening::new(&server(offers), false, &XForward::default(), &envelope(MAIL, &RCPTS))
            .expect("sendable")
    };
    let (groups, opened) = play(new(&[]), &["451 4.7.1 later"]);
    assert_eq!(groups.len(), 1);
    assert_eq!((opened.mail.to_string().as_str(), opened.rcpts.len()), ("451 4.7.1 later", 0));
    // The group was under way: its replies are awaited and don't matter.
    let (_, opened) = play(new(&["PIPELINING"]), &["550 5.1.8 no", "250 ok", "503 5.5.1 what"]);
    assert_eq!((opened.mail.code(), opened.rcpts.len(), opened.ended), (550, 0, false));
    let (_, opened) = play(new(&[]), &["354 what"]);
    assert_eq!(opened.mail.to_string(), "451 4.5.0 protocol error: unexpected 354 what");
}

#[test]
fn a_server_that_leaves_puts_the_rest_off() {
    let opening = |reset| {
        Opening::new(&server(&["PIPELINING"]), reset, &XForward::default(), &envelope(MAIL, &RCPTS))
            .expect("sendable")
    };
    let (_, opened) = play(opening(false), &["250 ok", "250 ok", "421 4.3.2 bye"]);
    assert_eq!(verdicts(&opened), ["250 ok", "421 4.3.2 bye"]);
    assert!(opened.ended);
    let (_, opened) = play(opening(true), &["500 what"]);
    assert!(opened.ended && opened.mail.is_transient());
    let (_, opened) = play(opening(false), &["250 ok"]);
    assert_eq!(verdicts(&opened), vec!["451 4.4.2 no answer to this command"; 2]);
}

#[test]
fn what_is_not_even_offered() {
    let new = |offers: &[&str], mail: &str| {
        Opening::new(&server(offers), false, &XForward::default(), &envelope(mail, &RCPTS)).err()
    };
    assert_eq!(new(&["SIZE 8"], MAIL), Some(Unsendable::TooBig { size: 9, limit: 8 }));
    assert_eq!(new(&["SIZE 0"], MAIL), None);
    for mail in ["MAIL FROM:<é@b.test>", "MAIL FROM:<> SMTPUTF8"] {
        assert_eq!(new(&[], mail), Some(Unsendable::NeedsSmtpUtf8));
        assert_eq!(new(&["SMTPUTF8"], mail), None);
    }
}

#[test]
fn the_window_is_kept() {
    let rcpts = vec!["RCPT TO:<g@d.test>"; 3 * WINDOW];
    let all = envelope("MAIL FROM:<>", &rcpts);
    let mut opening = Opening::new(&server(&["PIPELINING"]), false, &XForward::default(), &all)
        .expect("sendable");
    let mut out = Vec::new();
    opening.send(&mut out);
    assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), WINDOW);
    opening.receive(reply("250 ok"));
    out.clear();
    opening.send(&mut out);
    assert_eq!(out, b"RCPT TO:<g@d.test>\r\n");
}
