//! `dovecot-uidlist`'s text, read and written. Pure; the file is [`super::uidfile`]'s.
//!
//! ```text
//! 3 V1795548153 N7 G9a3f171cf9e3056b5e23000083ecc375
//! 1 :1795548153.M502377P9054.vm,S=18,W=21
//! 4 W615 :1795548154.M1P9054.vm,S=513
//! ```
//! Version 3, and version 1 for reading. UIDs ascend; N is the next UID at least, and is not kept up
//! by appended lines. A line is no proof that its file exists.

use mailbox::{Uid, UidValidity};

use super::filename;

/// The first value that is no UID any more: Dovecot's limit.
pub(crate) const UID_END: u32 = u32::MAX;
/// After damage, UIDs go on above all that stand in the file, unless they stand higher than this.
const UID_TOO_HIGH: u32 = u32::MAX / 2;
/// Hex digits of a mailbox's GUID.
const GUID_DIGITS: usize = 32;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) validity: UidValidity,
    /// At least the next UID.
    pub(crate) next: Uid,
    /// Without one the file has to be rewritten.
    pub(crate) guid: Option<String>,
    /// Other keys, with their values, as they stand: kept.
    pub(crate) extra: Vec<Vec<u8>>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) uid: Uid,
    /// Key and value, `W615`.
    pub(crate) fields: Vec<Vec<u8>>,
    /// The file's name without flags.
    pub(crate) base: Vec<u8>,
}

impl Line {
    /// The value of a key.
    pub(crate) fn field(&self, key: u8) -> Option<&[u8]> {
        self.fields.iter().find_map(|field| field.strip_prefix(&[key]))
    }
}

/// The whole file, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Uidlist {
    pub(crate) header: Header,
    pub(crate) lines: Vec<Line>,
    /// It may not be appended to: an old version, something missing or cut off at its end.
    pub(crate) rewrite: bool,
}

/// Why a file can't be understood, and what can be saved of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) why: &'static str,
    /// Its UIDVALIDITY and the UID above all that it may have given, if they can be told.
    pub(crate) rescued: Option<(UidValidity, Uid)>,
}

impl Uidlist {
    /// A list without messages.
    pub(crate) fn empty(validity: UidValidity, next: Uid, guid: String) -> Self {
        let header = Header { validity, next, guid: Some(guid), extra: Vec::new() };
        Self { header, lines: Vec::new(), rewrite: true }
    }

    /// Reads the file's bytes. A last line without its LF is one that a crash cut off, or that
    /// somebody is about to finish: it isn't read, and its UID won't be given to anybody else.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let end = memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1);
        let (whole, torn) = bytes.split_at(end);
        let whole = whole.strip_suffix(b"\n").unwrap_or(whole);
        let mut lines = whole.split(|&b| b == b'\n').enumerate();
        let broken = |line, why| Broken { line: line + 1, why, rescued: rescue(bytes) };
        let first = lines.next().map(|(_, line)| line).unwrap_or_default();
        let (version, header) = parse_header(first).map_err(|why| broken(0, why))?;
        let rewrite = version != 3 || header.guid.is_none();
        let mut list = Self { header, lines: Vec::new(), rewrite };
        let mut last = 0;
        for (at, text) in lines {
            let (line, complete) = parse_line(text, version).map_err(|why| broken(at, why))?;
            if line.uid.get() <= last {
                return Err(broken(at, "UIDs not ascending"));
            }
            last = line.uid.get();
            list.rewrite |= !complete;
            list.lines.push(line);
        }
        if !torn.is_empty() {
            let lost = u32::try_from(torn.len() / 4 + 1).unwrap_or(u32::MAX);
            list.header.next = list
                .next()
                .get()
                .checked_add(lost)
                .and_then(Uid::new)
                .ok_or_else(|| broken(list.lines.len() + 1, "torn, and no UIDs left"))?;
            list.rewrite = true;
        }
        Ok(list)
    }

    /// The next UID to give.
    pub(crate) fn next(&self) -> Uid {
        let after_last = self.lines.last().map(|line| line.uid.next());
        after_last.map_or(self.header.next, |after| after.max(self.header.next))
    }

    /// Gives the next UID to a file. `None` once all UIDs are used up.
    pub(crate) fn give(&mut self, base: &[u8], fields: Vec<Vec<u8>>) -> Option<Uid> {
        let uid = self.next();
        if uid.get() >= UID_END - 1 {
            return None;
        }
        self.lines.push(Line { uid, fields, base: filename::base(base).to_vec() });
        Some(uid)
    }

    /// The whole file's bytes, its N brought up.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let Header { validity, guid, extra, .. } = &self.header;
        let mut out = format!("3 V{validity} N{}", self.next()).into_bytes();
        if let Some(guid) = guid {
            out.extend_from_slice(b" G");
            out.extend_from_slice(guid.as_bytes());
        }
        for field in extra {
            out.push(b' ');
            out.extend_from_slice(field);
        }
        out.push(b'\n');
        for line in &self.lines {
            write_line(&mut out, line);
        }
        out
    }

    /// The bytes of the lines from `from` on, for appending.
    pub(crate) fn tail_bytes(&self, from: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for line in self.lines.iter().skip(from) {
            write_line(&mut out, line);
        }
        out
    }
}

