//! Every transcript against both sides.

use std::fs;

use differential::differences::Differences;
use differential::folder;
use differential::report::Report;
use differential::run::play_all;
use differential::transcript::Transcript;

/// Set, it has what the real ones say written into the transcripts: `DOVETAIL_RECORD=1`. The change is
/// then read before it is committed.
const RECORD: &str = "DOVETAIL_RECORD";
/// Set, only transcripts whose names hold it are played.
const ONLY: &str = "DOVETAIL_ONLY";

#[test]
fn ours_answers_as_the_real_ones_do() {
    let only = std::env::var(ONLY).unwrap_or_default();
    let mut transcripts = Transcript::all(&folder().join("transcripts"));
    transcripts.retain(|transcript| transcript.name.contains(&only));
    let differences =
        Differences::parse(&fs::read_to_string(folder().join("differences")).unwrap());
    let played = play_all(&transcripts);
    if std::env::var_os(RECORD).is_some() {
        for (transcript, played) in transcripts.iter().zip(&played) {
            match &played.theirs {
                Ok(theirs) => transcript.record(theirs),
                Err(why) => println!("{}: not recorded: {why}", transcript.name),
            }
        }
        transcripts = Transcript::all(&folder().join("transcripts"));
        transcripts.retain(|transcript| transcript.name.contains(&only));
    }
    let mut report = Report::of(&transcripts, &played, &differences);
    if only.is_empty() {
        report.findings.extend(differences.gone());
    }
    println!(
        "{} transcripts: {} lines equal, {} differences listed by {} rules, {} findings",
        report.transcripts,
        report.equal,
        report.listed,
        differences.count(),
        report.findings.len()
    );
    assert!(report.findings.is_empty(), "\n{}", report.findings.join("\n"));
}
