//! Reports whole, and the fields of single recipients.

use proptest::prelude::*;

use super::*;
use crate::part::{Inside, Part};
use crate::scan::Scanner;

const ORIGINAL: &[u8] = b"Received: from cl.test\r\n\tby mx.example.test id B\r\n\
From: x@ok.test\r\nSubject: lmtp\r\nMessage-ID: <1@ok.test>\r\n\r\nhello\r\n";

fn failed(address: &'static str) -> Recipient<'static> {
    Recipient {
        address,
        original: Some(("rfc822", address)),
        action: Action::Failed,
        status: "5.2.2",
        text: "host mx.example.test[/run/x] said: 552 5.2.2 over quota (in reply to end of DATA command)",
        remote: Some("mx.example.test"),
        diagnostic: Some(("smtp", "552 5.2.2 over quota")),
        last_attempt: None,
        retry_until: None,
    }
}

fn report<'a>(recipients: &'a [Recipient<'a>], original: Original<'a>) -> Report<'a> {
    Report {
        kind: Kind::Failure,
        id: "0VX3kq5Zb0c1d2e3f4g5",
        date: 1_795_550_305,
        host: "mx.example.test",
        origin: "example.test",
        postmaster: "postmaster@example.test",
        to: "alice@vmail.test",
        about: "0VX3kq5Za0c1d2e3f4g5",
        arrival: 1_795_550_305,
        sender: "<alice@vmail.test>",
        envelope_id: Some("env1"),
        recipients,
        original,
        utf8: false,
    }
}

#[test]
fn a_report_as_postfix_lays_it_out() {
    let recipients = [failed("b5a@lmtp.test")];
    let header = &ORIGINAL[..ORIGINAL.len() - 9];
    let text = String::from_utf8(report(&recipients, Original::Header(header)).to_message())
        .expect("text");
    let expected = "\
Date: Tue, 24 Nov 2026 19:58:25 +0000\r
From: Mail Delivery System <MAILER-DAEMON@example.test>\r
Subject: Undelivered Mail Returned to Sender\r
To: alice@vmail.test\r
References: <1@ok.test>\r
In-Reply-To: <1@ok.test>\r
Auto-Submitted: auto-replied\r
MIME-Version: 1.0\r
Content-Type: multipart/report; report-type=delivery-status;\r
\tboundary=\"0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test\"\r
Content-Transfer-Encoding: 8bit\r
Message-Id: <0VX3kq5Zb0c1d2e3f4g5@mx.example.test>\r
\r
This is a MIME-encapsulated message.\r
\r
--0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test\r
Content-Description: Notification\r
Content-Type: text/plain; charset=utf-8\r
Content-Transfer-Encoding: 8bit\r
\r
This is the mail system at host mx.example.test.\r
\r
Your message could not be delivered to the recipients below, and it will\r
not be tried again. Beside each stands what the receiving system said,\r
or what went wrong on the way there.\r
\r
For help, write to postmaster@example.test and add this report. The text\r
of your own message may be left out of it.\r
\r
<b5a@lmtp.test>: host mx.example.test[/run/x] said: 552 5.2.2 over quota\r
    (in reply to end of DATA command)\r
\r
--0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test\r
Content-Description: Delivery report\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example.test\r
Original-Envelope-Id: env1\r
X-Dovetail-Queue-ID: 0VX3kq5Za0c1d2e3f4g5\r
X-Dovetail-Sender: rfc822; alice@vmail.test\r
Arrival-Date: Tue, 24 Nov 2026 19:58:25 +0000\r
\r
Final-Recipient: rfc822; b5a@lmtp.test\r
Original-Recipient: rfc822;b5a@lmtp.test\r
Action: failed\r
Status: 5.2.2\r
Remote-MTA: dns; mx.example.test\r
Diagnostic-Code: smtp; 552 5.2.2 over quota\r
\r
--0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test\r
Content-Description: Undelivered Message Headers\r
Content-Type: text/rfc822-headers\r
Content-Transfer-Encoding: 7bit\r
\r
Return-Path: <alice@vmail.test>\r
Received: from cl.test\r
\tby mx.example.test id B\r
From: x@ok.test\r
Subject: lmtp\r
Message-ID: <1@ok.test>\r
\r
--0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test--\r
";
    assert_eq!(text, expected);
}

#[test]
fn a_boundary_that_the_original_has_is_not_taken() {
    let hostile = b"Subject: x\r\n\r\n--0VX3kq5Zb0c1d2e3f4g5.1795550305/mx.example.test--\r\n";
    let recipients = [failed("a@b.test")];
    let message = report(&recipients, Original::Whole(hostile)).to_message();
    let part = Scanner::scan(&message);
    assert_eq!(part_count(&part), 3);
}

#[test]
fn delays_and_successes() {
    let recipients = [Recipient {
        action: Action::Delayed,
        status: "4.4.1",
        retry_until: Some(1_795_982_305),
        ..failed("a@b.test")
    }];
    let mut delay = report(&recipients, Original::Header(b"Subject: x\r\n"));
    delay.kind = Kind::Delay;
    let text = String::from_utf8(delay.to_message()).expect("text");
    for line in [
        "Subject: Delayed Mail (still being retried)\r\n",
        "Action: delayed\r\n",
        "Will-Retry-Until: Sun, 29 Nov 2026 19:58:25 +0000\r\n",
        "Content-Description: Message Headers\r\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn addresses_in_utf8_take_rfc_6533s_types() {
    let recipients = [failed("é@b.test")];
    let mut global = report(&recipients, Original::Whole("Subject: é\r\n\r\n".as_bytes()));
    global.utf8 = true;
    let text = String::from_utf8(global.to_message()).expect("text");
    for line in [
        "report-type=global-delivery-status;",
        "Content-Type: message/global-delivery-status\r\n",
        "Final-Recipient: utf-8; é@b.test\r\n",
        "Content-Type: message/global\r\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // Without SMTPUTF8 the fields stay ASCII (RFC 3464 §2.1.1).
    global.utf8 = false;
    let text = String::from_utf8(global.to_message()).expect("text");
    assert!(text.contains("Final-Recipient: rfc822; ?@b.test\r\n"), "{text}");
}

fn part_count(part: &Part) -> usize {
    match &part.inside {
        Inside::Multipart(parts) => parts.len(),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn nothing_in_the_texts_breaks_the_form(
        text in "\\PC{0,200}|[\r\n\t -]{0,40}",
        words in "\\PC{0,200}|(\r\n--x\r\n){0,4}",
        original in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let recipients = [Recipient {
            text: &text,
            diagnostic: Some(("smtp", &words)),
            ..failed("a@b.test")
        }];
        let message = report(&recipients, Original::Whole(&original)).to_message();
        prop_assert_eq!(part_count(&Scanner::scan(&message)), 3);
    }
}