pub(crate) fn write_line(out: &mut Vec<u8>, line: &Line) {
    out.extend_from_slice(line.uid.to_string().as_bytes());
    for field in &line.fields {
        out.push(b' ');
        out.extend_from_slice(field);
    }
    out.extend_from_slice(b" :");
    out.extend_from_slice(&line.base);
    out.push(b'\n');
}

fn decimal(digits: &[u8]) -> Option<u32> {
    filename::number(digits).and_then(|n| u32::try_from(n).ok())
}

fn parse_header(line: &[u8]) -> Result<(u8, Header), &'static str> {
    let mut words = line.split(|&b| b == b' ');
    let version = match words.next() {
        Some(b"3") => 3,
        Some(b"1") => 1,
        _ => return Err("Unsupported version"),
    };
    let (mut validity, mut next, mut guid, mut extra) = (None, None, None, Vec::new());
    if version == 1 {
        validity = words.next().and_then(decimal);
        next = words.next().and_then(decimal);
    } else {
        for word in words.filter(|word| !word.is_empty()) {
            match word.split_first() {
                Some((b'V', value)) => validity = decimal(value),
                Some((b'N', value)) => next = decimal(value),
                Some((b'G', value)) => {
                    let hex = value.len() == GUID_DIGITS && value.iter().all(u8::is_ascii_hexdigit);
                    guid = hex.then(|| String::from_utf8_lossy(value).into_owned());
                }
                _ => extra.push(word.to_vec()),
            }
        }
    }
    let validity = validity.and_then(UidValidity::new).ok_or("no UIDVALIDITY")?;
    let next = next.and_then(Uid::new).ok_or("no next UID")?;
    Ok((version, Header { validity, next, guid, extra }))
}

/// A line, and whether it was taken up as it stands.
fn parse_line(text: &[u8], version: u8) -> Result<(Line, bool), &'static str> {
    let blank = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    let (digits, mut rest) = text.split_at(blank);
    let uid = decimal(digits).filter(|&uid| uid < UID_END).and_then(Uid::new).ok_or("bad UID")?;
    let (mut fields, mut complete) = (Vec::new(), true);
    let name = loop {
        rest = rest.strip_prefix(b" ").ok_or("no file name")?;
        if version == 1 {
            break rest;
        }
        if let Some(name) = rest.strip_prefix(b":") {
            break name;
        }
        let end = rest.iter().position(|&b| b == b' ').ok_or("no file name")?;
        let (field, after) = rest.split_at(end);
        let good = field.first().is_some_and(u8::is_ascii_uppercase) && field != b"G";
        if good {
            fields.push(field.to_vec());
        }
        complete &= good;
        rest = after;
    };
    let base = filename::base(name);
    if base.is_empty() || base.contains(&b'/') {
        return Err("bad file name");
    }
    Ok((Line { uid, fields, base: base.to_vec() }, complete))
}

