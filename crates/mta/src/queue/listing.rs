//! What waits, in the shape of `postqueue -p` with long queue ids, which scripts take apart by columns.
//!
//! An id is followed by `*` while the message is being delivered. A reason stands once above those who
//! share it. Pure: the zone is an argument.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::say::printable;

/// The column that a reason ends in at the latest.
const REASON: usize = 76;

/// A list that is being printed, message by message.
#[derive(Debug)]
pub(super) struct Listing {
    zone: TimeZone,
    messages: u64,
    octets: u64,
}

impl Listing {
    /// In this time zone.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, messages: 0, octets: 0 }
    }

    /// One message with the keys of `postqueue -j`, with the heading in front of the first.
    pub(super) fn message(&mut self, message: &Value) -> String {
        let mut out = match self.messages {
            0 => line(
                "----Queue ID-----",
                "--Size--",
                "---Arrival Time----",
                "--Sender/Recipient------",
            ),
            _ => "\n".to_owned(),
        };
        let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
        self.messages += 1;
        self.octets += number("message_size");
        let active = text(message, "queue_name") == "active";
        let id = format!("{}{}", text(message, "queue_id"), if active { "*" } else { "" });
        let sender = match text(message, "sender") {
            "" => "MAILER-DAEMON".to_owned(),
            sender => printable(sender),
        };
        let arrived = self.time(number("arrival_time"));
        out += &line(&id, &number("message_size").to_string(), &arrived, &sender);
        let mut above = "";
        let recipients = message.get("recipients").and_then(Value::as_array);
        for recipient in recipients.map_or(&[][..], Vec::as_slice) {
            let reason = text(recipient, "delay_reason");
            if reason != above {
                above = reason;
                let shown = if reason.is_empty() { "reason unavailable" } else { reason };
                let shown = printable(shown);
                let width = REASON.saturating_sub(shown.len());
                let _ = writeln!(out, "{:width$}({shown})", "");
            }
            out += &line("", "", "", &printable(text(recipient, "address")));
        }
        out
    }

    /// The last line.
    pub(super) fn end(&self) -> String {
        match self.messages {
            0 => "Mail queue is empty\n".to_owned(),
            count => {
                let plural = if count == 1 { "" } else { "s" };
                format!("\n-- {} Kbytes in {count} Request{plural}.\n", self.octets / 1024)
            }
        }
    }

    /// asctime(3) without the year.
    fn time(&self, seconds: u64) -> String {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        time.to_zoned_datetime(self.zone.clone()).strftime("%a %b %e %H:%M:%S").to_string()
    }
}

fn line(id: &str, size: &str, time: &str, address: &str) -> String {
    format!("{id:<17} {size:>8} {time:<19} {address}\n")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn as_postqueue_prints_it() {
        let mut listing = Listing::new(TimeZone::UTC);
        let why = "host 127.0.0.1[127.0.0.1] said: 451 4.2.0 later (in reply to RCPT TO command)";
        let mut out = listing.message(&json!({
            "queue_name": "deferred", "queue_id": "3EA7698DFFE", "arrival_time": 1_795_601_630,
            "message_size": 258, "sender": "s@y.test", "recipients": [
                {"address": "later@b.test", "delay_reason": why},
                {"address": "later2@c.test", "delay_reason": why}],
        }));
        out += &listing.message(&json!({
            "queue_name": "deferred", "queue_id": "4892D98DFFF", "arrival_time": 1_795_601_630,
            "message_size": 256, "sender": "", "recipients": [
                {"address": "later@b.test", "delay_reason": why}],
        }));
        out += &listing.end();
        // What Debian's Postfix 3.7 printed of the same queue.
        assert_eq!(
            out,
            "\
----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------
3EA7698DFFE            258 Wed Nov 25 10:13:50 s@y.test
(host 127.0.0.1[127.0.0.1] said: 451 4.2.0 later (in reply to RCPT TO command))
                                               later@b.test
                                               later2@c.test

4892D98DFFF            256 Wed Nov 25 10:13:50 MAILER-DAEMON
(host 127.0.0.1[127.0.0.1] said: 451 4.2.0 later (in reply to RCPT TO command))
                                               later@b.test

-- 0 Kbytes in 2 Requests.
"
        );
    }

    #[test]
    fn our_ids_and_short_reasons() {
        let mut listing = Listing::new(TimeZone::UTC);
        let out = listing.message(&json!({
            "queue_name": "active", "queue_id": "0VbyHSazalJE9SREhdHb", "arrival_time": 0,
            "message_size": 5000, "sender": "a@b.test", "recipients": [
                {"address": "x@y.test"},
                {"address": "z@y.test", "delay_reason": "dead\u{1b}"},
                {"address": "w@y.test"}],
        }));
        let reason = |text: &str| format!("{:>78}", format!("({text})"));
        let lines: Vec<&str> = out.lines().skip(1).collect();
        assert_eq!(lines[0], "0VbyHSazalJE9SREhdHb*     5000 Thu Jan  1 00:00:00 a@b.test");
        assert_eq!(lines[1].trim_start(), "x@y.test");
        assert_eq!(lines[2], reason("dead?"));
        assert_eq!(lines[4], reason("reason unavailable"));
        assert_eq!(listing.end(), "\n-- 4 Kbytes in 1 Request.\n");
        assert_eq!(Listing::new(TimeZone::UTC).end(), "Mail queue is empty\n");
    }
}
