//! What clients send, and what is read from it or answered: the dialogues in `dialogues/`.
//!
//! `C:` lines are the client's, each ended by CRLF. `=` lines tell what was read, as `Debug` shows
//! it; `S:` lines are what framing and grammar alone make the server say. A message of APPEND is
//! accepted if its head can be read, and counted. Every dialogue is played whole, octet by octet,
//! and cut at random.

use imap::frame::{Event, Framer, Limits};
use imap::grammar::{self, BadCommand};
use imap::response::{self, Status};
use proptest::prelude::*;

const DIALOGUES: [(&str, &str); 6] = [
    ("any", include_str!("dialogues/any.txt")),
    ("append", include_str!("dialogues/append.txt")),
    ("fetch", include_str!("dialogues/fetch.txt")),
    ("login", include_str!("dialogues/login.txt")),
    ("mailboxes", include_str!("dialogues/mailboxes.txt")),
    ("search", include_str!("dialogues/search.txt")),
];

/// What the daemon would set.
const MAX_MESSAGE: u64 = 1 << 20;

/// The client's octets, and the lines expected.
fn script(text: &str) -> (Vec<u8>, Vec<&str>) {
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for line in text.lines() {
        match line.split_at_checked(3).map_or((line, ""), |(mark, rest)| (mark, rest)) {
            ("C: ", rest) => sent.extend_from_slice(&[rest.as_bytes(), b"\r\n"].concat()),
            ("C:", _) => sent.extend_from_slice(b"\r\n"),
            _ if line.is_empty() || line.starts_with('#') => {}
            _ => expected.push(line),
        }
    }
    (sent, expected)
}

/// What is read and said when the octets come in these pieces.
fn play(pieces: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new(Limits::AFTER_LOGIN);
    let mut lines = Vec::new();
    let mut octets = 0;
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = framer.next(&mut input) {
            match event {
                Event::Command(octets) => match grammar::command(&octets) {
                    Ok(read) => lines.push(readable(&format!("= {} {:?}", read.tag, read.command))),
                    Err(bad) => lines.push(refused(&bad)),
                },
                Event::Append(head) if head.literal.octets > MAX_MESSAGE => {
                    lines.push(format!("= too big: {:?}", framer.refuse()));
                }
                Event::Append(head) => match grammar::append(&head.octets) {
                    Ok(read) => {
                        lines.push(readable(&format!("= {read:?}")));
                        if framer.accept() {
                            lines.push("S: + OK".to_owned());
                        }
                    }
                    Err(bad) => {
                        lines.push(refused(&bad));
                        let _ = framer.refuse();
                    }
                },
                Event::Literal(piece) => octets += piece.len(),
                Event::AppendEnd { clean } => {
                    lines.push(format!("= {octets} octets, clean: {clean}"));
                    octets = 0;
                }
                Event::Continue => lines.push("S: + OK".to_owned()),
                Event::Skipped => lines.push("= skipped".to_owned()),
                other => lines.push(format!("= {other:?}")),
            }
        }
    }
    lines
}

/// Shows lists of printable octets as text.
fn readable(debug: &str) -> String {
    let mut out = String::new();
    let mut rest = debug;
    while let Some((before, after)) = rest.split_once('[') {
        out.push_str(before);
        let Some((inside, tail)) = after.split_once(']') else { break };
        let octets: Result<Vec<u8>, _> = inside.split(", ").map(str::parse).collect();
        match octets {
            Ok(octets) if octets.iter().all(|b| *b >= b' ') => {
                out.push_str(&format!("{:?}", String::from_utf8_lossy(&octets)));
                rest = tail;
            }
            _ => {
                out.push('[');
                rest = after;
            }
        }
    }
    out + rest
}

fn refused(bad: &BadCommand) -> String {
    let (mut out, text) = (Vec::new(), bad.to_string());
    match &bad.tag {
        Some(tag) => response::tagged(&mut out, tag, bad.status(), bad.code().as_ref(), &text),
        None => response::untagged(&mut out, Status::Bad, None, &text),
    }
    format!("S: {}", String::from_utf8_lossy(&out).trim_end())
}

#[test]
fn dialogues() {
    for (name, text) in DIALOGUES {
        let (sent, expected) = script(text);
        let told = play(&[&sent]);
        for (place, line) in expected.iter().enumerate() {
            assert_eq!(told.get(place).map(String::as_str), Some(*line), "{name}");
        }
        assert_eq!(told.len(), expected.len(), "{name}: {:?}", told.last());
        let single: Vec<&[u8]> = sent.chunks(1).collect();
        assert_eq!(play(&single), told, "{name}, octet by octet");
    }
}

proptest! {
    #[test]
    fn dialogues_in_random_packets(
        which in 0..DIALOGUES.len(), cuts in prop::collection::vec(1_usize..200, 1..60),
    ) {
        let (sent, expected) = script(DIALOGUES[which].1);
        let mut rest = &sent[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        prop_assert_eq!(play(&pieces), expected);
    }
}
