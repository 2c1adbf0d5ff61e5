//! A queue file's head: what is known of a message apart from its content.
//!
//! ```text
//! Dovetail-Queue-Message 1
//! size 00000000000000000187
//! trace 0VX3kq5Zb0c1d2e3f4g5
//! arrived 1795550305123
//! XFORWARD NAME=client.test ADDR=192.0.2.7 PROTO=ESMTP
//! MAIL FROM:<alice@vmail.test> BODY=8BITMIME ENVID=env1
//! RCPT TO:<bob@remote.test> ORCPT=rfc822;bob@remote.test
//!
//! (the content, CRLF lines)
//! ```
//! The envelope's lines are the very SMTP commands, with every parameter as it was given (RFC 3461).
//! Lines of kinds that this version doesn't know are skipped; the file is never changed.

use std::fmt::Write as _;

use address::TraceId;
use smtp::{Envelope, Mail, Rcpt, XFORWARD_NAMES, XForward};

/// The most recipients one entry holds.
pub const MAX_RECIPIENTS: usize = 5_000;
/// The longest head, in octets: recipients with NOTIFY and ORCPT of the longest forms.
pub const MAX_HEAD_OCTETS: usize = 8 * 1024 * 1024;

const MAGIC: &str = "Dovetail-Queue-Message";
const VERSION: &str = "1";
/// Digits of the size, so that it can be filled in when the content has been written.
const SIZE_DIGITS: usize = 20;

/// What is known of a message apart from its content.
#[derive(Debug, Clone)]
pub struct Head {
    /// The message's trace id.
    pub trace: TraceId,
    /// When it was accepted, in milliseconds since 1970.
    pub arrived: u64,
    /// The id that a peer gave whose ids don't count.
    pub origin: Option<String>,
    /// The client that the message came from, as the peer told it.
    pub client: XForward,
    /// Sender, recipients and all their parameters.
    pub envelope: Envelope,
}

/// Why a queue file's head can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// No queue file, or torn.
    #[error("line {line}: not a queue file: {why}")]
    Malformed {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        why: String,
    },
    /// Written by a newer program; it must not be touched.
    #[error("version {0} is newer than this program")]
    Newer(String),
    /// More than [`MAX_HEAD_OCTETS`].
    #[error("the envelope is longer than {MAX_HEAD_OCTETS} octets")]
    TooLong,
    /// More than [`MAX_RECIPIENTS`], or none.
    #[error("{0} recipients, where 1 to {MAX_RECIPIENTS} are possible")]
    Recipients(usize),
    /// The content's length isn't what the head says: the file is torn.
    #[error("{found} octets of content, where the head says {expected}")]
    Size {
        /// What the head says.
        expected: u64,
        /// What is there.
        found: u64,
    },
}

/// A head as it stands in a file.
pub(crate) struct Parsed {
    pub(crate) head: Head,
    /// Octets of content that must follow.
    pub(crate) size: u64,
}

impl Head {
    /// How many recipients there are.
    #[must_use]
    pub fn total(&self) -> u32 {
        u32::try_from(self.envelope.rcpts.len()).unwrap_or(u32::MAX)
    }

