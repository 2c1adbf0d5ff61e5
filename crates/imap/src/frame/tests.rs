//! Framing: any split into packets is the same, and what is skipped is skipped to exactly its end.

use super::*;
use proptest::prelude::*;

const SMALL: Limits = Limits { command: 60, skip: 200 };

/// What one said, in words; an accepted message is gathered.
fn told(framer: &mut Framer, pieces: &[&[u8]], accept: bool) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let mut message = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = framer.next(&mut input) {
            match event {
                Event::Command(octets) => said.push(format!("command {}", text(&octets))),
                Event::Append(head) => {
                    said.push(format!("append {}", text(&head.octets)));
                    if accept {
                        said.push(format!("accepted, waits: {}", framer.accept()));
                    } else {
                        said.push(format!("{:?}", framer.refuse()));
                    }
                }
                Event::Literal(octets) => {
                    assert!(!octets.is_empty());
                    message.extend_from_slice(octets);
                }
                Event::AppendEnd { clean } => {
                    said.push(format!("message {}, clean: {clean}", text(&message)));
                    message.clear();
                }
                Event::Line(octets) => said.push(format!("line {}", text(&octets))),
                other => said.push(format!("{other:?}")),
            }
        }
        assert!(input.is_empty(), "all is taken when nothing is told");
        assert!(framer.held.len() <= framer.limits.command + 2, "what is held is bounded");
    }
    said
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).replace("\r\n", "|")
}

fn once(limits: Limits, input: &str, accept: bool) -> Vec<String> {
    told(&mut Framer::new(limits), &[input.as_bytes()], accept)
}

#[test]
fn lines_and_literals() {
    let input = "a NOOP\r\nb NOOP\nc LOGIN {5+}\r\nalice {2}\r\n\r\n\r\nd NOOP\r\n";
    assert_eq!(
        once(SMALL, input, true),
        [
            "command a NOOP|",
            "command b NOOP|",
            "Continue",
            "command c LOGIN {5+}|alice {2}|||",
            "command d NOOP|"
        ]
    );
}

#[test]
fn a_message_streams() {
    let input = "a APPEND {1+}\r\nx (\\Seen) {12}\r\nb NOOP\r\nabcd\r\nc NOOP\r\n";
    assert_eq!(
        once(SMALL, input, true),
        [
            "append a APPEND {1+}|x (\\Seen) {12}|",
            "accepted, waits: true",
            "message b NOOP|abcd, clean: true",
            "command c NOOP|"
        ]
    );
    assert_eq!(
        once(SMALL, "a append x {0+}\r\n\r\n", true),
        ["append a append x {0+}|", "accepted, waits: false", "message , clean: true"]
    );
}

#[test]
fn a_message_is_not_held() {
    let mut framer = Framer::new(SMALL);
    let mut input = &b"a APPEND x {4294967295+}\r\n"[..];
    assert!(matches!(framer.next(&mut input), Some(Event::Append(_))));
    assert!(!framer.accept());
    let piece = [b'x'; 4096];
    for _ in 0..100 {
        let mut input = &piece[..];
        assert!(matches!(framer.next(&mut input), Some(Event::Literal(all)) if all.len() == 4096));
        assert!(framer.held.is_empty() && framer.held.capacity() < 100);
    }
}

#[test]
fn a_refused_message_is_passed_over_to_its_end() {
    assert_eq!(
        once(SMALL, "a APPEND x {8+}\r\nb NOOP\r\n\r\nc NOOP\r\n", false),
        ["append a APPEND x {8+}|", "Skip", "Skipped", "command c NOOP|"]
    );
    assert_eq!(
        once(SMALL, "a APPEND x {8}\r\nc NOOP\r\n", false),
        ["append a APPEND x {8}|", "Answer", "command c NOOP|"]
    );
    assert_eq!(
        once(SMALL, "a APPEND x {4294967296+}\r\nc NOOP\r\n", false),
        ["append a APPEND x {4294967296+}|", "Close"]
    );
}

