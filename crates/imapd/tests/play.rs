//! Plays the dialogues: `C:` lines are sent, `S:` lines are awaited, on as many connections as there
//! are names (`C:` and `S:`, `C2:` and `S2:` …), each made when it is first spoken of.
//!
//! `…` in an `S:` line stands for any text; a `C:` line that ends in `<->` is sent without its CRLF;
//! `S: <closed>` awaits the end. `! deliver TEXT` puts a message with that subject and body into the
//! user's INBOX, `! log in` logs the connections made so far in, and those to come.

use std::collections::BTreeMap;

use support::Line;
use support::dialogue::matches;

use crate::stage::Stage;

/// Plays a dialogue; the user is `alice`.
pub(crate) fn play(stage: &Stage, transcript: &str) {
    let mut player = Player { stage, lines: BTreeMap::new(), logged_in: false };
    for (number, text) in transcript.lines().enumerate() {
        player.step(number + 1, text);
    }
}

struct Player<'a> {
    stage: &'a Stage,
    lines: BTreeMap<String, Line>,
    logged_in: bool,
}

impl Player<'_> {
    fn step(&mut self, number: usize, text: &str) {
        if text.trim().is_empty() || text.starts_with('#') {
            return;
        }
        if let Some(subject) = text.strip_prefix("! deliver ") {
            let message = format!("From: a@b.test\nSubject: {subject}\n\n{subject}\n");
            return self.stage.deliver("alice", message.as_bytes());
        }
        if text == "! log in" {
            self.logged_in = true;
            return;
        }
        let (who, said) = text.split_once(':').unwrap_or_else(|| panic!("line {number}: {text}"));
        let said = said.strip_prefix(' ').unwrap_or(said);
        let (side, name) = who.split_at(1);
        let line = self.lines.entry(name.to_owned()).or_insert_with(|| match self.logged_in {
            true => self.stage.log_in("alice"),
            false => self.stage.connect(),
        });
        match side {
            "C" => {
                let (text, end) = match said.strip_suffix("<->") {
                    Some(open) => (open, ""),
                    None => (said, "\r\n"),
                };
                line.send(format!("{text}{end}").as_bytes());
            }
            "S" => {
                let heard = line.hear();
                let good = match &heard {
                    None => said == "<closed>",
                    Some(heard) => matches(said, heard),
                };
                assert!(
                    good,
                    "line {number}: wanted\n   {said}\nbut heard\n   {heard:?}\nin\n{}",
                    line.said()
                );
            }
            _ => panic!("line {number}: {text}"),
        }
    }
}
