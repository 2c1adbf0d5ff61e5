//! What is different, each with its transcript and line, and how much is equal.

use std::collections::BTreeMap;

use crate::compare::compare;
use crate::differences::Differences;
use crate::run::Played;
use crate::transcript::{Step, Transcript};

/// What all transcripts came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Transcripts that were played.
    pub transcripts: usize,
    /// Lines that are equal on both sides.
    pub equal: usize,
    /// Differences that are listed.
    pub listed: usize,
    /// What is wrong.
    pub findings: Vec<String>,
}

impl Report {
    /// Compares what was heard with what is recorded, and with the listed differences.
    pub fn of(transcripts: &[Transcript], played: &[Played], differences: &Differences) -> Self {
        let mut report = Self::default();
        let by_name: BTreeMap<&str, &Played> =
            played.iter().map(|p| (p.name.as_str(), p)).collect();
        for transcript in transcripts {
            report.transcripts += 1;
            let played = by_name[transcript.name.as_str()];
            match (&played.theirs, &played.ours) {
                (Ok(theirs), Ok(ours)) => report.compare(transcript, theirs, ours, differences),
                (theirs, ours) => {
                    let broke = [("theirs", theirs), ("ours", ours)];
                    let broke =
                        broke.iter().filter_map(|(side, it)| Some((side, it.as_ref().err()?)));
                    let lines = broke
                        .map(|(side, why)| format!("{}: {side} broke off: {why}", transcript.name));
                    report.findings.extend(lines);
                }
            }
        }
        report
    }

    fn compare(
        &mut self,
        transcript: &Transcript,
        theirs: &[Vec<String>],
        ours: &[Vec<String>],
        differences: &Differences,
    ) {
        let name = &transcript.name;
        let steps = transcript.steps();
        for (index, step) in steps.iter().enumerate() {
            let recorded: Vec<String> = step.heard.iter().map(|(_, line)| line.clone()).collect();
            for hunk in compare(&recorded, &theirs[index]).1 {
                let line = line_of(step, hunk.at);
                self.findings.push(shown(
                    &format!("{name}:{line}: the real one doesn't say what is recorded"),
                    ("recorded", &hunk.theirs),
                    ("now", &hunk.ours),
                ));
            }
            let (equal, hunks) = compare(&theirs[index], &ours[index]);
            self.equal += equal;
            for hunk in hunks {
                if differences.know(name, &hunk) {
                    self.listed += 1;
                    continue;
                }
                let line = line_of(step, hunk.at);
                self.findings.push(shown(
                    &format!("{name}:{line}: differs"),
                    ("theirs", &hunk.theirs),
                    ("ours", &hunk.ours),
                ));
            }
        }
        for (side, heard) in [("theirs", theirs), ("ours", ours)] {
            for line in heard.get(steps.len()).into_iter().flatten() {
                self.findings.push(format!("{name}: {side} said unasked: {line}"));
            }
        }
    }
}

/// The number of the line in the file.
fn line_of(step: &Step, at: usize) -> usize {
    step.heard.get(at).map_or(step.line + at, |(line, _)| *line)
}

fn shown(head: &str, first: (&str, &[String]), second: (&str, &[String])) -> String {
    let mut text = head.to_owned();
    for (who, lines) in [first, second] {
        if lines.is_empty() {
            text.push_str(&format!("\n    {who}: (nothing)"));
        }
        lines.iter().for_each(|line| text.push_str(&format!("\n    {who}: {line}")));
    }
    text
}