#[test]
fn what_stands_behind_a_message() {
    assert_eq!(
        once(SMALL, "a APPEND x {1+}\r\nxyz\r\nc NOOP\r\n", true).get(2..),
        Some(&["message x, clean: false".to_owned(), "command c NOOP|".to_owned()][..])
    );
    // RFC 3502's second message is passed over, and so is what a third would be.
    let input = "a APPEND x {1+}\r\nx (\\Seen) {8+}\r\nb NOOP\r\n {3+}\r\nabc\r\nc NOOP\r\n";
    assert_eq!(
        once(SMALL, input, true).get(2..),
        Some(&["message x, clean: false".to_owned(), "command c NOOP|".to_owned()][..])
    );
    assert_eq!(
        once(SMALL, "a APPEND x {1+}\r\nx {8}\r\nc NOOP\r\n", true).last().map(String::as_str),
        Some("command c NOOP|")
    );
}

#[test]
fn too_long_and_too_big() {
    let long = "x".repeat(100);
    assert_eq!(
        once(SMALL, &format!("a FOO {long} {{8+}}\r\nb NOOP\r\n {{3}}\r\nc NOOP\r\n"), true),
        ["Rejected(Some(a), TooLong)", "command c NOOP|"]
    );
    assert_eq!(
        once(SMALL, &format!("{long} FOO\r\nc NOOP\r\n"), true),
        ["Rejected(None, TooLong)", "command c NOOP|"]
    );
    assert_eq!(
        once(SMALL, "a LOGIN {4294967296}\r\nc NOOP\r\n", true),
        ["Rejected(Some(a), LiteralTooBig)", "command c NOOP|"]
    );
    assert_eq!(
        once(SMALL, &format!("a LOGIN {{100+}}\r\n{long} x\r\nc NOOP\r\n"), true),
        ["Rejected(Some(a), LiteralTooBig)", "command c NOOP|"]
    );
    assert_eq!(once(SMALL, "a LOGIN {4294967296+}\r\nc NOOP\r\n", true), ["Close(LiteralTooBig)"]);
    assert_eq!(once(SMALL, &"x".repeat(1000), true), ["Close(TooLong)"]);
    assert_eq!(
        once(SMALL, &format!("a FOO {long} {{300+}}\r\nc NOOP\r\n"), true),
        ["Close(LiteralTooBig)"]
    );
}

#[test]
fn lines_asked_for() {
    let mut framer = Framer::new(SMALL);
    assert!(framer.is_between_commands());
    framer.expect_line();
    assert_eq!(
        told(&mut framer, &[b"DO", b"NE\r\na NOOP\r\n"], true),
        ["line DONE", "command a NOOP|"]
    );
    framer.expect_line();
    let long = format!("{} {{5+}}\r\na NOOP\r\n", "x".repeat(100));
    assert_eq!(told(&mut framer, &[long.as_bytes()], true), ["LineTooLong", "command a NOOP|"]);
    framer.expect_line();
    assert_eq!(told(&mut framer, &["x".repeat(300).as_bytes()], true), ["Close(TooLong)"]);
}

/// Streams made of pieces that mean something.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("a NOOP\r\n".to_owned()),
        Just("b APPEND x {5+}\r\n".to_owned()),
        Just("b APPEND {1+}\r\nx (\\Seen) {5}\r\n".to_owned()),
        Just("c LOGIN {5+}\r\n".to_owned()),
        Just("hello".to_owned()),
        Just("\r\n".to_owned()),
        Just("\n".to_owned()),
        Just("\"q {3+}".to_owned()),
        (0_u64..90).prop_map(|n| format!("d X {{{n}+}}\r\n")),
        (0_u64..90).prop_map(|n| format!(" {{{n}}}\r\n")),
        "[ -~]{0,70}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn packets_do_not_matter(
        stream in stream(),
        cuts in prop::collection::vec(1_usize..40, 0..20),
        accept in any::<bool>(),
    ) {
        let whole = told(&mut Framer::new(SMALL), &[&stream], accept);
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        prop_assert_eq!(&told(&mut Framer::new(SMALL), &single, accept), &whole);
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        prop_assert_eq!(&told(&mut Framer::new(SMALL), &pieces, accept), &whole);
    }

    #[test]
    fn any_octets(stream in prop::collection::vec(any::<u8>(), 0..300)) {
        told(&mut Framer::new(SMALL), &[&stream], true);
    }
}
