//! A message's header, field by field: which fields name recipients, which hold addresses at all, and
//! what of it doesn't travel.
//!
//! Ruled by RFC 5322 §3.6 and by what Postfix's cleanup(8) knows of each field.

/// Fields whose addresses are recipients with `-t`.
const RECIPIENTS: [&str; 3] = ["to", "cc", "bcc"];
/// The same of a message that is sent again (RFC 5322 §3.6.6).
const RESENT_RECIPIENTS: [&str; 3] = ["resent-to", "resent-cc", "resent-bcc"];
/// Fields whose addresses get a domain where they have none.
const COMPLETED: [&str; 14] = [
    "apparently-to",
    "cc",
    "disposition-notification-to",
    "errors-to",
    "from",
    "reply-to",
    "resent-cc",
    "resent-from",
    "resent-reply-to",
    "resent-sender",
    "resent-to",
    "return-receipt-to",
    "sender",
    "to",
];
/// The longest name of a field; RFC 5322 §2.1.1 has lines of at most 998.
pub const MAX_NAME: usize = 256;

/// A field: its lines, each ended by CRLF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// In lower case.
    name: String,
    /// Name, colon, value, folds.
    lines: Vec<u8>,
    /// Where the value begins, behind the colon.
    value: usize,
}

impl Field {
    /// The first line of a field, without its end; none if it isn't one. Blanks before the colon
    /// (RFC 5322 §4.5.8), which not every reader knows, go.
    #[must_use]
    pub fn begin(line: &[u8]) -> Option<Self> {
        let colon = line.iter().take(MAX_NAME + 1).position(|octet| *octet == b':')?;
        let name = line.get(..colon)?.trim_ascii_end();
        let is_name = !name.is_empty() && name.iter().all(|octet| (b'!'..=b'~').contains(octet));
        if !is_name {
            return None;
        }
        let written = [name, line.get(colon..)?].concat();
        let value = name.len() + 1;
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let mut field = Self { name, lines: Vec::new(), value };
        field.go_on(&written);
        Some(field)
    }

    /// A further line of it.
    pub fn go_on(&mut self, line: &[u8]) {
        self.lines.extend_from_slice(line);
        self.lines.extend_from_slice(b"\r\n");
    }

    /// Octets with line ends.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Its name in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What stands behind the colon, folds with it. Octets that aren't UTF-8 are shown as such.
    #[must_use]
    pub fn value(&self) -> String {
        String::from_utf8_lossy(self.lines.get(self.value..).unwrap_or_default()).into_owned()
    }

    /// Puts another value in the place of its own.
    pub fn set_value(&mut self, value: &str) {
        self.lines.truncate(self.value);
        self.lines.extend_from_slice(value.as_bytes());
    }

    /// Whether it names recipients.
    #[must_use]
    pub fn is_recipients(&self) -> bool {
        RECIPIENTS.contains(&self.name.as_str())
    }

    /// Whether it names those to whom the message is sent again.
    #[must_use]
    pub fn is_resent_recipients(&self) -> bool {
        RESENT_RECIPIENTS.contains(&self.name.as_str())
    }

    /// Whether a fresh sender stands or is meant beside the first one.
    #[must_use]
    pub fn is_resent(&self) -> bool {
        self.name.starts_with("resent-")
    }

    /// Whether its addresses get a domain.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        COMPLETED.contains(&self.name.as_str())
    }

    /// Whether it stays here.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        message::header::stays_behind(self.name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let mut field = Field::begin(b"To : a@b.test,").expect("a field");
        field.go_on(b"\tc@d.test");
        assert_eq!((field.name(), field.value().as_str()), ("to", " a@b.test,\r\n\tc@d.test\r\n"));
        assert!(field.is_recipients() && field.is_completed() && !field.is_dropped());
        field.set_value(" x\r\n");
        assert_eq!(field.lines(), b"To: x\r\n");
        let bcc = Field::begin(b"Resent-BCC:x").expect("a field");
        assert!(bcc.is_resent_recipients() && bcc.is_dropped() && bcc.is_resent());
    }

    #[test]
    fn what_is_none() {
        for line in [&b"no header here"[..], b": x", b"a b: x", b"", "é: x".as_bytes(), b" x: y"] {
            assert_eq!(Field::begin(line), None, "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(Field::begin(format!("{}: y", "x".repeat(MAX_NAME + 1)).as_bytes()), None);
        assert!(Field::begin(format!("{}: y", "x".repeat(MAX_NAME)).as_bytes()).is_some());
    }
}
