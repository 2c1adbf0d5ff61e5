//! Delivery status notifications: the report that tells a sender what became of a message.
//!
//! Writes a whole message, CRLF lines, from what the queue knows. Who gets one and when is the
//! queue's business. Rules: RFC 3464 (the fields), RFC 6522 (multipart/report), RFC 3461 §6,
//! RFC 3834 §5 (Auto-Submitted), RFC 6533 (addresses in UTF-8). The layout is the one that people
//! and programs know from Postfix.

use std::fmt::Write as _;

use memchr::memmem;

use crate::date;
use crate::header::{Fields, header_end, unfold};

#[cfg(test)]
mod tests;

/// Where a field or a line of text is wrapped, in characters.
const WIDTH: usize = 72;
/// The longest text of one field, in octets; longer ones are cut.
const MAX_VALUE_OCTETS: usize = 2048;

/// What a report tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Given up.
    Failure,
    /// Not yet delivered.
    Delay,
    /// Delivered, as the sender asked to know.
    Success,
}

/// RFC 3464 §2.3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Given up.
    Failed,
    /// Will be tried again.
    Delayed,
    /// In the recipient's mailbox.
    Delivered,
    /// Handed to a system that may not report further.
    Relayed,
}

/// One recipient in a report.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The address that was tried.
    pub address: &'a str,
    /// ORCPT's type and address, decoded.
    pub original: Option<(&'a str, &'a str)>,
    /// What became of it.
    pub action: Action,
    /// The enhanced status, `5.1.1`.
    pub status: &'a str,
    /// For people: why.
    pub text: &'a str,
    /// The host that said so.
    pub remote: Option<&'a str>,
    /// Type and very words of the reply: `("smtp", "550 5.1.1 …")`.
    pub diagnostic: Option<(&'a str, &'a str)>,
    /// When it was tried last, in seconds since 1970.
    pub last_attempt: Option<i64>,
    /// Until when it is tried, in seconds since 1970; for delays.
    pub retry_until: Option<i64>,
}

/// What of the original goes back.
#[derive(Debug, Clone, Copy)]
pub enum Original<'a> {
    /// Its header only: RET=HDRS, or it is large.
    Header(&'a [u8]),
    /// All of it.
    Whole(&'a [u8]),
}

/// A report to be written.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What it tells.
    pub kind: Kind,
    /// Its own trace id.
    pub id: &'a str,
    /// When it is made, in seconds since 1970.
    pub date: i64,
    /// This host, as Reporting-MTA.
    pub host: &'a str,
    /// The domain of MAILER-DAEMON's address.
    pub origin: &'a str,
    /// Whom to ask for help.
    pub postmaster: &'a str,
    /// Whom it goes to.
    pub to: &'a str,
    /// The original's trace id.
    pub about: &'a str,
    /// When the original came in, in seconds since 1970.
    pub arrival: i64,
    /// The original's sender with its angle brackets.
    pub sender: &'a str,
    /// ENVID, decoded.
    pub envelope_id: Option<&'a str>,
    /// Whom it tells of.
    pub recipients: &'a [Recipient<'a>],
    /// What goes back.
    pub original: Original<'a>,
    /// The original needed SMTPUTF8: RFC 6533's types are used.
    pub utf8: bool,
}

