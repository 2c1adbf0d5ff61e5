//! Words as roff wants them: escapes, fonts, and the little markup of our paragraphs.
//!
//! A paragraph may hold `words` between backquotes, which come out bold, and names of pages, as
//! `dovetail(1)`, whose name does. Everything else stands for itself.

/// After so many characters of one word a line may break behind the next `/`.
const BREAK_AT_SLASH: usize = 20;
/// After so many it may break anywhere: hardly a line of a page is narrower.
const BREAK_ANYWHERE: usize = 55;

/// A piece of a line in one font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span<'a> {
    /// As the text around it.
    Plain(&'a str),
    /// What is typed as it stands: names of keys, options, commands.
    Bold(&'a str),
    /// What something else is put in place of: `DIR`, `ID`.
    Italic(&'a str),
}

/// One line of roff text, that no macro is taken for.
pub(super) fn line(spans: &[Span<'_>]) -> String {
    let text: String = spans.iter().map(|span| one(*span)).collect();
    let text = text.trim();
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text.to_owned() }
}

fn one(span: Span<'_>) -> String {
    match span {
        Span::Plain("") | Span::Bold("") | Span::Italic("") => String::new(),
        Span::Plain(text) => escape(text, false),
        Span::Bold(text) => format!("\\fB{}\\fR", escape(text, true)),
        Span::Italic(text) => format!("\\fI{}\\fR", escape(text, true)),
    }
}

/// The pieces of a paragraph.
pub(super) fn spans(text: &str) -> Vec<Span<'_>> {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        // A backquote without another stands for itself.
        return vec![Span::Plain(text)];
    }
    let mut spans = Vec::new();
    for (number, piece) in pieces.into_iter().enumerate() {
        if number % 2 == 1 {
            spans.push(Span::Bold(piece));
        } else {
            pages(piece, &mut spans);
        }
    }
    spans
}

/// Finds names of manual pages in plain text.
fn pages<'a>(text: &'a str, spans: &mut Vec<Span<'a>>) {
    let mut rest = text;
    while let Some(open) = rest.find('(') {
        let (before, after) = rest.split_at(open);
        let end = before.trim_end_matches(is_page_letter).len();
        let (plain, name) = before.split_at(end);
        let mut section = after.chars().skip(1);
        let is_page = name.starts_with(|c: char| c.is_ascii_lowercase())
            && section.next().is_some_and(|c| ('1'..='8').contains(&c))
            && section.next() == Some(')');
        let (kept, next) = after.split_at(if is_page { "(1)".len() } else { 1 });
        if is_page {
            spans.extend([Span::Plain(plain), Span::Bold(name), Span::Plain(kept)]);
        } else {
            spans.extend([Span::Plain(before), Span::Plain(kept)]);
        }
        rest = next;
    }
    spans.push(Span::Plain(rest));
}

const fn is_page_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Every character as itself on any device. Literal text has straight quotes, so that it can be copied.
fn escape(text: &str, literal: bool) -> String {
    let (mut out, mut word) = (String::new(), 0);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\(rs"),
            '-' => out.push_str("\\-"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            '`' => out.push_str("\\(ga"),
            '\'' if literal => out.push_str("\\(aq"),
            '…' => out.push_str("..."),
            c if c.is_control() => out.push(' '),
            c if c.is_ascii() => out.push(c),
            c => out.push_str(&format!("\\[u{:04X}]", u32::from(c))),
        }
        word = if c == ' ' { 0 } else { word + 1 };
        if (c == '/' && word >= BREAK_AT_SLASH) || word >= BREAK_ANYWHERE {
            out.push_str("\\:");
            word = 0;
        }
    }
    out
}

/// An argument of a macro, quoted.
pub(super) fn argument(text: &str) -> String {
    format!("\"{}\"", escape(text, true).replace('"', "\\(dq"))
}

/// A line of an example, which isn't filled and may be empty.
pub(super) fn unfilled(text: &str) -> String {
    let text = escape(text, true).replace("\\:", "");
    if text.is_empty() || text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
