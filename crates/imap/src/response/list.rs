//! LIST, LSUB and STATUS replies, with names in modified UTF-7 (RFC 3501 §7.2, RFC 5258 §3).

use mailbox::{MailboxName, utf7};

use super::string::{put_astring, put_list, put_quoted};
use crate::command::StatusItem;

/// What a LIST reply says of a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListAttribute<'a> {
    /// `\NonExistent` (RFC 5258 §3): only in replies to an extended LIST.
    NonExistent,
    /// `\Noselect`
    Noselect,
    /// `\Noinferiors`
    Noinferiors,
    /// `\Subscribed` (RFC 5258 §3)
    Subscribed,
    /// `\HasChildren` (RFC 3348)
    HasChildren,
    /// `\HasNoChildren` (RFC 3348)
    HasNoChildren,
    /// `\Drafts` and its like (RFC 6154), with the backslash.
    SpecialUse(&'a str),
}

impl ListAttribute<'_> {
    /// As IMAP writes it.
    #[must_use]
    pub const fn as_str(&self) -> &str {
        match self {
            ListAttribute::NonExistent => "\\NonExistent",
            ListAttribute::Noselect => "\\Noselect",
            ListAttribute::Noinferiors => "\\Noinferiors",
            ListAttribute::Subscribed => "\\Subscribed",
            ListAttribute::HasChildren => "\\HasChildren",
            ListAttribute::HasNoChildren => "\\HasNoChildren",
            ListAttribute::SpecialUse(name) => name,
        }
    }
}

/// Whether some child of the mailbox matches what was asked, though it itself needn't
/// (RFC 5258 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildInfo {
    /// Nothing to say.
    None,
    /// `("CHILDINFO" ("SUBSCRIBED"))`
    Subscribed,
}

/// The name's form on the wire: parts joined, in modified UTF-7 (RFC 3501 §5.1.3).
#[must_use]
pub fn wire_name(name: &MailboxName, separator: char) -> String {
    utf7::encode(&name.join(separator))
}

/// `* LIST (\HasNoChildren \Sent) "/" Sent`
pub fn list(
    out: &mut Vec<u8>,
    attributes: &[ListAttribute<'_>],
    (name, separator): (&MailboxName, char),
    children: ChildInfo,
) {
    begin(out, "LIST", attributes, separator);
    put_astring(out, wire_name(name, separator).as_bytes());
    if children == ChildInfo::Subscribed {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LSUB (\Sent) "/" Sent`
pub fn lsub(
    out: &mut Vec<u8>,
    attributes: &[ListAttribute<'_>],
    (name, separator): (&MailboxName, char),
) {
    begin(out, "LSUB", attributes, separator);
    put_astring(out, wire_name(name, separator).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// `* LIST (\Noselect) "/" ""`: the answer to `LIST "" ""` (RFC 3501 §6.3.8).
pub fn list_root(out: &mut Vec<u8>, separator: char) {
    begin(out, "LIST", &[ListAttribute::Noselect], separator);
    out.extend_from_slice(b"\"\"\r\n");
}

/// `* STATUS INBOX (MESSAGES 6 UIDNEXT 7)`
pub fn status(
    out: &mut Vec<u8>,
    (name, separator): (&MailboxName, char),
    items: &[(StatusItem, u32)],
) {
    out.extend_from_slice(b"* STATUS ");
    put_astring(out, wire_name(name, separator).as_bytes());
    out.push(b' ');
    put_list(out, items, |out, (item, value)| {
        out.extend_from_slice(format!("{} {value}", item.as_str()).as_bytes());
    });
    out.extend_from_slice(b"\r\n");
}

fn begin(out: &mut Vec<u8>, word: &str, attributes: &[ListAttribute<'_>], separator: char) {
    out.extend_from_slice(format!("* {word} ").as_bytes());
    put_list(out, attributes, |out, attribute| {
        out.extend(super::string::harmless(attribute.as_str()));
    });
    out.push(b' ');
    put_quoted(out, separator.encode_utf8(&mut [0; 4]));
    out.push(b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text, '/').expect("good")
    }

    #[test]
    fn as_recorded() {
        use ListAttribute::{HasNoChildren, Noselect, SpecialUse, Subscribed};
        let sent = name("Sent");
        assert_eq!(
            said(|o| list(
                o,
                &[Subscribed, HasNoChildren, SpecialUse("\\Sent")],
                (&sent, '/'),
                ChildInfo::None
            )),
            "* LIST (\\Subscribed \\HasNoChildren \\Sent) \"/\" Sent\r\n"
        );
        assert_eq!(
            said(|o| list(o, &[Noselect], (&name("a b/é"), '/'), ChildInfo::Subscribed)),
            "* LIST (\\Noselect) \"/\" \"a b/&AOk-\" (\"CHILDINFO\" (\"SUBSCRIBED\"))\r\n"
        );
        assert_eq!(
            said(|o| lsub(o, &[SpecialUse("\\Sent")], (&sent, '/'))),
            "* LSUB (\\Sent) \"/\" Sent\r\n"
        );
        assert_eq!(said(|o| list_root(o, '/')), "* LIST (\\Noselect) \"/\" \"\"\r\n");
        let items = [(StatusItem::Messages, 6), (StatusItem::UidNext, 7)];
        assert_eq!(
            said(|o| status(o, (&MailboxName::inbox(), '/'), &items)),
            "* STATUS INBOX (MESSAGES 6 UIDNEXT 7)\r\n"
        );
    }
}
