//! Pages of commands, from the command line's definition: `dovetail.1`, and one a command, with its
//! sub-commands in it.

use clap::{Arg, Command};
use daemon::{Page, Roff, Span};

use super::texts;
use crate::exit::CODES;
use crate::files::{self, KNOWN};

/// A name, or a piece of a command line, with its fonts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Bold(String),
    Italic(String),
}

impl Piece {
    fn span(&self) -> Span<'_> {
        match self {
            Self::Plain(text) => Span::Plain(text),
            Self::Bold(text) => Span::Bold(text),
            Self::Italic(text) => Span::Italic(text),
        }
    }
}

fn spans(pieces: &[Piece]) -> Vec<Span<'_>> {
    pieces.iter().map(Piece::span).collect()
}

/// The pages of a command and of its sub-commands, hidden ones left out.
pub(super) fn pages(mut command: Command) -> Vec<Page> {
    command.build();
    let mut pages = vec![overview(&command)];
    pages.extend(shown(&command).map(|sub| page(command.get_name(), sub)));
    pages
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|sub| !sub.is_hide_set())
}

/// What a command takes of its own; what all take is told in the overview.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_everywhere(arg))
}

fn is_everywhere(arg: &Arg) -> bool {
    arg.is_global_set() || matches!(arg.get_id().as_str(), "help" | "version")
}

fn overview(command: &Command) -> Page {
    let name = command.get_name();
    let mut page = Roff::new(name, 1, texts::OVERVIEW_SUMMARY);
    page.section("SYNOPSIS");
    let words =
        [Span::Italic("COMMAND"), Span::Plain(" ["), Span::Italic("ARGUMENT"), Span::Plain("...]")];
    let everywhere = command.get_arguments().filter(|arg| arg.is_global_set());
    let options: Vec<Piece> = everywhere.flat_map(usage).collect();
    let spans: Vec<Span<'_>> = options.iter().map(Piece::span).chain(words).collect();
    page.synopsis(&[(name, spans)]);
    page.section("DESCRIPTION");
    texts::OVERVIEW.description.iter().for_each(|text| page.paragraph(text));
    page.section("COMMANDS");
    for sub in shown(command) {
        let tag = format!("{name}-{}", sub.get_name());
        page.entry(&[Span::Bold(&tag), Span::Plain("(1)")], &about(sub));
    }
    page.section("OPTIONS");
    page.paragraph("Every command takes these, before its name or behind it.");
    command.get_arguments().filter(|arg| is_everywhere(arg)).for_each(|arg| option(&mut page, arg));
    page.section("FILES");
    for (path, what) in texts::OVERVIEW_FILES {
        page.entry(&[Span::Bold(path)], what);
    }
    exit_status(&mut page, &[]);
    examples(&mut page, texts::OVERVIEW.examples);
    let mut see: Vec<String> =
        KNOWN.iter().map(|daemon| format!("dovetail-{}(8)", daemon.name)).collect();
    see.extend(
        files::specs().iter().map(|spec| format!("{}(5)", daemon::file_page_name(spec.name))),
    );
    page.see_also(&see);
    page.finish()
}

