//! Plays a transcript on one side.

use crate::normal::{Normal, in_order};
use crate::side::{Domains, Side};
use crate::transcript::Transcript;
use crate::wire::{Filter, Talk};

/// What was heard, step by step, as both sides should say it; a further step at the end has what came
/// though nothing was asked.
pub fn play(
    transcript: &Transcript,
    side: &Side,
    domains: Domains,
    filter: Option<Filter<'_>>,
) -> Vec<Vec<String>> {
    side.place(transcript, domains);
    let there = |lines: &[String]| -> Vec<String> {
        lines.iter().map(|line| domains.there(line)).collect()
    };
    let steps = transcript.steps();
    let mut talks: [Option<Talk<'_>>; 2] = [None, None];
    let mut heard = Vec::new();
    for step in &steps {
        let talk = &mut talks[step.connection];
        let first = talk.is_none();
        let talk = talk.get_or_insert_with(|| Talk::new(side, transcript.on, filter));
        if first {
            let greeting = talk.greeting();
            if step.said.is_empty() && transcript.begin.is_empty() {
                heard.push(greeting);
                continue;
            }
            for line in transcript.begin.iter().filter(|line| *line != "greeting") {
                talk.ask(&there(std::slice::from_ref(line)), false);
            }
        }
        let silent = step.heard.first().is_some_and(|(_, line)| line == "<nothing>");
        heard.push(if step.said.is_empty() {
            talk.listen(step.awaited)
        } else {
            talk.ask(&there(&step.said), silent)
        });
    }
    heard.push(talks.iter_mut().flatten().flat_map(Talk::rest).collect());
    let mut normal = Normal::default();
    let places = side.places();
    let mut line = |line: &String| domains.back(&normal.line(transcript.on, line, &places));
    heard.iter().map(|lines| in_order(lines.iter().map(&mut line).collect())).collect()
}
