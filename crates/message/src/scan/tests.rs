//! MIME trees with their offsets, odd ones among them, for any split of the octets.

use proptest::prelude::*;

use super::*;
use crate::part::Inside;

/// `type/subtype octets:lines(message)`, `type/subtype[parts]`
fn shown(part: &Part) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let content = &part.content;
    let kind = format!("{}/{}", text(&content.media), text(&content.subtype));
    let own = format!("{kind} {}:{}", part.octets(), part.lines);
    match &part.inside {
        Inside::Leaf => own,
        Inside::Multipart(parts) => {
            format!("{kind}[{}]", parts.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Inside::Message(message) => format!("{own}({})", shown(message)),
    }
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

/// What stands behind Content-Type of the message itself, then the rest; and the structure.
const CASES: &[(&str, &str)] = &[
    ("text/html\n\nhi\n", "text/html 4:1"),
    ("text/html\n\nhi", "text/html 2:0"),
    ("text/html\n\n", "text/html 0:0"),
    ("text/html", "text/html 0:0"),
    (
        "multipart/mixed; boundary=b\n\n--b\n\npart1\n--b\nContent-Type: text\n\nhi\n--b--\nepi\n",
        "multipart/mixed[text/plain 5:0, text/ 2:0]",
    ),
    (
        "multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n--b\nNo-blank: a\n--b--\n",
        "multipart/mixed[text/html 0:0, text/plain 0:0]",
    ),
    (
        "multipart/mixed; boundary=b\n\npre\n--b\n\n\n--b\n\n--b--\n",
        "multipart/mixed[text/plain 0:0, text/plain 0:0]",
    ),
    (
        "multipart/digest; boundary=b\n\n--b\n\nSubject: emb\nFrom: a@b\n\nhello\n--b--\n",
        "multipart/digest[message/rfc822 32:3(text/plain 5:0)]",
    ),
    ("message/rfc822\n\nSubject: e\n\nhello\nx\n", "message/rfc822 24:4(text/plain 10:2)"),
    ("message/rfc822\n\n", "message/rfc822 0:0(text/plain 0:0)"),
    ("message/rfc822\n", "message/rfc822 0:0(text/plain 0:0)"),
    (
        // The outer boundary ends the inner multipart.
        "multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=bb\n\n\
         --bb\n\nx\n--b\n\ny\n--b--\n",
        "multipart/mixed[multipart/alternative[text/plain 1:0], text/plain 1:0]",
    ),
    ("multipart/mixed; boundary=b\n\nno parts\n", "multipart/mixed[]"),
    ("multipart/mixed\n\n--\n", "multipart/mixed[]"),
    ("multipart/mixed; boundary=\"\"\n\n--\n\nx\n", "multipart/mixed[]"),
    ("multipart/mixed; boundary=b\n\n--b", "multipart/mixed[]"),
    ("multipart/mixed; boundary=b\n\n--b\n", "multipart/mixed[text/plain 0:0]"),
    (
        // A longer line that begins like the boundary is one; behind the closing one none is.
        "multipart/mixed; boundary=b\n\n--b  \n\nhi\n--bx\nfoo\n--b--\nepi\n--b\n\nlate\n",
        "multipart/mixed[text/plain 2:0, text/plain 0:0]",
    ),
    (
        "multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: x\n--b--",
        "multipart/mixed[message/rfc822 12:1(text/plain 0:0)]",
    ),
];

#[test]
fn structures_as_dovecot_sees_them() {
    for (text, expected) in CASES {
        let message = crlf(&format!("Content-Type: {text}"));
        assert_eq!(shown(&Scanner::scan(&message)), *expected, "{text}");
        let mut slow = Scanner::default();
        message.chunks(1).for_each(|octet| slow.feed(octet));
        assert_eq!(slow.finish(), Scanner::scan(&message), "{text}");
    }
}

#[test]
fn depth_and_parts_are_bounded() {
    let mut deep = String::new();
    for level in 0..1000 {
        deep.push_str(&format!(
            "Content-Type: multipart/mixed; boundary=b{level}x\n\n--b{level}x\n"
        ));
    }
    let limits = Limits { depth: 7, ..Limits::default() };
    let mut scanner = Scanner::new(limits);
    scanner.feed(deep.as_bytes());
    let mut part = scanner.finish();
    let mut depth = 1;
    while let Inside::Multipart(mut parts) = part.inside {
        part = parts.pop().expect("a part");
        depth += 1;
    }
    assert_eq!(depth, 7);
    assert!(part.content.is("application"));

    let wide = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(50));
    let mut scanner = Scanner::new(Limits { parts: 10, ..Limits::default() });
    scanner.feed(wide.as_bytes());
    let whole = scanner.finish();
    let Inside::Multipart(parts) = whole.inside else { panic!("a multipart") };
    assert_eq!(parts.len(), 9);
    assert_eq!(parts.last().expect("last").body.end, wide.len() as u64);

    let rfc822 = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let mut count = 0;
    Scanner::scan(rfc822.as_bytes()).walk(&mut |_| count += 1);
    assert_eq!(count, Limits::default().depth);
}

#[test]
fn kept_fields_are_bounded() {
    let limits = Limits { kept_octets: 100, ..Limits::default() };
    let mut scanner = Scanner::new(limits);
    scanner.feed(format!("To: a@b\nTo: {}\nCc: c@d\n\nx", "x".repeat(1000)).as_bytes());
    let part = scanner.finish();
    let envelope = part.envelope.as_ref().expect("a message's");
    assert_eq!((envelope.to.len(), envelope.cc.len()), (1, 1));
    assert_eq!(part.octets(), 1);
}

#[test]
fn a_message_without_version_or_type_is_no_mime() {
    let encoding = |header: &str| Scanner::scan(header.as_bytes()).content.encoding;
    let base64 = "Content-Transfer-Encoding: base64\n";
    assert_eq!(encoding(&format!("{base64}\nx")), None);
    assert!(encoding(&format!("{base64}MIME-Version: 1.0\n\nx")).is_some());
    assert!(encoding(&format!("Content-Type: text/plain\n{base64}\nx")).is_some());
}

#[test]
fn numbers_of_parts() {
    let message = Scanner::scan(&crlf(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\
         Content-Type: multipart/mixed; boundary=c\n\n--c\nX: y\n\nhello\n--c--\n--b\n\nhi\n--b--\n",
    ));
    let octets = |numbers: &[u32]| message.at(numbers).map(Part::octets);
    assert_eq!(octets(&[2]), Some(2));
    assert_eq!(octets(&[1, 1]), Some(5));
    assert_eq!(octets(&[1, 2]), None);
    assert_eq!(octets(&[0]), None);
    assert_eq!(octets(&[3]), None);
    assert_eq!((octets(&[2, 1]), octets(&[2, 2])), (Some(2), None));
    let simple = Scanner::scan(b"A: b\r\n\r\nhi");
    assert_eq!(simple.at(&[1]).map(Part::octets), Some(2));
    assert_eq!(simple.at(&[1, 1]), None);
    let nested = Scanner::scan(b"Content-Type: message/rfc822\n\nA: b\n\nhi");
    assert_eq!(nested.at(&[1]).map(Part::octets), Some(8));
    assert_eq!(nested.at(&[1, 1]).map(Part::octets), Some(2));
}

fn check_offsets(part: &Part, within: std::ops::Range<u64>) -> Result<(), TestCaseError> {
    prop_assert!(within.start <= part.header.start && part.header.end == part.body.start);
    prop_assert!(part.body.start <= part.body.end && part.body.end <= within.end);
    match &part.inside {
        Inside::Leaf => {}
        Inside::Multipart(parts) => {
            let mut at = part.body.start;
            for inner in parts {
                check_offsets(inner, at..part.body.end)?;
                at = inner.body.end;
            }
        }
        Inside::Message(message) => {
            prop_assert_eq!(message.header.start, part.body.start);
            prop_assert_eq!(message.body.end, part.body.end);
            check_offsets(message, part.body.clone())?;
        }
    }
    Ok(())
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "--a",
        "--b",
        "--",
        "\n",
        "\r\n",
        "\r",
        "x",
        "x\n\n",
        "\n--a\n",
        "\n--b--\n",
        "\n--a--\n",
        "Content-Type: multipart/mixed; boundary=a\n\n",
        "Content-Type: message/rfc822\n\n",
        "Content-Type: multipart/digest; boundary=b\n",
        "Content-Type: text\n\n",
        " fold\n",
        "Subject: x\n",
        "Content-Type: multipart/mixed; boundary=aa\n\n--aa\n",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn offsets_lie_within(text in pieces(), depth in 1_usize..6, parts in 1_usize..9) {
        let limits = Limits { depth, parts, kept_octets: 200 };
        let mut whole = Scanner::new(limits);
        whole.feed(text.as_bytes());
        let whole = whole.finish();
        check_offsets(&whole, 0..text.len() as u64)?;
        prop_assert_eq!(whole.body.end, text.len() as u64);
        let mut count = 0;
        whole.walk(&mut |_| count += 1);
        prop_assert!(count <= parts.max(1));
        let newlines = |part: &Part| {
            let range = part.body.start as usize..part.body.end as usize;
            text.as_bytes()[range].iter().filter(|&&b| b == b'\n').count() as u64
        };
        let mut wrong = 0;
        whole.walk(&mut |part| wrong += u32::from(newlines(part) != part.lines));
        prop_assert_eq!(wrong, 0);
    }

    #[test]
    fn chunks_do_not_matter(text in pieces(), size in 1_usize..7) {
        let mut slow = Scanner::default();
        text.as_bytes().chunks(size).for_each(|chunk| slow.feed(chunk));
        prop_assert_eq!(slow.finish(), Scanner::scan(text.as_bytes()));
    }
}