    /// The head's bytes with a size of 0, the empty line at its end included.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, HeadError> {
        let count = self.envelope.rcpts.len();
        if count == 0 || count > MAX_RECIPIENTS {
            return Err(HeadError::Recipients(count));
        }
        let mut out = format!("{MAGIC} {VERSION}\nsize {:0SIZE_DIGITS$}\n", 0);
        let _ = write!(out, "trace {}\narrived {}\n", self.trace, self.arrived);
        if let Some(origin) = &self.origin {
            let origin: String = origin.chars().filter(|c| !c.is_control()).take(256).collect();
            let _ = writeln!(out, "origin {origin}");
        }
        // An unknown client needs no lines.
        if self.client != XForward::default() {
            for line in self.client.lines(&XFORWARD_NAMES.map(str::to_owned)) {
                push_line(&mut out, &line)?;
            }
        }
        push_line(&mut out, &self.envelope.mail.to_string())?;
        for rcpt in &self.envelope.rcpts {
            push_line(&mut out, &rcpt.to_string())?;
        }
        out.push('\n');
        if out.len() > MAX_HEAD_OCTETS {
            return Err(HeadError::TooLong);
        }
        Ok(out.into_bytes())
    }

    /// Where the size stands in a file, and its digits.
    pub(crate) fn size_patch(size: u64) -> (u64, String) {
        let at = MAGIC.len() + 1 + VERSION.len() + 1 + "size ".len();
        (at as u64, format!("{size:0SIZE_DIGITS$}"))
    }

    /// Where the head ends in `bytes`, the empty line included, if it does.
    pub(crate) fn end(bytes: &[u8]) -> Option<usize> {
        bytes.windows(2).position(|pair| pair == b"\n\n").map(|at| at + 2)
    }

    /// Reads a head, the empty line at its end included or not.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Parsed, HeadError> {
        let text = std::str::from_utf8(bytes).map_err(|e| malformed(0, &e))?;
        let mut lines = text.lines().enumerate();
        check_magic(lines.next().map(|(_, line)| line).unwrap_or_default())?;
        let mut fields = Fields::default();
        for (at, line) in lines.take_while(|(_, line)| !line.is_empty()) {
            fields.add(at, line)?;
        }
        fields.into_parsed()
    }
}

fn check_magic(line: &str) -> Result<(), HeadError> {
    match line.split_once(' ') {
        Some((MAGIC, VERSION)) => Ok(()),
        Some((MAGIC, other)) if other.parse::<u32>().is_ok_and(|n| n > 1) => {
            Err(HeadError::Newer(other.to_owned()))
        }
        _ => Err(malformed(0, &"no magic")),
    }
}

/// A command as one line of the head. What [`smtp`] prints has no line breaks; this is the proof.
fn push_line(out: &mut String, line: &str) -> Result<(), HeadError> {
    if line.contains(['\r', '\n', '\0']) {
        return Err(malformed(out.lines().count(), &"a line break in a command"));
    }
    out.push_str(line);
    out.push('\n');
    Ok(())
}

#[derive(Default)]
struct Fields {
    size: Option<u64>,
    trace: Option<TraceId>,
    arrived: Option<u64>,
    origin: Option<String>,
    client: XForward,
    mail: Option<Mail>,
    rcpts: Vec<Rcpt>,
}

impl Fields {
    fn add(&mut self, at: usize, line: &str) -> Result<(), HeadError> {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        match key {
            "size" => self.size = Some(value.parse().map_err(|e| malformed(at, &e))?),
            "trace" => self.trace = Some(value.parse().map_err(|e| malformed(at, &e))?),
            "arrived" => self.arrived = Some(value.parse().map_err(|e| malformed(at, &e))?),
            "origin" => self.origin = Some(value.to_owned()),
            "XFORWARD" => {
                self.client.merge(value).map_err(|e| malformed(at, &e))?;
            }
            "MAIL" => {
                self.mail = Some(Mail::parse(line).map_err(|e| malformed(at, &e))?);
            }
            "RCPT" => {
                self.rcpts.push(Rcpt::parse(line).map_err(|e| malformed(at, &e))?);
                if self.rcpts.len() > MAX_RECIPIENTS {
                    return Err(HeadError::Recipients(self.rcpts.len()));
                }
            }
            // A later version's: it would have raised the version if it mattered to us.
            _ => {}
        }
        Ok(())
    }

    fn into_parsed(self) -> Result<Parsed, HeadError> {
        let missing = |what: &str| malformed(0, &format!("no {what}"));
        if self.rcpts.is_empty() {
            return Err(HeadError::Recipients(0));
        }
        let head = Head {
            trace: self.trace.ok_or_else(|| missing("trace id"))?,
            arrived: self.arrived.ok_or_else(|| missing("time of arrival"))?,
            origin: self.origin,
            client: self.client,
            envelope: Envelope {
                mail: self.mail.ok_or_else(|| missing("MAIL"))?,
                rcpts: self.rcpts,
            },
        };
        Ok(Parsed { head, size: self.size.ok_or_else(|| missing("size"))? })
    }
}

