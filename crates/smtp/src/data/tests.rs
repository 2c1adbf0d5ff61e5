//! More than 125 ways to write what looks like the end of DATA, each whole and split at every octet.

use super::*;
use proptest::prelude::*;

/// Decodes `input` in two pieces; the content, and what was left as commands if it ended.
fn decode_split(input: &[u8], at: usize) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut decoder = Decoder::for_data();
    let mut out = Vec::new();
    let (first, second) = input.split_at(at.min(input.len()));
    let pushed = decoder.push(first, &mut out);
    if pushed.ended {
        return (out, Some([&first[pushed.consumed..], second].concat()));
    }
    let pushed = decoder.push(second, &mut out);
    let rest = pushed.ended.then(|| second[pushed.consumed..].to_vec());
    (out, rest)
}

/// Every combination of these before and behind a dot.
const ENDS: [&str; 9] = ["\r\n", "\n", "\r", "\0", "\r\r\n", "\n\r", "\r\0\n", " \r\n", "\r\n "];

#[test]
fn only_crlf_dot_crlf_ends() {
    let mut variants = 0;
    for before in ENDS {
        for behind in ENDS {
            for dots in [".", ".."] {
                variants += 1;
                let input =
                    format!("a{before}{dots}{behind}MAIL FROM:<b@x.test>\r\nend\r\n.\r\nQUIT\r\n");
                let ends_here =
                    before.ends_with("\r\n") && dots == "." && behind.starts_with("\r\n");
                let whole = decode_split(input.as_bytes(), 0);
                for at in 1..input.len() {
                    assert_eq!(
                        decode_split(input.as_bytes(), at),
                        whole,
                        "{input:?} split at {at}"
                    );
                }
                let (content, rest) = whole;
                let rest = rest.unwrap_or_else(|| panic!("{input:?} never ended"));
                assert_eq!(
                    rest != b"QUIT\r\n",
                    ends_here,
                    "{input:?} left {:?}",
                    String::from_utf8_lossy(&rest)
                );
                check_unambiguous(&content);
            }
        }
    }
    assert!(variants >= 125, "{variants}");
}

/// No CR or LF but in CRLF, no NUL; and encoded, nothing in it ends DATA.
fn check_unambiguous(content: &[u8]) {
    let text = String::from_utf8_lossy(content).into_owned();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "{text:?}");
    let mut wire = Vec::new();
    let mut encoder = Encoder::default();
    encoder.push(content, &mut wire);
    encoder.finish(&mut wire);
    let (again, rest) = decode_split(&wire, 0);
    assert_eq!(rest.as_deref(), Some(&b""[..]), "{text:?}");
    let with_end =
        if content.is_empty() || content.ends_with(b"\r\n") { text } else { format!("{text}\r\n") };
    assert_eq!(String::from_utf8_lossy(&again), with_end);
}

#[test]
fn dots_come_off_and_lines_are_mended() {
    let plain = |input: &str| {
        let (out, rest) = decode_split(input.as_bytes(), 0);
        assert!(rest.is_some(), "{input:?}");
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(plain("..a\r\n.b\r\n.\r\n"), ".a\r\nb\r\n");
    assert_eq!(plain("a\nb\r\n.\r\n"), "a\r\nb\r\n");
    assert_eq!(plain("a\rb\0c\r\n.\r\n"), "a b c\r\n");
    assert_eq!(plain(".\r\n"), "");
    assert_eq!(plain("a\n.\nb\r\n.\r\n"), "a\r\n.\r\nb\r\n");
}

#[test]
fn bdat_needs_no_dots_and_ends_its_last_line() {
    let chunks = |chunks: &[&str]| {
        let mut decoder = Decoder::for_bdat();
        let mut out = Vec::new();
        for chunk in chunks {
            assert!(!decoder.push(chunk.as_bytes(), &mut out).ended);
        }
        decoder.finish(&mut out);
        String::from_utf8(out).expect("UTF-8")
    };
    assert_eq!(chunks(&["a\r", "\n.\r\n", "b"]), "a\r\n.\r\nb\r\n");
    assert_eq!(chunks(&["a\n"]), "a\r\n");
    assert_eq!(chunks(&["a\r"]), "a \r\n");
    assert_eq!(chunks(&[""]), "");
    assert_eq!(chunks(&["\r\n", "\r\n"]), "\r\n\r\n");
}

proptest! {
    #[test]
    fn any_split_is_the_same(input in prop::collection::vec(prop::sample::select(b"\r\n.\0ab ".to_vec()), 0..40), cut in 0usize..40) {
        prop_assert_eq!(decode_split(&input, cut), decode_split(&input, 0));
    }

    #[test]
    fn encoded_is_decoded(lines in prop::collection::vec("[.a-z ]{0,5}", 0..8), cut in 0usize..30) {
        let content = lines.iter().map(|l| format!("{l}\r\n")).collect::<String>().into_bytes();
        let mut encoder = Encoder::default();
        let mut wire = Vec::new();
        let (first, second) = content.split_at(cut.min(content.len()));
        encoder.push(first, &mut wire);
        encoder.push(second, &mut wire);
        encoder.finish(&mut wire);
        prop_assert_eq!(decode_split(&wire, 0), (content, Some(Vec::new())));
    }
}
