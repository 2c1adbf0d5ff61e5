//! Replies: a code, an enhanced status where one belongs, and one line of text or more.
//!
//! RFC 5321 §4.2 for the form, RFC 2034 for the status in front of each line's text.

use std::fmt;

use crate::status::{Class, EnhancedStatus};

/// A reply of ours is cut after this many lines; so is one that is read from a peer.
pub const MAX_REPLY_LINES: usize = 100;
/// RFC 5321 §4.5.3.1.5 says 512 for a reply line; what is longer is cut when it is written.
pub const MAX_REPLY_LINE: usize = 512;

/// A reply to a command.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    enhanced: Option<EnhancedStatus>,
    lines: Vec<String>,
}

impl Reply {
    /// `CODE C.subject.detail text`, where the class C is the code's own.
    #[must_use]
    pub fn new(code: u16, subject: u16, detail: u16, text: impl Into<String>) -> Self {
        let enhanced = Some(EnhancedStatus::new(class_of(code), subject, detail));
        Self { code, enhanced, lines: vec![text.into()] }
    }

    /// A reply without an enhanced status: greetings, 354, EHLO's list.
    #[must_use]
    pub fn bare(code: u16, text: impl Into<String>) -> Self {
        Self { code, enhanced: None, lines: vec![text.into()] }
    }

    /// A reply of several lines, without an enhanced status.
    #[must_use]
    pub fn list(code: u16, lines: Vec<String>) -> Self {
        Self { code, enhanced: None, lines }
    }

    /// Three digits.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The enhanced status, if the reply has one.
    #[must_use]
    pub fn enhanced(&self) -> Option<EnhancedStatus> {
        self.enhanced
    }

    /// The enhanced status, or `x.0.0` of the code's class.
    #[must_use]
    pub fn status(&self) -> EnhancedStatus {
        self.enhanced.unwrap_or_else(|| EnhancedStatus::new(class_of(self.code), 0, 0))
    }

    /// The text lines, without code and status.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// The text in one line.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// 2xx or 3xx.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        class_of(self.code) == Class::Success
    }

    /// 4xx.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        class_of(self.code) == Class::Transient
    }

    /// 5xx.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        class_of(self.code) == Class::Permanent
    }

    /// The bytes for the wire: every line with its code, the last one with a blank behind it.
    ///
    /// Control characters become `?`, so that no text can end a line or begin a reply of its own.
    #[must_use]
    pub fn to_wire(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let count = self.lines.len().clamp(1, MAX_REPLY_LINES);
        for at in 0..count {
            let mark = if at + 1 == count { ' ' } else { '-' };
            let mut line = format!("{}{mark}", self.code);
            if let Some(enhanced) = self.enhanced {
                line.push_str(&format!("{enhanced} "));
            }
            let text = self.lines.get(at).map_or("", String::as_str);
            line.extend(text.chars().map(|c| if c.is_control() { '?' } else { c }));
            cut(&mut line, MAX_REPLY_LINE - 2);
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out
    }
}

/// Shortens to at most `length` octets without splitting a character.
fn cut(line: &mut String, length: usize) {
    if line.len() > length {
        let end = (0..=length).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
    }
}

fn class_of(code: u16) -> Class {
    match code {
        0..=399 => Class::Success,
        400..=499 => Class::Transient,
        _ => Class::Permanent,
    }
}

/// `CODE C.s.d text` in one line, for logs and reports.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        for line in &self.lines {
            write!(f, " {}", line.replace(char::is_control, "?"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What a peer sent is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an SMTP reply")]
pub struct ReplyError;

/// Puts a reply together, line by line as it comes from a peer.
#[derive(Debug, Default)]
pub struct ReplyReader {
    code: u16,
    enhanced: Option<EnhancedStatus>,
    lines: Vec<String>,
}

impl ReplyReader {
    /// Takes a line without its end; the reply once the line was its last.
    ///
    /// Lines beyond [`MAX_REPLY_LINES`] are dropped. A status whose class isn't the code's is text.
    ///
    /// # Errors
    /// If it has no code of three digits, or another one than the lines before it.
    pub fn line(&mut self, line: &[u8]) -> Result<Option<Reply>, ReplyError> {
        let text = String::from_utf8_lossy(line);
        let digits = text.get(..3).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        let code: u16 = digits.and_then(|d| d.parse().ok()).ok_or(ReplyError)?;
        if !(200..600).contains(&code) || (!self.lines.is_empty() && code != self.code) {
            return Err(ReplyError);
        }
        let last = match text.as_bytes().get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(ReplyError),
        };
        self.code = code;
        let rest = text.get(4..).unwrap_or_default();
        let (enhanced, rest) = split_status(code, rest);
        if self.lines.is_empty() {
            self.enhanced = enhanced;
        }
        if self.lines.len() < MAX_REPLY_LINES {
            self.lines.push(rest.to_owned());
        }
        if !last {
            return Ok(None);
        }
        let done = std::mem::take(self);
        Ok(Some(Reply { code, enhanced: done.enhanced, lines: done.lines }))
    }
}

fn split_status(code: u16, text: &str) -> (Option<EnhancedStatus>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word.parse::<EnhancedStatus>() {
        Ok(status) if code != 354 && status.class == class_of(code) => (Some(status), rest),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Reply, ReplyError> {
        let mut reader = ReplyReader::default();
        for line in text.split("\r\n") {
            if let Some(reply) = reader.line(line.as_bytes())? {
                return Ok(reply);
            }
        }
        Err(ReplyError)
    }

    #[test]
    fn the_class_is_the_codes() {
        assert_eq!(Reply::new(550, 1, 1, "no").to_wire(), b"550 5.1.1 no\r\n");
        assert_eq!(Reply::new(451, 3, 0, "later").status().to_string(), "4.3.0");
        assert_eq!(
            read("550 4.1.1 no").map(|r| (r.enhanced(), r.text())),
            Ok((None, "4.1.1 no".into()))
        );
    }

    #[test]
    fn no_text_ends_a_line() {
        let wire = Reply::new(250, 0, 0, "a\r\n550 b\0").to_wire();
        assert_eq!(wire, b"250 2.0.0 a??550 b?\r\n");
    }

    #[test]
    fn several_lines() {
        let reply = read("550-5.7.1 line one\r\n550 5.7.1 line two").expect("good");
        assert_eq!(reply.lines(), ["line one", "line two"]);
        assert_eq!(reply.to_wire(), b"550-5.7.1 line one\r\n550 5.7.1 line two\r\n");
        assert!(read("250-a\r\n251 b").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(code in 200u16..600, lines in prop::collection::vec("[ -~é]{0,60}", 1..5)) {
            let reply = Reply { code, enhanced: Some(EnhancedStatus::new(class_of(code), 1, 2)), lines };
            let text = String::from_utf8(reply.to_wire()).expect("UTF-8");
            if code != 354 {
                prop_assert_eq!(read(text.trim_end_matches("\r\n")), Ok(reply));
            }
        }

        #[test]
        fn never_panics(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4)) {
            let mut reader = ReplyReader::default();
            for line in lines {
                let _ = reader.line(&line);
            }
        }
    }
}
