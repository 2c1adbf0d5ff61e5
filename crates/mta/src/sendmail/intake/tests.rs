//! Messages as programs write them.

use super::*;
use proptest::prelude::*;

/// Header and body, with `\n` for CRLF, and a `|` between them.
fn read_pieces(dot_ends: bool, pieces: &[&[u8]]) -> Result<String, Failure> {
    let mut intake = Intake::new(dot_ends);
    let mut body = Vec::new();
    for piece in pieces {
        intake.push(piece, &mut body)?;
    }
    let head = intake.finish(&mut body)?;
    let header: Vec<u8> = head.fields.iter().flat_map(|field| field.lines().to_vec()).collect();
    let shown = |octets: &[u8]| String::from_utf8_lossy(octets).replace("\r\n", "\n");
    Ok(format!("{}|{}", shown(&header), shown(&body)))
}

fn read(text: &str) -> String {
    read_pieces(true, &[text.as_bytes()]).expect("good")
}

fn read_whole(text: &str) -> String {
    read_pieces(false, &[text.as_bytes()]).expect("good")
}

#[test]
fn headers_and_bodies() {
    assert_eq!(read("A: b\nC: d\n e\n\nbody\n"), "A: b\nC: d\n e\n|body\n");
    assert_eq!(read("A: b\n\nbody"), "A: b\n|body\n");
    assert_eq!(read("A: b"), "A: b\n|");
    assert_eq!(read("A: b\n"), "A: b\n|");
    assert_eq!(read(""), "|");
    assert_eq!(read("\n\n"), "|\n");
    assert_eq!(read("no header\nTo: x\n"), "|no header\nTo: x\n");
    assert_eq!(read("A: b\nno field\n\nx"), "A: b\n|no field\n\nx\n");
    assert_eq!(read(" indented\nA: b\n"), "| indented\nA: b\n");
    assert_eq!(read("A: b\r\n\r\nx\r\r\ny\rz\r\n"), "A: b\n|x\ny\rz\n");
}

#[test]
fn a_dot_alone() {
    assert_eq!(read("A: b\n\n.x\nline\n.\nafter\n"), "A: b\n|.x\nline\n");
    assert_eq!(read_whole("A: b\n\n.x\nline\n.\nafter\n"), "A: b\n|.x\nline\n.\nafter\n");
    assert_eq!(read("A: b\n.\nafter\n"), "A: b\n|");
    assert_eq!(read("A: b\n\nx\n.\r\nafter"), "A: b\n|x\n");
    assert_eq!(read("A: b\n\nx\n."), "A: b\n|x\n");
    assert_eq!(read_whole("A: b\n\nx\n."), "A: b\n|x\n.\n");
    assert_eq!(read("A: b\n\nx\n.\ry\n..\n. \n"), "A: b\n|x\n.\ry\n..\n. \n");
    assert_eq!(read("no header\n.\nafter"), "|no header\n");
}

#[test]
fn lines_of_an_mbox() {
    assert_eq!(read("From root Tue\n>From me\nTo: x\n\nFrom here\n"), "To: x\n|From here\n");
    assert_eq!(read("From root Tue\n"), "|");
    assert_eq!(read("To: x\nFrom y\n"), "To: x\n|From y\n");
}

#[test]
fn limits() {
    let long = "x".repeat(MAX_HEADER_OCTETS);
    let refused = read_pieces(true, &[b"A: ", long.as_bytes()]).expect_err("too large");
    assert_eq!(refused.code, EX_DATAERR);
    // A file without lines is no header.
    let body = read_pieces(true, &[long.as_bytes(), long.as_bytes()]).expect("a body");
    assert_eq!(body.len(), 2 * MAX_HEADER_OCTETS + 2);
    let body = read_pieces(true, &[b" x", long.as_bytes()]).expect("a body");
    assert_eq!(body.len(), MAX_HEADER_OCTETS + 4);
    let fields = "A: b\n".repeat(MAX_HEADER_OCTETS / 5);
    assert!(read_pieces(true, &[fields.as_bytes()]).is_err());
}

#[test]
fn octets_beyond_ascii() {
    let seen = |text: &[u8]| {
        let mut intake = Intake::new(true);
        intake.push(text, &mut Vec::new()).expect("good");
        intake.finish(&mut Vec::new()).expect("good").header_8bit
    };
    assert!(seen("A: é\n\nx".as_bytes()) && seen(b"A: \xe9"));
    assert!(!seen("A: b\n\né".as_bytes()) && !seen("A: b\né\n".as_bytes()));
}

proptest! {
    /// However a message is cut, the same comes out.
    #[test]
    fn cuts_do_not_matter(
        lines in proptest::collection::vec("(To: |Bcc: |From |>|\\.|[ :a\t])?[ -~\r]{0,5}", 0..8),
        cuts in proptest::collection::vec(0usize..80, 0..6),
        dot_ends in any::<bool>(),
    ) {
        let whole = lines.join("\n");
        let bytes = whole.as_bytes();
        let mut ends: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        ends.push(bytes.len());
        ends.sort_unstable();
        let mut start = 0;
        let mut pieces = Vec::new();
        for end in ends {
            pieces.push(&bytes[start..end]);
            start = end;
        }
        prop_assert_eq!(read_pieces(dot_ends, &pieces), read_pieces(dot_ends, &[bytes]));
    }

    /// Nothing panics, nothing grows beyond what came, and no line ends but by CRLF.
    #[test]
    fn any_octets(input in proptest::collection::vec(any::<u8>(), 0..300), dot_ends in any::<bool>()) {
        let mut intake = Intake::new(dot_ends);
        let mut body = Vec::new();
        intake.push(&input, &mut body).expect("small");
        let head = intake.finish(&mut body).expect("small");
        let header: usize = head.fields.iter().map(|field| field.lines().len()).sum();
        prop_assert!(header + body.len() <= 2 * input.len() + 2);
        for (at, octet) in body.iter().enumerate() {
            prop_assert!(*octet != b'\n' || (at > 0 && body[at - 1] == b'\r'));
        }
    }
}
