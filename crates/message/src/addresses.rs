//! Address lists as IMAP's ENVELOPE gives them (RFC 5322 §3.4, RFC 3501 §7.4.2).
//!
//! Never fails: what can't be read stands in the result as Dovecot shows it, with the words
//! `MISSING_MAILBOX`, `MISSING_DOMAIN` and `SYNTAX_ERROR` that clients have seen before.

use nom::Parser;
use nom::bytes::complete::take_while;

use crate::header::{unfold, without_folds};
use crate::token::{atom, cfws, domain, is_white, local_part, quoted_string};

/// A limit of ours: entries of one list. The rest is left out.
pub const MAX_ADDRESSES: usize = 10_000;

const MISSING_MAILBOX: &[u8] = b"MISSING_MAILBOX";
const MISSING_DOMAIN: &[u8] = b"MISSING_DOMAIN";
const SYNTAX_ERROR: &[u8] = b"SYNTAX_ERROR";

/// One entry of an address list. Names are as written, RFC 2047 words not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `name <@route:mailbox@host>`
    Mailbox {
        /// The display name, or the comment behind a bare address.
        name: Option<Vec<u8>>,
        /// `@a,@b` (RFC 5322 §4.4, obsolete).
        route: Option<Vec<u8>>,
        /// The local part, without quotes.
        mailbox: Vec<u8>,
        /// The domain.
        host: Vec<u8>,
    },
    /// `name:`; the members follow.
    GroupStart(Vec<u8>),
    /// `;`
    GroupEnd,
}

impl Address {
    fn bare(mailbox: &[u8], host: &[u8]) -> Self {
        Self::named(None, mailbox, host)
    }

    fn named(name: Option<Vec<u8>>, mailbox: &[u8], host: &[u8]) -> Self {
        Address::Mailbox { name, route: None, mailbox: mailbox.to_vec(), host: host.to_vec() }
    }
}

/// Reads a field's value. Empty if there is no address in it.
#[must_use]
pub fn parse(value: &[u8]) -> Vec<Address> {
    let line = without_folds(value);
    let mut list = List { entries: Vec::new(), in_group: false };
    let mut rest = line.as_slice();
    while list.entries.len() < MAX_ADDRESSES {
        match list.entry(rest) {
            Some(after) => rest = after,
            None => break,
        }
    }
    list.close_group();
    list.entries
}

struct List {
    entries: Vec<Address>,
    in_group: bool,
}

impl List {
    fn close_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.entries.push(Address::GroupEnd);
        }
    }

    /// Reads one entry and what separates it from the next; `None` at the end.
    fn entry<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        let (rest, comment) = cfws(input).unwrap_or((input, None));
        match rest.first()? {
            // Nothing before the separator; before a group's end that is an entry only if a
            // comment stood there.
            b';' if !self.in_group || comment.is_none() => {}
            // A comment that never closes swallows the rest.
            b'(' => return None,
            b',' | b';' if self.in_group || rest.first() == Some(&b',') => {
                self.entries.push(Address::bare(MISSING_MAILBOX, MISSING_DOMAIN));
            }
            _ => return self.address(rest),
        }
        Some(self.separator(rest))
    }

    fn address<'a>(&mut self, input: &'a [u8]) -> Option<&'a [u8]> {
        // The common form first: local-part "@" domain.
        if let Ok((rest, mailbox)) = local_part(input) {
            let (behind, text) = cfws(rest).unwrap_or((rest, None));
            if let Some(after_at) = behind.strip_prefix(b"@") {
                return Some(self.addr_spec(&mailbox, after_at));
            }
            // `x` alone is taken for a mailbox, `"x"` for a name.
            let bare = input.first() != Some(&b'"');
            if bare && matches!(behind.first(), None | Some(b',' | b';')) {
                self.entries.push(Address::named(text, &mailbox, MISSING_DOMAIN));
                return Some(self.separator(behind));
            }
        }
        let (rest, name, words) = phrase(input);
        match rest.first() {
            Some(b'<') => {
                let (entry, after) = angle(rest.get(1..)?, name);
                self.entries.push(entry);
                Some(self.separator(after))
            }
            Some(b':') if !self.in_group => {
                self.in_group = true;
                self.entries.push(Address::GroupStart(name.unwrap_or_default()));
                // `g:;` is an empty group, `g:,` isn't.
                Some(rest.get(1..)?.trim_ascii_start())
            }
            Some(b'@') if words == 0 => Some(self.addr_spec(MISSING_MAILBOX, rest.get(1..)?)),
            _ if words == 1 && input.first() != Some(&b'"') => {
                self.entries.push(Address::bare(&name.unwrap_or_default(), MISSING_DOMAIN));
                Some(self.separator(rest))
            }
            _ => {
                self.entries.push(Address::named(name, MISSING_MAILBOX, MISSING_DOMAIN));
                Some(self.separator(rest))
            }
        }
    }

    /// Behind the `@` of a bare address.
    fn addr_spec<'a>(&mut self, mailbox: &[u8], input: &'a [u8]) -> &'a [u8] {
        let rest = after_cfws(input);
        match domain(rest) {
            Ok((rest, host)) => {
                let (rest, text) = cfws(rest).unwrap_or((rest, None));
                let name = text.map(|text| unfold(&text)).filter(|text| !text.is_empty());
                self.entries.push(Address::named(name, mailbox, &host));
                self.separator(rest)
            }
            Err(_) => {
                self.entries.push(Address::bare(mailbox, MISSING_DOMAIN));
                self.separator(rest)
            }
        }
    }

    /// Skips what can't be understood up to and with the next comma, or the group's end.
    fn separator<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let mut rest = input;
        while let Some((&octet, after)) = rest.split_first() {
            match octet {
                b',' => return after,
                b';' if self.in_group => {
                    self.close_group();
                    // `;` ends the entry; a comma behind it belongs to it.
                    let behind = after_cfws(after);
                    return behind.strip_prefix(b",").unwrap_or(behind);
                }
                b'"' => rest = quoted_string(rest).map_or(after, |(rest, _)| rest),
                b'(' => {
                    let behind = after_cfws(rest);
                    rest = if behind.len() < rest.len() { behind } else { after };
                }
                _ => rest = after,
            }
        }
        rest
    }
}

