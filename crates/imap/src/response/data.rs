//! Untagged data that speaks of the server or the selected mailbox (RFC 3501 §7.2, §7.3).

use mailbox::{Flag, Flags, SeqNo};

use super::string::{put_list, put_nstring, put_number, put_quoted, put_string};
use crate::command::Tag;
use crate::sequence::compact;

/// `* CAPABILITY IMAP4rev1 …`
pub fn capability(out: &mut Vec<u8>, list: &str) {
    word_line(out, "CAPABILITY", [list]);
}

/// `* ENABLED CONDSTORE …` (RFC 5161 §3.2); none: `* ENABLED`.
pub fn enabled(out: &mut Vec<u8>, names: &[&str]) {
    word_line(out, "ENABLED", names.iter().copied());
}

/// `* FLAGS (\Answered … $Forwarded)`
pub fn flags(out: &mut Vec<u8>, flags: &Flags) {
    out.extend_from_slice(b"* FLAGS ");
    put_flags(out, flags, false);
    out.extend_from_slice(b"\r\n");
}

/// `* 6 EXISTS`
pub fn exists(out: &mut Vec<u8>, messages: u32) {
    count_line(out, messages, "EXISTS");
}

/// `* 6 RECENT`
pub fn recent(out: &mut Vec<u8>, messages: u32) {
    count_line(out, messages, "RECENT");
}

/// `* 6 EXPUNGE`: the numbers above it sink by one (RFC 3501 §7.4.1).
pub fn expunge(out: &mut Vec<u8>, number: SeqNo) {
    count_line(out, number.get(), "EXPUNGE");
}

/// `* SEARCH 2 3 6`; nothing found: `* SEARCH`.
pub fn search(out: &mut Vec<u8>, numbers: impl IntoIterator<Item = u32>) {
    out.extend_from_slice(b"* SEARCH");
    for number in numbers {
        out.push(b' ');
        put_number(out, u64::from(number));
    }
    out.extend_from_slice(b"\r\n");
}

/// What an ESEARCH tells (RFC 4731 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Esearch<'a> {
    /// What was asked for.
    pub returns: crate::command::SearchReturn,
    /// Whether the numbers are UIDs.
    pub by_uid: bool,
    /// What was found, ascending.
    pub found: &'a [u32],
}

