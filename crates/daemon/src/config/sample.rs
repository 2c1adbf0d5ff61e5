//! The commented sample file that comes with the program, made from the keys' definitions.

use super::key::{FileSpec, Key, Kind};
use super::units::{print_duration, print_size};

/// Lines are folded at this width.
const WIDTH: usize = 92;

/// The sample of a file: every key with its paragraph, kind and default, commented out, so that it
/// loads to the defaults. Required keys come with a placeholder that must be replaced.
#[must_use]
pub fn sample(spec: &FileSpec) -> String {
    let mut out = String::new();
    comment(&mut out, &format!("{}.toml: {}", spec.name, spec.doc));
    // TOML: a file's own keys come before its tables.
    let (tables, plain): (Vec<&Key>, Vec<&Key>) =
        spec.keys.iter().partition(|key| is_table(key.kind));
    for key in plain {
        out.push('\n');
        value(&mut out, key);
    }
    for key in tables {
        out.push('\n');
        table(&mut out, key, "");
    }
    out
}

pub(crate) fn is_table(kind: Kind) -> bool {
    matches!(kind, Kind::Map(_) | Kind::Table(_) | Kind::Tables(_))
}

fn value(out: &mut String, key: &Key) {
    let restart = if key.restart { "; a change needs a restart" } else { "" };
    comment(out, &format!("{} ({}{restart})", key.doc, describe(key.kind)));
    let shown = match key.default {
        Some(default) => default.to_owned(),
        None if key.required => format!("{}    # must be set", placeholder(key.kind)),
        None => format!("{}    # not set", placeholder(key.kind)),
    };
    out.push_str(&format!("#{} = {shown}\n", key.name));
}

fn table(out: &mut String, key: &Key, path: &str) {
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let restart = if key.restart { " (A change needs a restart.)" } else { "" };
    comment(out, &format!("{}{restart}", key.doc));
    let (head, keys) = match key.kind {
        Kind::Table(keys) => (path, keys),
        Kind::Tables(keys) => (format!("{path}.NAME"), keys),
        Kind::Map(kind) => {
            out.push_str(&format!("#[{path}]\n#\"KEY\" = {}\n", placeholder(*kind)));
            return;
        }
        _ => return,
    };
    out.push_str(&format!("#[{head}]\n"));
    for inner in keys.iter().filter(|inner| !is_table(inner.kind)) {
        out.push('\n');
        value(out, inner);
    }
    for inner in keys.iter().filter(|inner| is_table(inner.kind)) {
        out.push('\n');
        table(out, inner, &head);
    }
}

pub(crate) fn describe(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Integer { min, max } if max == i64::MAX => format!("a number from {min}"),
        Kind::Integer { min, max } => format!("a number from {min} to {max}"),
        Kind::Text => "text".to_owned(),
        Kind::Path(purpose) => format!("an absolute path: {}", purpose.noun()),
        Kind::Template(purpose) => format!("an absolute path with variables: {}", purpose.noun()),
        Kind::Duration { min, max } => {
            format!("a duration from {} to {}", print_duration(min), print_duration(max))
        }
        Kind::Size { min, max: u64::MAX } => format!("a size from {}", print_size(min)),
        Kind::Size { min, max } => {
            format!("a size from {} to {}", print_size(min), print_size(max))
        }
        Kind::Mode => "access bits, octal".to_owned(),
        Kind::User => "a user's name or number".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("one of {}", words.join(", "))
        }
        Kind::Address => "ADDRESS:PORT, *:PORT or unix:/PATH".to_owned(),
        Kind::List(kind) => format!("an array, each {}", describe(*kind)),
        Kind::Map(_) | Kind::Table(_) | Kind::Tables(_) => "a table".to_owned(),
    }
}

pub(super) fn placeholder(kind: Kind) -> String {
    match kind {
        Kind::Bool => "false".to_owned(),
        Kind::Integer { min, .. } => min.max(0).to_string(),
        Kind::Text | Kind::User => "\"…\"".to_owned(),
        Kind::Path(_) | Kind::Template(_) => "\"/…\"".to_owned(),
        Kind::Duration { max, .. } => format!("\"{}\"", print_duration(max)),
        Kind::Size { min, .. } => format!("\"{}\"", print_size(min)),
        Kind::Mode => "\"0660\"".to_owned(),
        Kind::Choice(words) => quoted(words.first().copied().unwrap_or_default()),
        Kind::Address => "\"127.0.0.1:…\"".to_owned(),
        Kind::List(_) => "[]".to_owned(),
        Kind::Map(_) | Kind::Table(_) | Kind::Tables(_) => "{}".to_owned(),
    }
}

/// A word as TOML; one with a backslash as a literal string.
fn quoted(word: &str) -> String {
    if word.contains('\\') { format!("'{word}'") } else { format!("\"{word}\"") }
}

/// Writes a paragraph as `# ` lines folded at the width.
fn comment(out: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
            out.push_str(&line);
            out.push('\n');
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}