/// What can be told of a broken file: its validity, and a UID above all numbers that begin a line,
/// with room for lines that show none.
fn rescue(bytes: &[u8]) -> Option<(UidValidity, Uid)> {
    let mut lines = bytes.split(|&b| b == b'\n');
    let (_, header) = parse_header(lines.next()?).ok()?;
    let mut top = header.next.get();
    for line in lines {
        let digits = line.split(|&b| b == b' ').next().and_then(decimal);
        let room = u32::try_from(line.len() / 4).unwrap_or(u32::MAX);
        top = match digits {
            Some(uid) if uid >= top => uid.checked_add(1)?,
            Some(_) => top,
            None => top.checked_add(room)?,
        };
    }
    if top > UID_TOO_HIGH {
        return None;
    }
    Uid::new(top).map(|next| (header.validity, next))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &[u8] = b"3 V1795548153 N7 G9a3f171cf9e3056b5e23000083ecc375 Xfoo\n\
        1 :1795548153.M502377P9054.vm,S=18,W=21\n\
        9 W615 Zx Gabc :name with :blanks:2,S\n";

    #[test]
    fn reads_and_writes() {
        let mut list = Uidlist::parse(GOOD).expect("good");
        assert_eq!(list.header.validity.get(), 1_795_548_153);
        assert_eq!(list.lines.len(), 2);
        let last = list.lines.last().expect("two");
        assert_eq!(last.base, b"name with ");
        assert_eq!((last.field(b'W'), last.field(b'G')), (Some(&b"615"[..]), Some(&b"abc"[..])));
        assert_eq!((list.next().get(), list.rewrite), (10, false));
        assert_eq!(list.give(b"new:2,S", vec![]).map(Uid::get), Some(10));
        assert_eq!(list.tail_bytes(2), b"10 :new\n");
        let text = list.to_bytes();
        assert!(text.starts_with(b"3 V1795548153 N11 G9a3f171cf9e3056b5e23000083ecc375 Xfoo\n1 :"));
        list.header.next = Uid::new(11).expect("11");
        assert_eq!(Uidlist::parse(&text), Ok(list));
    }

    #[test]
    fn old_and_incomplete_ones_ask_for_a_rewrite() {
        let list = Uidlist::parse(b"1 17 5\n2 a:2,S\n4 b c\n").expect("version 1");
        assert!(list.rewrite);
        assert_eq!(
            list.lines.iter().map(|l| l.base.clone()).collect::<Vec<_>>(),
            [b"a".to_vec(), b"b c".to_vec()]
        );
        assert!(Uidlist::parse(b"3 V1 N1\n").expect("no GUID").rewrite);
        let odd = Uidlist::parse(b"3 V1 N1 G00000000000000000000000000000000\n1 w5 G :a\n");
        let odd = odd.expect("odd keys");
        assert!(odd.rewrite && odd.lines.iter().all(|line| line.fields.is_empty()));
    }

    #[test]
    fn a_torn_end_costs_uids_but_nothing_else() {
        let list = Uidlist::parse(&[GOOD, b"10 :17955481"].concat()).expect("torn");
        assert!(list.rewrite && list.lines.len() == 2 && list.next().get() > 10);
        let list = Uidlist::parse(&[GOOD, &[0; 40]].concat()).expect("zeros");
        assert!(list.next().get() > 13, "as many lines as may have stood there");
    }

    #[test]
    fn broken_ones_keep_validity_and_go_on_above() {
        for (bad, next) in [
            (&b"1 :b\n0 :c\n20 :d\n"[..], 21),
            (b"12\n", 13),
            (b"30 nothing\n", 31),
            (b"10 :a/b\n", 11),
            (b"10 :\n", 11),
            (b"9 :again\n", 10),
            (b"xxxxxxxxyyyyyyyy :a\n", 14),
        ] {
            let broken = Uidlist::parse(&[GOOD, bad].concat()).expect_err("broken");
            let (validity, above) = broken.rescued.expect("rescued");
            assert_eq!((validity.get(), above.get()), (1_795_548_153, next), "{bad:?}");
            assert_eq!(broken.line, 4, "{bad:?}");
        }
        let high = Uidlist::parse(&[GOOD, b"4294967295 :x\n"].concat()).expect_err("too high");
        assert_eq!(high.rescued, None);
        for bad in [&b""[..], b"2 V1 N1\n", b"3 N1\n", b"3 V0 N1\n", b"3 V1 N0\n", b"3 V1\n"] {
            assert_eq!(Uidlist::parse(bad).expect_err("no header").rescued, None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Uidlist::parse(&bytes);
            let _ = Uidlist::parse(&[GOOD, &bytes].concat());
        }

        #[test]
        fn any_cut_is_torn_or_shorter(cut in 0usize..GOOD.len()) {
            if let Ok(list) = Uidlist::parse(GOOD.get(..cut).unwrap_or_default()) {
                prop_assert!(list.lines.len() <= 2);
                let parsed = Uidlist::parse(&list.to_bytes()).expect("own output");
                prop_assert_eq!(parsed.lines, list.lines);
            }
        }

        #[test]
        fn round_trips(
            names in proptest::collection::vec("[ -.0-9;-~]{1,20}", 0..8),
            fields in "[A-FH-Z][!-~]{0,6}",
        ) {
            let (one, validity) = (Uid::new(1).expect("1"), UidValidity::new(5).expect("5"));
            let mut list = Uidlist::empty(validity, one, "0".repeat(32));
            for name in &names {
                list.give(name.as_bytes(), vec![fields.clone().into_bytes()]).expect("given");
            }
            let parsed = Uidlist::parse(&list.to_bytes()).expect("own output");
            prop_assert_eq!(parsed.lines, list.lines);
            prop_assert!(!parsed.rewrite);
        }
    }
}