/// `* ESEARCH (TAG "c43") UID MIN 2 MAX 6 ALL 2,4:6 COUNT 4`
pub fn esearch(out: &mut Vec<u8>, tag: &Tag, result: Esearch<'_>) {
    let Esearch { returns, by_uid, found } = result;
    out.extend_from_slice(b"* ESEARCH (TAG ");
    put_string(out, tag.as_str().as_bytes());
    out.push(b')');
    if by_uid {
        out.extend_from_slice(b" UID");
    }
    // RFC 4731 §3.1: MIN, MAX and ALL are left out when nothing was found; COUNT isn't.
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        let mut item = |wanted: bool, text: String| {
            if wanted {
                out.extend_from_slice(text.as_bytes());
            }
        };
        item(returns.min, format!(" MIN {first}"));
        item(returns.max, format!(" MAX {last}"));
        if returns.all {
            item(true, format!(" ALL {}", compact(found.iter().copied())));
        }
    }
    if returns.count {
        out.extend_from_slice(b" COUNT ");
        put_number(out, found.len() as u64);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* NAMESPACE (("" "/")) NIL NIL`: prefix (in modified UTF-7) and separator of each of one's own,
/// other users' and shared namespaces (RFC 2342 §5).
pub fn namespace(out: &mut Vec<u8>, kinds: [&[(&str, char)]; 3]) {
    out.extend_from_slice(b"* NAMESPACE");
    for spaces in kinds {
        out.push(b' ');
        if spaces.is_empty() {
            out.extend_from_slice(b"NIL");
            continue;
        }
        out.push(b'(');
        for (prefix, separator) in spaces {
            out.push(b'(');
            put_string(out, prefix.as_bytes());
            out.push(b' ');
            put_quoted(out, separator.encode_utf8(&mut [0; 4]));
            out.push(b')');
        }
        out.push(b')');
    }
    out.extend_from_slice(b"\r\n");
}

/// `* ID ("name" "Dovetail")` (RFC 2971 §3.2); no pairs: `* ID NIL`.
pub fn id(out: &mut Vec<u8>, pairs: &[(&str, Option<&str>)]) {
    out.extend_from_slice(b"* ID ");
    if pairs.is_empty() {
        out.extend_from_slice(b"NIL");
    } else {
        put_list(out, pairs, |out, (name, value)| {
            put_string(out, name.as_bytes());
            out.push(b' ');
            put_nstring(out, value.map(str::as_bytes));
        });
    }
    out.extend_from_slice(b"\r\n");
}

/// `(\Answered \Seen \Recent $Forwarded)`: system flags, then `\Recent`, then keywords.
pub(super) fn put_flags(out: &mut Vec<u8>, flags: &Flags, recent: bool) {
    let (system, keywords): (Vec<&Flag>, Vec<&Flag>) =
        flags.iter().partition(|flag| !matches!(flag, Flag::Keyword(_)));
    let system = system.into_iter().map(Flag::as_str);
    let all =
        system.chain(recent.then_some("\\Recent")).chain(keywords.into_iter().map(Flag::as_str));
    put_list(out, all, |out, flag| out.extend_from_slice(flag.as_bytes()));
}

fn count_line(out: &mut Vec<u8>, number: u32, word: &str) {
    out.extend_from_slice(format!("* {number} {word}\r\n").as_bytes());
}

fn word_line<'a>(out: &mut Vec<u8>, word: &str, words: impl IntoIterator<Item = &'a str>) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(word.as_bytes());
    for word in words {
        out.push(b' ');
        out.extend(super::string::harmless(word));
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::SearchReturn;

    fn said(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn as_recorded() {
        assert_eq!(
            said(|o| namespace(o, [&[("", '/')], &[], &[("Public/", '/')]])),
            "* NAMESPACE ((\"\" \"/\")) NIL ((\"Public/\" \"/\"))\r\n"
        );
        assert_eq!(
            said(|o| id(o, &[("name", Some("Dovetail"))])),
            "* ID (\"name\" \"Dovetail\")\r\n"
        );
        assert_eq!(said(|o| enabled(o, &[])), "* ENABLED\r\n");
        assert_eq!(
            said(|o| enabled(o, &["QRESYNC", "CONDSTORE"])),
            "* ENABLED QRESYNC CONDSTORE\r\n"
        );
        assert_eq!(said(|o| search(o, [])), "* SEARCH\r\n");
        assert_eq!(said(|o| search(o, [2, 3])), "* SEARCH 2 3\r\n");
        assert_eq!(said(|o| exists(o, 6)), "* 6 EXISTS\r\n");
    }

    #[test]
    fn esearch_as_recorded_and_when_nothing_is_found() {
        let tag = Tag::parse(b"c43").expect("a tag");
        let returns = SearchReturn { min: true, max: true, all: true, count: true };
        let result = Esearch { returns, by_uid: true, found: &[2, 4, 5, 6] };
        assert_eq!(
            said(|o| esearch(o, &tag, result)),
            "* ESEARCH (TAG \"c43\") UID MIN 2 MAX 6 ALL 2,4:6 COUNT 4\r\n"
        );
        let result = Esearch { returns, by_uid: false, found: &[] };
        assert_eq!(said(|o| esearch(o, &tag, result)), "* ESEARCH (TAG \"c43\") COUNT 0\r\n");
    }

    #[test]
    fn recent_stands_before_keywords() {
        let flags: Flags =
            ["$Fwd", "\\Seen"].map(|f| Flag::parse(f).expect("good")).into_iter().collect();
        assert_eq!(said(|o| put_flags(o, &flags, true)), "(\\Seen \\Recent $Fwd)");
    }
}
