//! The sender's full name, and the From field that it goes into.
//!
//! As Postfix has it: `-F`, else `$NAME`, else the first field of GECOS with the login in place of `&`.
//! A name that isn't ASCII becomes encoded words (RFC 2047 §4.1), which every reader shows; Postfix puts
//! it down as it is.

use address::Address;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// RFC 2047 §2: an encoded word has 75 octets at most; `=?utf-8?B??=` takes 12 of them.
const WORD_OCTETS: usize = (75 - 12) / 4 * 3;
/// Octets of a full name; the rest is left out.
const MAX_NAME: usize = 512;

/// The name in a GECOS field, for the user of this login.
#[must_use]
pub fn of_gecos(gecos: &str, login: &str) -> String {
    let first = gecos.split([',', ';', '%']).next().unwrap_or_default();
    let mut capitals = login.chars();
    let login: String =
        capitals.next().into_iter().flat_map(char::to_uppercase).chain(capitals).collect();
    first.replace('&', &login)
}

/// `From: Full Name <user@example.org>` and CRLF, under this field's name.
#[must_use]
pub fn from_field(field: &str, full_name: &str, address: &Address) -> String {
    let name = full_name.trim();
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    let name = name.get(..end.unwrap_or(0)).unwrap_or_default();
    if name.is_empty() {
        return format!("{field}: {address}\r\n");
    }
    format!("{field}: {} <{address}>\r\n", phrase(name))
}

/// RFC 5322 §3.2.5's `phrase`.
fn phrase(name: &str) -> String {
    let name: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if !name.is_ascii() {
        return encoded(&name);
    }
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~ ".contains(c);
    if name.chars().all(atom) {
        return name;
    }
    let mut quoted = String::from("\"");
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted + "\""
}

/// Encoded words with a fold between them; no character is cut in two (RFC 2047 §5).
fn encoded(name: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for c in name.chars() {
        if word.len() + c.len_utf8() > WORD_OCTETS {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let encode = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(encode).collect::<Vec<_>>().join("\r\n ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str) -> String {
        from_field("From", name, &"root@example.test".parse().expect("good"))
    }

    #[test]
    fn names_as_postfix_writes_them() {
        assert_eq!(field("root"), "From: root <root@example.test>\r\n");
        assert_eq!(field("Jo Do"), "From: Jo Do <root@example.test>\r\n");
        assert_eq!(field(""), "From: root@example.test\r\n");
        assert_eq!(
            field("Jo \"Q\" Do, Jr."),
            "From: \"Jo \\\"Q\\\" Do, Jr.\" <root@example.test>\r\n"
        );
        assert_eq!(field("a\r\nBcc: x"), "From: \"a  Bcc: x\" <root@example.test>\r\n");
    }

    #[test]
    fn names_beyond_ascii() {
        assert_eq!(field("Jö"), "From: =?utf-8?B?SsO2?= <root@example.test>\r\n");
        let long = field(&"ö".repeat(100));
        assert!(long.lines().count() > 2 && long.lines().all(|line| line.len() <= 100), "{long}");
        assert!(field(&"ö".repeat(1000)).len() < 1500);
    }

    #[test]
    fn gecos() {
        assert_eq!(of_gecos("Ann Other,Room 5,,", "ann"), "Ann Other");
        assert_eq!(of_gecos("& Other", "ann"), "Ann Other");
        assert_eq!(of_gecos("", "ann"), "");
    }
}
