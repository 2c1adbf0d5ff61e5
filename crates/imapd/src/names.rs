//! Mailbox names between the wire and the store: modified UTF-7, the separator (RFC 3501 §5.1).

use imap::command::WireName;
use mailbox::{MailboxName, NameError, utf7};

/// Why an argument names no mailbox. The texts are Dovecot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadName {
    #[error("Mailbox name is not valid mUTF-7")]
    Utf7,
    #[error("Invalid mailbox name: {0}")]
    Name(#[from] NameError),
}

/// The argument's text, decoded.
pub(crate) fn text(octets: &[u8]) -> Result<String, BadName> {
    let text = std::str::from_utf8(octets).map_err(|_| BadName::Utf7)?;
    utf7::decode(text).map_err(|_| BadName::Utf7)
}

/// The mailbox that the argument names.
pub(crate) fn mailbox(wire: &WireName, separator: char) -> Result<MailboxName, BadName> {
    Ok(MailboxName::parse(&text(wire.octets())?, separator)?)
}

/// As [`mailbox`], but one separator may stand at the end: CREATE (RFC 3501 §6.3.3).
pub(crate) fn to_create(wire: &WireName, separator: char) -> Result<MailboxName, BadName> {
    let text = text(wire.octets())?;
    Ok(MailboxName::parse(text.strip_suffix(separator).unwrap_or(&text), separator)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> WireName {
        WireName::new(text.as_bytes().to_vec())
    }

    #[test]
    fn names() {
        let name = mailbox(&wire("inbox/Entw&APw-rfe"), '/').expect("good");
        assert_eq!(name.parts(), ["INBOX", "Entwürfe"]);
        assert_eq!(mailbox(&wire("a&b"), '/'), Err(BadName::Utf7));
        assert_eq!(mailbox(&wire("é"), '/'), Err(BadName::Utf7));
        assert_eq!(mailbox(&wire("a/"), '/'), Err(NameError::TrailingSeparator.into()));
        assert_eq!(to_create(&wire("a/"), '/').expect("good").parts(), ["a"]);
    }
}
