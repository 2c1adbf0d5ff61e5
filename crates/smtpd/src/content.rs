//! What smtpd does to a message's header while the message passes through.
//!
//! Drops fields that must not travel, adds what a mail program left out, and counts hops. Works on
//! whatever pieces arrive and holds back at most [`MAX_NAME`] octets; never looks at the body.
//! Ruled by RFC 5322 §3.6, RFC 6409 §8 and what Postfix's cleanup(8) does (message_drop_headers,
//! always_add_missing_headers).

use message::header::stays_behind;

/// The longest field name that is looked for; RFC 5322 §2.1.1 has lines of at most 998.
pub const MAX_NAME: usize = 256;

/// What a field's name begins with that stands for the message's second sending.
const RESENT: &str = "Resent-";

/// Fields to add, each whole with its CRLF, where the message has none of that name. To a message that
/// is sent again (RFC 5322 §3.6.6) their Resent- forms are added instead.
#[derive(Debug, Clone, Default)]
pub struct Missing {
    /// `Message-Id: <…>`
    pub message_id: String,
    /// `Date: …`
    pub date: String,
    /// `From: …`
    pub from: String,
}

/// A message on its way through.
#[derive(Debug)]
pub struct Content {
    place: Place,
    /// What became of the field before this line: a continuation shares its fate.
    before: Option<Fate>,
    /// The start of the line, until it is known what the line is.
    held: Vec<u8>,
    missing: Missing,
    seen: Seen,
    hops: usize,
}

/// Which fields the header has, in their first form and as Resent- ones.
#[derive(Debug, Default)]
struct Seen {
    first: Fields,
    again: Fields,
    /// There is a Resent- field.
    resent: bool,
}

#[derive(Debug, Default)]
struct Fields {
    message_id: bool,
    date: bool,
    from: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the start of a line of the header, which is being held.
    Start,
    /// In the rest of a field's line.
    Field(Fate),
    /// Behind the header.
    Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    Dropped,
}

/// What the start of a line shows it to be.
enum Line {
    /// Too early to say.
    Undecided,
    /// `Name:`
    Field,
    /// It belongs to the field before it.
    Continuation(Fate),
    /// Nothing: the header ends here.
    Empty,
    /// Neither: the body begins without an empty line, or there's an mbox separator.
    Other,
}

impl Content {
    /// Begins a message; `missing` are the fields to add for a client whose mail we complete.
    #[must_use]
    pub fn new(missing: Missing) -> Self {
        let (held, seen) = (Vec::new(), Seen::default());
        Self { place: Place::Start, before: None, held, missing, seen, hops: 0 }
    }

    /// How many Received fields the message has brought along so far.
    #[must_use]
    pub fn hops(&self) -> usize {
        self.hops
    }

