//! Planted faults are found: a filter between ours and the harness spoils one reply, and exactly that is
//! reported, with its transcript and its line.
//!
//! What the real ones say is taken from the transcripts here: only ours is started.

use std::fs;
use std::path::Path;

use differential::differences::Differences;
use differential::folder;
use differential::report::Report;
use differential::run::play_ours;
use differential::transcript::Transcript;
use differential::wire::Filter;

/// What is found in these transcripts when ours is spoilt so.
fn findings(names: &[&str], filter: Filter<'_>) -> Vec<String> {
    let root = folder().join("transcripts");
    let read = |name: &&str| Transcript::read(&root.join(format!("{name}.txt")), name);
    let transcripts: Vec<Transcript> = names.iter().map(read).collect();
    let played = play_ours(&transcripts, Some(filter));
    let listed = fs::read_to_string(folder().join("differences")).unwrap();
    Report::of(&transcripts, &played, &Differences::parse(&listed)).findings
}

/// The number of the line in a transcript that reads so.
fn line_of(name: &str, text: &str) -> usize {
    let path = folder().join("transcripts").join(name).with_extension("txt");
    let at = |path: &Path| {
        let all = fs::read_to_string(path).unwrap();
        all.lines().position(|line| line == text)
    };
    at(&path).unwrap_or_else(|| panic!("{name} has no line {text}")) + 1
}

/// A filter that puts one text in another's place, in lines.
fn replacing(from: &'static str, to: &'static str) -> impl Fn(&[u8]) -> Option<Vec<u8>> + Sync {
    move |line: &[u8]| {
        let text = String::from_utf8_lossy(line);
        Some(if text.contains(from) { text.replace(from, to).into_bytes() } else { line.to_vec() })
    }
}

const SOUND: [&str; 5] =
    ["smtp/order", "submission/plain", "lmtp/two-recipients", "imap/login", "auth/plain"];

#[test]
fn nothing_is_found_where_nothing_is_planted() {
    let found = findings(&SOUND, &|line: &[u8]| Some(line.to_vec()));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_wrong_enhanced_code() {
    let found = findings(&SOUND, &replacing("550 5.1.1 <nobody", "550 5.1.0 <nobody"));
    let line = line_of(
        "lmtp/two-recipients",
        "S: 550 5.1.1 <nobody@example.test> User doesn't exist: nobody@example.test",
    );
    assert_eq!(
        found,
        [format!(
            "lmtp/two-recipients:{line}: differs\
             \n    theirs: 550 5.1.1 <nobody@example.test> User doesn't exist: nobody@example.test\
             \n    ours: 550 5.1.0 <nobody@example.test> User doesn't exist: nobody@example.test"
        )]
    );
}

#[test]
fn a_missing_capability_in_a_word_and_in_a_line() {
    let names = ["imap/login", "smtp/greeting"];
    let found = findings(&names, &|line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        let whole = !text.starts_with("250-PIPELINING");
        whole.then(|| text.replace(" UIDPLUS", "").into_bytes())
    });
    let starts: Vec<&str> = found.iter().map(|text| text.lines().next().unwrap()).collect();
    let line = line_of("smtp/greeting", "S: 250-PIPELINING");
    // Once after LOGIN, once in CAPABILITY's own response.
    assert_eq!(starts.len(), 3, "{}", found.join("\n"));
    assert!(starts[0].starts_with("imap/login:") && starts[1].starts_with("imap/login:"));
    assert_eq!(starts[2], format!("smtp/greeting:{line}: differs"));
    assert!(found[2].ends_with("theirs: 250-PIPELINING\n    ours: (nothing)"), "{}", found[2]);
}

#[test]
fn an_extra_space() {
    let found = findings(&["imap/store"], &replacing("OK Store completed", "OK  Store completed"));
    assert!(found.len() > 5, "{}", found.join("\n"));
    let line = line_of("imap/store", "S: c OK Store completed.");
    assert_eq!(
        found[0],
        format!(
            "imap/store:{line}: differs\n    theirs: c OK Store completed.\n    ours: c OK  Store completed."
        )
    );
}

#[test]
fn a_bare_line_feed_and_a_reply_too_many() {
    let found = findings(
        &["smtp/order"],
        &replacing(
            "503 5.5.1 Error: need MAIL command\r\n",
            "503 5.5.1 Error: need MAIL command\n",
        ),
    );
    assert!(found[0].contains("need MAIL command<LF>"), "{}", found.join("\n"));
    let found = findings(
        &["submission/plain"],
        &replacing(
            "235 2.7.0 Authentication successful\r\n",
            "235 2.7.0 Authentication successful\r\n250 2.0.0 Ok\r\n",
        ),
    );
    assert!(found[0].contains("<x0D><x0A>250 2.0.0 Ok"), "{}", found.join("\n"));
}