/// The page of a command.
fn page(root: &str, command: &Command) -> Page {
    let text = texts::of(command.get_name());
    let mut page =
        Roff::new(&format!("{root}-{}", command.get_name()), 1, &uncapitalized(&about(command)));
    page.section("SYNOPSIS");
    let mut lines = Vec::new();
    synopses(&mut lines, &format!("{root} {}", command.get_name()), command);
    let lines: Vec<(&str, Vec<Span<'_>>)> =
        lines.iter().map(|(path, pieces)| (path.as_str(), spans(pieces))).collect();
    page.synopsis(&lines);
    page.section("DESCRIPTION");
    match text {
        Some(text) => text.description.iter().for_each(|text| page.paragraph(text)),
        None => page.paragraph(&about(command)),
    }
    if shown(command).next().is_some() {
        page.section("COMMANDS");
        shown(command).for_each(|sub| nested(&mut page, "", sub));
    }
    page.section("OPTIONS");
    own(command).for_each(|arg| option(&mut page, arg));
    page.paragraph(
        "`--config DIR`, `--json` and `--help` are those of every command: dovetail(1).",
    );
    exit_status(&mut page, text.map_or(&[], |text| text.exits));
    examples(&mut page, text.map_or(&[], |text| text.examples));
    let see = text.map_or(&[][..], |text| text.see_also).iter().map(|page| (*page).to_owned());
    page.see_also(&see.chain([format!("{root}(1)")]).collect::<Vec<_>>());
    page.finish()
}

/// A line for the command itself, where it does something without a sub-command, and one for each of those.
fn synopses(lines: &mut Vec<(String, Vec<Piece>)>, path: &str, command: &Command) {
    if !command.is_subcommand_required_set() {
        lines.push((path.to_owned(), own(command).flat_map(usage).collect()));
    }
    for sub in shown(command) {
        synopses(lines, &format!("{path} {}", sub.get_name()), sub);
    }
}

/// A sub-command with its options, and those below it.
fn nested(page: &mut Roff, path: &str, command: &Command) {
    let name = format!("{path}{}", command.get_name());
    let mut pieces = vec![Piece::Bold(name.clone()), Piece::Plain(" ".to_owned())];
    pieces.extend(own(command).filter(|arg| arg.is_positional()).flat_map(usage));
    page.entry(&spans(&pieces), &about(command));
    if own(command).next().is_some() {
        page.indent();
        own(command).for_each(|arg| option(page, arg));
        page.outdent();
    }
    shown(command).for_each(|sub| nested(page, &format!("{name} "), sub));
}

/// An option, or an argument, as a synopsis has it.
fn usage(arg: &Arg) -> Vec<Piece> {
    let mut pieces = names(arg, "|");
    if !arg.is_required_set() {
        pieces.insert(0, Piece::Plain("[".to_owned()));
        pieces.push(Piece::Plain("]".to_owned()));
    }
    pieces.push(Piece::Plain(" ".to_owned()));
    pieces
}

/// Its names with its value: `-t, --test STORED`, `NAME...`.
fn names(arg: &Arg, between: &str) -> Vec<Piece> {
    let short = arg.get_short().map(|letter| format!("-{letter}"));
    let long = arg.get_long().map(|word| format!("--{word}"));
    let mut pieces = Vec::new();
    for name in short.into_iter().chain(long) {
        if !pieces.is_empty() {
            pieces.push(Piece::Plain(between.to_owned()));
        }
        pieces.push(Piece::Bold(name));
    }
    if arg.get_action().takes_values() {
        if !pieces.is_empty() {
            pieces.push(Piece::Plain(" ".to_owned()));
        }
        pieces.push(Piece::Italic(value_name(arg)));
    }
    if arg.get_num_args().is_some_and(|range| range.max_values() > 1) {
        pieces.push(Piece::Plain("...".to_owned()));
    }
    pieces
}

fn value_name(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string);
    let names: Vec<String> = names.collect();
    if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names.join(" ") }
}

fn option(page: &mut Roff, arg: &Arg) {
    let help = arg.get_long_help().or_else(|| arg.get_help()).map(ToString::to_string);
    let help = help.unwrap_or_default();
    // A default that the code finds out is told in the help.
    let told = help.strip_suffix(']').and_then(|help| help.split_once("[default: "));
    let (what, told) =
        told.map_or((help.as_str(), None), |(what, told)| (what.trim_end(), Some(told)));
    let mut sentences = vec![sentence(what)];
    if arg.get_action().takes_values() {
        let words = arg.get_possible_values();
        let words: Vec<String> =
            words.iter().map(|word| format!("`{}`", word.get_name())).collect();
        if !words.is_empty() {
            sentences.push(format!("One of {}.", words.join(", ")));
        }
        let given = arg.get_default_values().iter();
        sentences.extend(given.map(|default| format!("Default: {}.", default.to_string_lossy())));
    }
    sentences.extend(told.map(|told| format!("Default: {told}.")));
    sentences.retain(|sentence| !sentence.is_empty());
    page.entry(&spans(&names(arg, ", ")), &sentences.join(" "));
}

/// What a command does, as a sentence.
fn about(command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about());
    sentence(&about.map(ToString::to_string).unwrap_or_default().replace('\n', " "))
}

/// clap takes the stop from a doc comment's end.
fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with(['.', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// The other way round, for NAME.
fn uncapitalized(sentence: &str) -> String {
    let mut letters = sentence.trim_end_matches('.').chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

fn exit_status(page: &mut Roff, own: &[(u8, &str)]) {
    page.section("EXIT STATUS");
    for (code, what) in if own.is_empty() { CODES } else { own } {
        page.entry(&[Span::Bold(&code.to_string())], what);
    }
    if !own.is_empty() {
        page.paragraph("dovetail(1) has those that every command shares.");
    }
}

fn examples(page: &mut Roff, examples: &[(&str, &str)]) {
    if examples.is_empty() {
        return;
    }
    page.section("EXAMPLES");
    for (text, lines) in examples {
        page.paragraph(text);
        page.example(lines);
    }
}