    /// Takes the next piece (lines end in CRLF) and puts what goes on into `out`.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.place {
                Place::Body => {
                    out.extend_from_slice(rest);
                    return;
                }
                Place::Field(fate) => rest = self.field_rest(rest, fate, out),
                Place::Start => {
                    self.held.push(byte);
                    self.decide(out);
                    rest = after;
                }
            }
        }
    }

    /// The message is at its end.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        match self.place {
            Place::Body => {}
            // A header and nothing else.
            _ if self.held.is_empty() => self.add_missing(out),
            _ => self.enter_body(out),
        }
    }

    /// Passes or drops what is there of the field's line; returns what stands behind it.
    fn field_rest<'a>(&mut self, rest: &'a [u8], fate: Fate, out: &mut Vec<u8>) -> &'a [u8] {
        let end = rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(end);
        if fate == Fate::Kept {
            out.extend_from_slice(line);
        }
        if line.ends_with(b"\n") {
            self.before = Some(fate);
            self.place = Place::Start;
        }
        after
    }

    fn decide(&mut self, out: &mut Vec<u8>) {
        match look(&self.held, self.before) {
            Line::Undecided => {}
            Line::Field => {
                let fate = self.name();
                self.enter_field(fate, out);
            }
            Line::Continuation(fate) => self.enter_field(fate, out),
            Line::Other if self.before.is_none() && is_separator(&self.held) => {
                out.extend_from_slice(b"X-Mailbox-Line: ");
                self.enter_field(Fate::Kept, out);
            }
            Line::Empty | Line::Other => self.enter_body(out),
        }
    }

    /// Notes which field this is.
    fn name(&mut self) -> Fate {
        let name = self.held.split(|b| matches!(b, b':' | b' ' | b'\t')).next().unwrap_or_default();
        if name.eq_ignore_ascii_case(b"received") {
            self.hops += 1;
        }
        let again = name.split_at_checked(RESENT.len());
        let again = again.filter(|(start, _)| start.eq_ignore_ascii_case(RESENT.as_bytes()));
        match again {
            Some((_, base)) => {
                self.seen.resent = true;
                self.seen.again.note(base);
            }
            None => self.seen.first.note(name),
        }
        if stays_behind(name) { Fate::Dropped } else { Fate::Kept }
    }

    fn enter_field(&mut self, fate: Fate, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        self.place = Place::Field(fate);
        self.field_rest(&held, fate, out);
    }

    /// The header is over: what it lacks comes behind it, and an empty line stands before the body.
    fn enter_body(&mut self, out: &mut Vec<u8>) {
        self.add_missing(out);
        if !matches!(self.held.as_slice(), b"\r\n" | b"\n") {
            out.extend_from_slice(b"\r\n");
        }
        out.append(&mut self.held);
        self.place = Place::Body;
    }

    fn add_missing(&mut self, out: &mut Vec<u8>) {
        let Missing { message_id, date, from } = std::mem::take(&mut self.missing);
        let (seen, prefix) = match self.seen.resent {
            true => (&self.seen.again, RESENT),
            false => (&self.seen.first, ""),
        };
        for (field, there) in [(message_id, seen.message_id), (date, seen.date), (from, seen.from)]
        {
            if !there && !field.is_empty() {
                out.extend_from_slice(prefix.as_bytes());
                out.extend_from_slice(field.as_bytes());
            }
        }
    }
}

impl Fields {
    fn note(&mut self, name: &[u8]) {
        match name.to_ascii_lowercase().as_slice() {
            b"message-id" => self.message_id = true,
            b"date" => self.date = true,
            b"from" => self.from = true,
            _ => {}
        }
    }
}

/// Looks at the start of a line, which has just become one octet longer.
fn look(held: &[u8], before: Option<Fate>) -> Line {
    match held {
        [b' ' | b'\t', ..] => before.map_or(Line::Other, Line::Continuation),
        // The first half of an empty line.
        b"\r" => Line::Undecided,
        b"\r\n" | b"\n" => Line::Empty,
        b":" => Line::Other,
        [.., b':'] => Line::Field,
        // RFC 5322 §4.5.8: blanks before the colon are obsolete, not wrong.
        [.., b' ' | b'\t'] if held.len() <= MAX_NAME => Line::Undecided,
        [.., b' ' | b'\t', _] => Line::Other,
        [.., b'!'..=b'~'] if held.len() <= MAX_NAME => Line::Undecided,
        _ => Line::Other,
    }
}