fn after_cfws(input: &[u8]) -> &[u8] {
    cfws(input).map_or(input, |(rest, _)| rest)
}

/// Words and dots in front of `<` or `:`, joined as a display name; and how many words.
fn phrase(input: &[u8]) -> (&[u8], Option<Vec<u8>>, usize) {
    let mut name = Vec::new();
    let mut words = 0;
    let mut rest = input;
    loop {
        // RFC 5322 §4.1: dots may stand in a phrase, and belong to the atoms beside them.
        let after = if let Ok((after, word)) = atom(rest) {
            name.extend_from_slice(word);
            words += 1;
            after
        } else if let Ok((after, word)) = quoted_string(rest) {
            name.push(b' ');
            name.extend(word);
            name.push(b' ');
            words += 1;
            after
        } else if let Some(after) = rest.strip_prefix(b".") {
            name.push(b'.');
            after
        } else {
            break;
        };
        rest = after_cfws(after);
        if rest.len() < after.len() {
            name.push(b' ');
        }
    }
    let name = unfold(&name);
    (rest, (!name.is_empty()).then_some(name), words)
}

/// Behind `<`: route, address, `>`.
fn angle(input: &[u8], name: Option<Vec<u8>>) -> (Address, &[u8]) {
    let (rest, route) = route(after_cfws(input));
    let entry = |mailbox: &[u8], host: &[u8]| Address::Mailbox {
        name: name.clone(),
        route: route.clone(),
        mailbox: mailbox.to_vec(),
        host: host.to_vec(),
    };
    if let Some(after) = rest.strip_prefix(b">") {
        return (entry(MISSING_MAILBOX, MISSING_DOMAIN), after);
    }
    let Ok((rest, mailbox)) = local_part(rest) else {
        return (entry(MISSING_MAILBOX, SYNTAX_ERROR), rest);
    };
    let rest = after_cfws(rest);
    if let Some(after) = rest.strip_prefix(b">") {
        return (entry(&mailbox, MISSING_DOMAIN), after);
    }
    let host = rest.strip_prefix(b"@").and_then(|rest| domain(after_cfws(rest)).ok());
    match host {
        Some((rest, host)) => match after_cfws(rest).strip_prefix(b">") {
            Some(after) => (entry(&mailbox, &host), after),
            None => (entry(&mailbox, SYNTAX_ERROR), rest),
        },
        None => (entry(&mailbox, SYNTAX_ERROR), rest),
    }
}

/// `@a,@b:` (RFC 5322 §4.4, obs-route). Nothing if the colon is missing.
fn route(input: &[u8]) -> (&[u8], Option<Vec<u8>>) {
    if input.first() != Some(&b'@') {
        return (input, None);
    }
    let Ok((rest, text)) =
        take_while::<_, _, nom::error::Error<&[u8]>>(|b| b != b':' && b != b'>').parse(input)
    else {
        return (input, None);
    };
    match rest.strip_prefix(b":") {
        Some(after) => {
            let text = text.iter().copied().filter(|&b| !is_white(b)).collect();
            (after_cfws(after), Some(text))
        }
        None => (input, None),
    }
}

#[cfg(test)]
mod tests;