impl Report<'_> {
    /// The whole message. It needs 8BITMIME if it is not all ASCII.
    #[must_use]
    pub fn to_message(&self) -> Vec<u8> {
        let original = match self.original {
            Original::Header(bytes) | Original::Whole(bytes) => bytes,
        };
        let boundary = self.boundary(original);
        let encoding = if original.is_ascii() { "7bit" } else { "8bit" };
        let global = if self.utf8 { "global" } else { "rfc822" };
        let mut out = self.header(&boundary);
        let _ = write!(
            out,
            "This is a MIME-encapsulated message.\r\n\r\n--{boundary}\r\n\
             Content-Description: Notification\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n{}\r\n--{boundary}\r\n\
             Content-Description: Delivery report\r\n\
             Content-Type: message/{}delivery-status\r\n{}\r\n{}\r\n--{boundary}\r\n",
            self.notification(),
            if self.utf8 { "global-" } else { "" },
            if self.utf8 { "Content-Transfer-Encoding: 8bit\r\n" } else { "" },
            self.status_fields(),
        );
        let (what, kind) = match self.original {
            Original::Whole(_) => ("Undelivered Message", format!("message/{global}")),
            Original::Header(_) if self.utf8 => {
                ("Undelivered Message Headers", "message/global-headers".to_owned())
            }
            Original::Header(_) => {
                ("Undelivered Message Headers", "text/rfc822-headers".to_owned())
            }
        };
        let what =
            if self.kind == Kind::Failure { what } else { what.trim_start_matches("Undelivered ") };
        let _ = write!(
            out,
            "Content-Description: {what}\r\nContent-Type: {kind}\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\nReturn-Path: {}\r\n",
            clean(self.sender),
        );
        let mut out = out.into_bytes();
        out.extend_from_slice(original);
        if !original.is_empty() && !original.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        out
    }

    /// RFC 2046 §5.1.1: a line that the original does not contain.
    fn boundary(&self, original: &[u8]) -> String {
        let mut boundary = format!("{}.{}/{}", clean(self.id), self.date, clean(self.host));
        // At most 70 characters, none of them at odds with a quoted string.
        boundary.retain(|c| c.is_ascii_alphanumeric() || "./-".contains(c));
        boundary.truncate(60);
        let mut number = 0_u32;
        let mut candidate = boundary.clone();
        // Each round that goes on takes one more string that is in the original: it ends.
        while memmem::find(original, candidate.as_bytes()).is_some() {
            number += 1;
            candidate = format!("{boundary}.{number}");
        }
        candidate
    }

    fn header(&self, boundary: &str) -> String {
        let subject = match self.kind {
            Kind::Failure => "Undelivered Mail Returned to Sender",
            Kind::Delay => "Delayed Mail (still being retried)",
            Kind::Success => "Successful Mail Delivery Report",
        };
        let mut out = String::new();
        let _ = write!(
            out,
            "Date: {}\r\nFrom: Mail Delivery System <MAILER-DAEMON@{}>\r\n\
             Subject: {subject}\r\nTo: {}\r\n",
            date::rfc5322(self.date, 0),
            clean(self.origin),
            clean(self.to),
        );
        if let Some(message_id) = self.original_message_id() {
            let _ = write!(out, "References: {message_id}\r\nIn-Reply-To: {message_id}\r\n");
        }
        let _ = write!(
            out,
            "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type={}delivery-status;\r\n\
             \tboundary=\"{boundary}\"\r\n\
             Content-Transfer-Encoding: 8bit\r\n\
             Message-Id: <{}@{}>\r\n\r\n",
            if self.utf8 { "global-" } else { "" },
            clean(self.id),
            clean(self.host),
        );
        out
    }

    /// The original's Message-Id, if it is one that can stand in a header again.
    fn original_message_id(&self) -> Option<String> {
        let (Original::Header(bytes) | Original::Whole(bytes)) = self.original;
        let block = bytes.get(..header_end(bytes).unwrap_or(bytes.len()))?;
        let field = Fields::new(block).find(|field| field.is("Message-Id"))?;
        let value = String::from_utf8(unfold(field.value)).ok()?;
        let id = value.trim();
        let good = id.len() <= 500
            && id.starts_with('<')
            && id.ends_with('>')
            && id.chars().all(|c| c.is_ascii_graphic());
        good.then(|| id.to_owned())
    }

    /// The part for people.
    fn notification(&self) -> String {
        let text = match self.kind {
            Kind::Failure => {
                "Your message could not be delivered to the recipients below, and it will not be \
                 tried again. Beside each stands what the receiving system said, or what went \
                 wrong on the way there."
            }
            Kind::Delay => {
                "This is only a warning: you need not send your message again. It could not be \
                 delivered to the recipients below yet, and will be tried further."
            }
            Kind::Success => {
                "You asked to be told: your message was delivered to the recipients below."
            }
        };
        let mut out = format!("This is the mail system at host {}.\r\n\r\n", clean(self.host));
        push_wrapped(&mut out, text, "", "");
        out.push_str("\r\n");
        if self.kind != Kind::Success {
            let help = format!(
                "For help, write to {} and add this report. The text of your own message may be \
                 left out of it.",
                clean(self.postmaster)
            );
            push_wrapped(&mut out, &help, "", "");
            out.push_str("\r\n");
        }
        for recipient in self.recipients {
            let line = format!("<{}>: {}", clean(recipient.address), clean(recipient.text));
            push_wrapped(&mut out, &line, "", "    ");
            out.push_str("\r\n");
        }
        out.truncate(out.trim_end().len());
        out.push_str("\r\n");
        out
    }

    /// RFC 3464 §2: a block for the message, then one a recipient, empty lines between.
    fn status_fields(&self) -> String {
        let mut out = String::new();
        self.push(&mut out, "Reporting-MTA", &format!("dns; {}", self.host));
        if let Some(id) = self.envelope_id {
            self.push(&mut out, "Original-Envelope-Id", id);
        }
        self.push(&mut out, "X-Dovetail-Queue-ID", self.about);
        let sender = self.sender.trim_start_matches('<').trim_end_matches('>');
        self.push(&mut out, "X-Dovetail-Sender", &format!("{}; {sender}", self.address_type()));
        self.push(&mut out, "Arrival-Date", &date::rfc5322(self.arrival, 0));
        for recipient in self.recipients {
            out.push_str("\r\n");
            self.push_recipient(&mut out, recipient);
        }
        out
    }

    fn push_recipient(&self, out: &mut String, recipient: &Recipient<'_>) {
        let kind = self.address_type();
        self.push(out, "Final-Recipient", &format!("{kind}; {}", recipient.address));
        if let Some((kind, address)) = recipient.original {
            self.push(out, "Original-Recipient", &format!("{kind};{address}"));
        }
        let action = match recipient.action {
            Action::Failed => "failed",
            Action::Delayed => "delayed",
            Action::Delivered => "delivered",
            Action::Relayed => "relayed",
        };
        self.push(out, "Action", action);
        self.push(out, "Status", recipient.status);
        if let Some(remote) = recipient.remote {
            self.push(out, "Remote-MTA", &format!("dns; {remote}"));
        }
        if let Some((kind, words)) = recipient.diagnostic {
            self.push(out, "Diagnostic-Code", &format!("{kind}; {words}"));
        }
        if let Some(last) = recipient.last_attempt {
            self.push(out, "Last-Attempt-Date", &date::rfc5322(last, 0));
        }
        if let Some(until) = recipient.retry_until {
            self.push(out, "Will-Retry-Until", &date::rfc5322(until, 0));
        }
    }

    fn address_type(&self) -> &'static str {
        if self.utf8 { "utf-8" } else { "rfc822" }
    }

    /// A field of message/delivery-status: ASCII, but in RFC 6533's kind of it.
    fn push(&self, out: &mut String, name: &str, value: &str) {
        let mut value = clean(value);
        if !self.utf8 {
            value = value.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
        }
        push_wrapped(out, &format!("{name}: {value}"), "", "    ");
    }
}

/// One line of at most [`MAX_VALUE_OCTETS`], without control characters.
fn clean(text: &str) -> String {
    let mut end = text.len().min(MAX_VALUE_OCTETS);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = text.get(..end).unwrap_or_default();
    cut.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Breaks at blanks, lines of at most [`WIDTH`] where a blank allows it, each with its line end.
fn push_wrapped(out: &mut String, text: &str, first: &str, further: &str) {
    out.push_str(first);
    let mut width = first.chars().count();
    for (count, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
        let length = word.chars().count();
        if count > 0 && width + 1 + length > WIDTH {
            let _ = write!(out, "\r\n{further}");
            width = further.len();
        } else if count > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out.push_str("\r\n");
}