/// The line that mbox files put between messages, and some clients send along.
fn is_separator(held: &[u8]) -> bool {
    held.starts_with(b"From ") || held.starts_with(b">From ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn missing() -> Missing {
        Missing {
            message_id: "Message-Id: <i@h>\r\n".into(),
            date: "Date: now\r\n".into(),
            from: "From: a@b\r\n".into(),
        }
    }

    fn pass(missing: Missing, pieces: &[&[u8]]) -> (String, usize) {
        let mut content = Content::new(missing);
        let mut out = Vec::new();
        for piece in pieces {
            content.push(piece, &mut out);
        }
        content.end(&mut out);
        (String::from_utf8(out).expect("text"), content.hops())
    }

    fn text(input: &str) -> String {
        pass(missing(), &[input.replace('\n', "\r\n").as_bytes()]).0.replace("\r\n", "\n")
    }

    const ADDED: &str = "Message-Id: <i@h>\nDate: now\nFrom: a@b\n";

    #[test]
    fn what_is_missing_comes_behind_the_header() {
        assert_eq!(text("Subject: x\n\nbody\n"), format!("Subject: x\n{ADDED}\nbody\n"));
        assert_eq!(text("DATE: y\nfrom : z\n\nb"), "DATE: y\nfrom : z\nMessage-Id: <i@h>\n\nb");
        assert_eq!(text("Subject: x\n"), format!("Subject: x\n{ADDED}"));
        assert_eq!(text(""), ADDED);
        assert_eq!(text("\nbody: x\n"), format!("{ADDED}\nbody: x\n"));
    }

    #[test]
    fn a_body_without_an_empty_line() {
        assert_eq!(text("Subject: x\nhello you\n"), format!("Subject: x\n{ADDED}\nhello you\n"));
        assert_eq!(text("hello\n"), format!("{ADDED}\nhello\n"));
        assert_eq!(text(" indented\n"), format!("{ADDED}\n indented\n"));
        assert_eq!(text(": nameless\n"), format!("{ADDED}\n: nameless\n"));
        assert_eq!(text("é: x\n"), format!("{ADDED}\né: x\n"));
        let long = "x".repeat(MAX_NAME + 1);
        assert_eq!(text(&format!("{long}: y\n")), format!("{ADDED}\n{long}: y\n"));
    }

    #[test]
    fn a_message_that_is_sent_again() {
        let first = "From: x\nDate: y\nMessage-Id: z\n";
        let added = "Resent-Message-Id: <i@h>\nResent-Date: now\n";
        assert_eq!(
            text(&format!("{first}resent-FROM: w\nResent-To: v\n\n")),
            format!("{first}resent-FROM: w\nResent-To: v\n{added}\n")
        );
        let whole = format!("From: x\n{added}Resent-From: w\n\n");
        assert_eq!(text(&whole), whole);
    }

    #[test]
    fn fields_that_do_not_travel() {
        let input = "A: 1\nBcc: x@y,\n z@y\nReturn-Path: <>\nB: 2\n folded\n\nBcc: in the body\n";
        assert_eq!(text(input), format!("A: 1\nB: 2\n folded\n{ADDED}\nBcc: in the body\n"));
    }

    #[test]
    fn mbox_separators() {
        assert_eq!(
            text("From a@b Tue\nSubject: x\n\n"),
            format!("X-Mailbox-Line: From a@b Tue\nSubject: x\n{ADDED}\n")
        );
        assert_eq!(text("A: b\nFrom x y\n"), format!("A: b\n{ADDED}\nFrom x y\n"));
    }

    #[test]
    fn hops() {
        let input = b"Received: a\r\nRECEIVED: b\r\n\tby c\r\nX-Received: d\r\n\r\nReceived: e\r\n";
        assert_eq!(pass(Missing::default(), &[input]).1, 2);
    }

    proptest! {
        /// However a message is cut, the same comes out; without additions and drops, nothing
        /// changes but for an empty line that was lacking.
        #[test]
        fn cuts_do_not_matter(
            lines in proptest::collection::vec("(Received: |Bcc: |Date: |From |X|[ :a])?[ -~]{0,9}", 0..8),
            cuts in proptest::collection::vec(0usize..100, 0..6),
        ) {
            let whole = lines.join("\r\n");
            let bytes = whole.as_bytes();
            let mut ends: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            ends.push(bytes.len());
            ends.sort_unstable();
            let mut pieces = Vec::new();
            let mut start = 0;
            for end in ends {
                pieces.push(&bytes[start..end]);
                start = end;
            }
            prop_assert_eq!(pass(missing(), &pieces), pass(missing(), &[bytes]));
            let (plain, _) = pass(Missing::default(), &[bytes]);
            let dropped = lines.iter().any(|line| line.starts_with("Bcc:"));
            prop_assert!(dropped || plain.len() >= whole.len());
        }
    }
}
