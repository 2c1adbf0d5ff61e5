//! The header fields that final delivery puts in front of a message.

use address::{Address, ReversePath, TraceId};
use message::received::Received;
use smtp::Mail;

/// What is the same for all recipients of a message.
#[derive(Debug, Clone)]
pub(crate) struct Front {
    return_path: String,
    received: String,
}

/// Where the message comes from, for Received.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The name said in LHLO.
    pub(crate) helo: &'a str,
    /// The client's address, if it came by TCP.
    pub(crate) addr: Option<&'a str>,
    /// This host.
    pub(crate) hostname: &'a str,
    /// Seconds since 1970.
    pub(crate) seconds: i64,
}

impl Front {
    /// `only` is the recipient if there is just one: several must not learn of each other.
    pub(crate) fn new(
        mail: &Mail,
        id: &TraceId,
        source: Source<'_>,
        only: Option<&Address>,
    ) -> Self {
        let only = only.map(ToString::to_string);
        let received = Received {
            helo: source.helo,
            client_addr: source.addr,
            by: source.hostname,
            with: if mail.params.smtputf8 { "UTF8LMTP" } else { "LMTP" },
            id: id.as_str(),
            recipient: only.as_deref(),
            time: (source.seconds, 0),
            ..Received::default()
        };
        Self { return_path: return_path(&mail.from), received: received.to_header() }
    }

    /// The lines for one recipient: its own final address, case kept.
    pub(crate) fn lines(&self, recipient: &Address) -> String {
        format!("{}Delivered-To: {recipient}\r\n{}", self.return_path, self.received)
    }
}

/// RFC 5321 §4.4: the reverse path, once and for all.
fn return_path(from: &ReversePath) -> String {
    format!("Return-Path: {from}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_front_of_a_message() {
        let mail = Mail { from: ReversePath::Null, params: smtp::MailParams::default() };
        let id = TraceId::new(1, 2);
        let bob: Address = "Bob+x@example.test".parse().expect("address");
        let source = Source { helo: "mx", addr: None, hostname: "h.test", seconds: 1_795_548_096 };
        let front = Front::new(&mail, &id, source, Some(&bob));
        let want = format!(
            "Return-Path: <>\r\nDelivered-To: Bob+x@example.test\r\nReceived: from mx\r\n\
             \tby h.test (Dovetail) with LMTP id {id}\r\n\tfor <Bob+x@example.test>;\r\n\
             \tTue, 24 Nov 2026 19:21:36 +0000\r\n"
        );
        assert_eq!(front.lines(&bob), want);
        assert!(!Front::new(&mail, &id, source, None).lines(&bob).contains("for <"));
    }
}