fn malformed(at: usize, why: &dyn ToString) -> HeadError {
    HeadError::Malformed { line: at + 1, why: why.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Head {
        let mail = "MAIL FROM:<alice@vmail.test> BODY=8BITMIME RET=HDRS ENVID=env+201";
        let rcpts = [
            "RCPT TO:<bob@remote.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;q+2B40r.test",
            "RCPT TO:<\"a b\"@remote.test>",
        ];
        let mut client = XForward::default();
        client.merge("NAME=client.test ADDR=192.0.2.7 HELO=a+20b").expect("good");
        Head {
            trace: TraceId::new(1_795_550_305_123, 7),
            arrived: 1_795_550_305_123,
            origin: Some("B97AE9961B1".to_owned()),
            client,
            envelope: Envelope {
                mail: Mail::parse(mail).expect("good"),
                rcpts: rcpts.iter().map(|line| Rcpt::parse(line).expect("good")).collect(),
            },
        }
    }

    #[test]
    fn the_commands_stand_there_as_they_were() {
        let bytes = sample().to_bytes().expect("fits");
        let text = String::from_utf8(bytes.clone()).expect("text");
        let expected = format!(
            "Dovetail-Queue-Message 1\nsize 00000000000000000000\ntrace {}\n\
             arrived 1795550305123\norigin B97AE9961B1\n\
             XFORWARD NAME=client.test ADDR=192.0.2.7 PORT=[UNAVAILABLE] \
             PROTO=[UNAVAILABLE] HELO=a+20b IDENT=[UNAVAILABLE] SOURCE=[UNAVAILABLE] \
             LOGIN=[UNAVAILABLE]\n\
             MAIL FROM:<alice@vmail.test> BODY=8BITMIME RET=HDRS ENVID=env+201\n\
             RCPT TO:<bob@remote.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;q+2B40r.test\n\
             RCPT TO:<\"a b\"@remote.test>\n\n",
            sample().trace
        );
        assert_eq!(text, expected);
        let parsed = Head::parse(&bytes).expect("reads");
        assert_eq!(parsed.head.envelope, sample().envelope);
        assert_eq!(parsed.head.client, sample().client);
        assert_eq!(parsed.head.origin, sample().origin);
        let (at, digits) = Head::size_patch(42);
        assert_eq!(&text[at as usize..][..digits.len()], "00000000000000000000");
        assert_eq!(digits, "00000000000000000042");
        assert_eq!(Head::end(&bytes), Some(bytes.len()));
    }

    #[test]
    fn later_versions() {
        let text = String::from_utf8(sample().to_bytes().expect("fits")).expect("text");
        let more = text.replace("arrived", "colour red\narrived");
        assert!(Head::parse(more.as_bytes()).is_ok());
        let newer = text.replace("Message 1\n", "Message 2\n");
        assert!(matches!(Head::parse(newer.as_bytes()), Err(HeadError::Newer(_))));
    }

    #[test]
    fn limits() {
        let mut head = sample();
        head.envelope.rcpts.clear();
        assert!(matches!(head.to_bytes(), Err(HeadError::Recipients(0))));
        let rcpt = Rcpt::parse("RCPT TO:<a@b.test>").expect("good");
        head.envelope.rcpts = vec![rcpt; MAX_RECIPIENTS + 1];
        assert!(matches!(head.to_bytes(), Err(HeadError::Recipients(_))));
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            key in "size|trace|arrived|XFORWARD|MAIL|RCPT|\\PC{0,10}",
            value in "\\PC{0,60}|FROM:<[a@.]{0,8}>|TO:<[a@.]{0,8}>",
        ) {
            let _ = Head::parse(&bytes);
            let _ = Head::parse(format!("{MAGIC} 1\n{key} {value}\n\n").as_bytes());
        }

        #[test]
        fn a_torn_head_is_seen(cut in 0..400usize) {
            let bytes = sample().to_bytes().expect("fits");
            let whole = Head::parse(&bytes).expect("reads");
            if let Some(torn) = bytes.get(..cut) && let Ok(read) = Head::parse(torn) {
                // Only whole lines may be missing: the size then tells.
                prop_assert_eq!(read.head.trace, whole.head.trace);
            }
        }
    }
}
