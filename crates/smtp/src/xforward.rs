//! XFORWARD: what a front end tells the next hop of the client it speaks for.
//!
//! As Postfix defines it (XFORWARD_README): attributes in xtext, `[UNAVAILABLE]` for what isn't known,
//! several lines that add up, at most 512 octets a line. `LOGIN` is ours, and only sent where announced.

use crate::xtext;

/// The names in the order in which we send them.
pub const NAMES: [&str; 8] = ["NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE", "LOGIN"];
/// Postfix's own limit for a value.
const MAX_VALUE: usize = 255;
/// RFC 5321 §4.5.3.1.4: a command line without its CRLF.
const MAX_LINE: usize = 510;
const UNAVAILABLE: &str = "[UNAVAILABLE]";

/// The client's attributes; `None` is unknown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct XForward {
    /// The client's host name.
    pub name: Option<String>,
    /// Its address: `192.0.2.1`, `IPv6:2001:db8::1`.
    pub addr: Option<String>,
    /// Its port.
    pub port: Option<String>,
    /// `SMTP`, `ESMTP` …
    pub proto: Option<String>,
    /// What it said with HELO.
    pub helo: Option<String>,
    /// The sender's name for the message: our trace id, or Postfix's queue id.
    pub ident: Option<String>,
    /// `LOCAL` or `REMOTE`.
    pub source: Option<String>,
    /// The login that the client authenticated as. Ours.
    pub login: Option<String>,
}

/// An attribute that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XForwardError {
    /// No `NAME=value`.
    #[error("bad XFORWARD syntax")]
    Syntax,
    /// A name that isn't one of [`NAMES`].
    #[error("bad XFORWARD attribute name: {0}")]
    Name(String),
    /// A value that isn't xtext, or too long.
    #[error("bad XFORWARD attribute value: {0}")]
    Value(String),
}

impl XForward {
    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name {
            "NAME" => &mut self.name,
            "ADDR" => &mut self.addr,
            "PORT" => &mut self.port,
            "PROTO" => &mut self.proto,
            "HELO" => &mut self.helo,
            "IDENT" => &mut self.ident,
            "SOURCE" => &mut self.source,
            "LOGIN" => &mut self.login,
            _ => return None,
        })
    }

    fn values(&self) -> [&Option<String>; 8] {
        [
            &self.name,
            &self.addr,
            &self.port,
            &self.proto,
            &self.helo,
            &self.ident,
            &self.source,
            &self.login,
        ]
    }

    /// Adds what one command's argument says to what earlier ones said.
    ///
    /// # Errors
    /// The first attribute that can't be taken; what stood before is unchanged then.
    pub fn merge(&mut self, argument: &str) -> Result<(), XForwardError> {
        let mut merged = self.clone();
        let mut count = 0;
        for word in argument.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').ok_or(XForwardError::Syntax)?;
            let name = name.to_ascii_uppercase();
            let bad = || XForwardError::Value(name.clone());
            let decoded =
                xtext::decode(value).filter(|text| text.len() <= MAX_VALUE).ok_or_else(bad)?;
            let slot = merged.slot(&name).ok_or_else(|| XForwardError::Name(name.clone()))?;
            *slot = (decoded != UNAVAILABLE && !decoded.is_empty()).then_some(decoded);
            count += 1;
        }
        if count == 0 {
            return Err(XForwardError::Syntax);
        }
        *self = merged;
        Ok(())
    }

    /// The commands that say all this to a server that announced `names`; none if it announced none.
    #[must_use]
    pub fn lines(&self, names: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for (name, value) in NAMES.iter().zip(self.values()) {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                continue;
            }
            let text = value.as_deref().map_or(UNAVAILABLE.to_owned(), |v| xtext::encode(cut(v)));
            let word = format!(" {name}={text}");
            if line.len() + word.len() > MAX_LINE {
                lines.push(std::mem::take(&mut line));
            }
            if line.is_empty() {
                line.push_str("XFORWARD");
            }
            line.push_str(&word);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }
}

/// At most as much as one line can hold after encoding threefold.
fn cut(text: &str) -> &str {
    let most = MAX_LINE / 3 - 8;
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_add_up_and_unavailable_is_none() {
        let mut client = XForward::default();
        client.merge("NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP").expect("good");
        client.merge("helo=a+20b IDENT=[UNAVAILABLE]").expect("good");
        assert_eq!((client.helo.as_deref(), client.ident), (Some("a b"), None));
        assert_eq!(XForward::default().merge("FOO=1"), Err(XForwardError::Name("FOO".into())));
        assert_eq!(XForward::default().merge(""), Err(XForwardError::Syntax));
    }

    #[test]
    fn only_announced_names_are_sent() {
        let client =
            XForward { ident: Some("x".into()), login: Some("ann".into()), ..XForward::default() };
        assert_eq!(
            client.lines(&["IDENT".into(), "NAME".into()]),
            ["XFORWARD NAME=[UNAVAILABLE] IDENT=x"]
        );
        assert!(client.lines(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read(helo in "\\PC{1,100}", login in "[a-z+=@ ]{1,80}") {
            let client = XForward { helo: Some(helo), login: Some(login), ..XForward::default() };
            let names: Vec<String> = NAMES.iter().map(|n| (*n).to_owned()).collect();
            let mut read = XForward::default();
            for line in client.lines(&names) {
                prop_assert!(line.len() <= MAX_LINE);
                read.merge(line.strip_prefix("XFORWARD ").unwrap_or_default()).expect("our own");
            }
            prop_assert_eq!(read.login, client.login);
            let (helo, sent) = (client.helo.unwrap_or_default(), read.helo.unwrap_or_default());
            prop_assert!(helo.starts_with(&sent) || helo == "[UNAVAILABLE]");
        }
    }
}
