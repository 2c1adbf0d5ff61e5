//! FETCH and SEARCH over a wire, on a mailbox in memory that can go wrong.

use daemon::{Peer, Sessions, Stream};
use imap::command::{Command, Tagged};
use imap::response::Status;
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::*;
use crate::blocking::Kept;
use crate::fake::FakeMailbox;
use crate::opened::Opened;
use crate::wire::Patience;

/// Carries out FETCH or SEARCH commands one after the other; what was said, and how each ended.
async fn said(messages: &[(u32, &str)], commands: &[&str]) -> (String, Vec<Result<Status, Ended>>) {
    let opened = Opened::new(FakeMailbox::new(messages));
    let name = mailbox::MailboxName::inbox();
    let mut selected = Selected {
        name,
        opened: Kept::new(opened),
        read_only: false,
        points: Vec::new(),
        expunged: 0,
    };
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let second = std::time::Duration::from_secs(10);
    let patience = Patience { write: second, handshake: second };
    let seat = Sessions::default().enter("imap", &Peer::default()).unwrap();
    let mut wire = Wire::new(Stream::from(ours), patience, seat);
    let whose = Whose { user: "u".into(), client: "c".into() };
    let reader = tokio::spawn(async move {
        let mut heard = Vec::new();
        theirs.read_to_end(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    });
    let mut ends = Vec::new();
    for command in commands {
        let line = format!("{command}\r\n");
        let Tagged { tag, command } = imap::grammar::command(line.as_bytes()).unwrap();
        let asked = Asked::new(tag);
        let verdict = match command {
            Command::Fetch(fetch) => selected.fetch(&asked, fetch, &mut wire, &whose).await,
            Command::Search(search) => selected.search(&asked, search, &mut wire, &whose).await,
            _ => panic!("neither FETCH nor SEARCH"),
        };
        if let Ok(verdict) = &verdict {
            wire.out.extend_from_slice(&verdict.line);
        }
        ends.push(verdict.map(|verdict| verdict.status));
    }
    wire.flush().await.unwrap();
    drop(wire);
    (reader.await.unwrap(), ends)
}

#[tokio::test]
async fn a_panic_costs_one_reply() {
    let mail = [(1, "A: b\r\n\r\nx"), (2, "panic\r\n"), (3, "C: d\r\n\r\ny")];
    let commands = ["a FETCH 2 BODYSTRUCTURE", "b SEARCH BODY x", "c UID FETCH 3 BODY.PEEK[]"];
    let (heard, ends) = said(&mail, &commands).await;
    assert_eq!(ends, [Ok(Status::No), Ok(Status::No), Ok(Status::Ok)]);
    assert!(heard.starts_with("a NO [SERVERBUG] Internal error"), "{heard}");
    assert!(heard.contains("* 3 FETCH (UID 3 BODY[] {9}\r\nC: d\r\n\r\ny)\r\nc OK"), "{heard}");
}

#[tokio::test]
async fn a_literal_that_breaks_off_ends_the_connection() {
    let broken = format!("broken\r\n{}", "x".repeat(5000));
    let (_, ends) = said(&[(1, &broken)], &["a FETCH 1 BODY.PEEK[]"]).await;
    assert_eq!(ends, [Err(Ended::Broken)]);
    // Before a literal is announced, it is just a failure.
    let (heard, ends) = said(&[(1, &broken)], &["a FETCH 1 (UID BODYSTRUCTURE)"]).await;
    assert_eq!(ends, [Ok(Status::No)]);
    assert!(heard.starts_with("* 1 FETCH (UID 1)\r\na NO [SERVERBUG]"), "{heard}");
}

#[tokio::test]
async fn what_is_gone_is_nil_or_left_out() {
    let mail = [(1, "gone"), (2, "A: b\r\n\r\nx")];
    let commands = ["a FETCH 1:2 (RFC822.SIZE BODY.PEEK[TEXT])", "b FETCH 1 ENVELOPE"];
    let (heard, ends) = said(&mail, &commands).await;
    assert_eq!(ends, [Ok(Status::Ok), Ok(Status::Ok)]);
    let wanted = "* 1 FETCH (BODY[TEXT] NIL)\r\n* 2 FETCH (RFC822.SIZE 9 BODY[TEXT] {1}\r\nx)\r\n\
        a OK [EXPUNGEISSUED] Some messages were already expunged";
    assert!(heard.starts_with(wanted), "{heard}");
    assert!(heard.contains("\r\nb OK [EXPUNGEISSUED]"), "{heard}");
}

#[tokio::test]
async fn a_header_longer_than_what_is_kept_still_has_its_end() {
    let long = format!("Subject: x\r\nX: {}\r\n\r\nbody", "y\r\n ".repeat(300_000));
    let command =
        "a FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[HEADER.FIELDS (SUBJECT)])";
    let (heard, ends) = said(&[(1, &long)], &[command]).await;
    assert_eq!(ends, [Ok(Status::Ok)]);
    let header = long.len() - "body".len();
    assert!(
        heard.starts_with(&format!("* 1 FETCH (BODY[HEADER] {{{header}}}\r\nSubject: x\r\nX:"))
    );
    assert!(heard.contains(" BODY[TEXT] {4}\r\nbody BODY[HEADER.FIELDS (SUBJECT)] {12}\r\nSubj"));
}

#[tokio::test]
async fn uids_and_numbers_are_told_apart() {
    let mail = [(3, "A: b\r\n\r\n"), (7, "A: b\r\n\r\n"), (9, "A: b\r\n\r\n")];
    let commands =
        ["a UID FETCH 4:8 (FLAGS)", "b FETCH 2 (UID)", "c UID FETCH 100:* UID", "d FETCH *,1 UID"];
    let (heard, _) = said(&mail, &commands).await;
    let told: Vec<&str> = heard.lines().filter(|line| line.starts_with('*')).collect();
    assert_eq!(
        told,
        [
            "* 2 FETCH (UID 7 FLAGS ())",
            "* 2 FETCH (UID 7)",
            "* 3 FETCH (UID 9)",
            "* 1 FETCH (UID 3)",
            "* 3 FETCH (UID 9)",
        ]
    );
}
