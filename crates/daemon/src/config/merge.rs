//! One configuration laid over another, key by key; arrays are replaced, not joined.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use toml_span::value::{Table as TomlTable, ValueInner};

use super::problem::Problem;
use super::source::Source;

type Toml<'a> = toml_span::Value<'a>;

/// Lays `over` over `base`, both TOML, and writes the result as TOML (comments are lost). Tables
/// are merged key by key, the order of `base` first; everything else in `over` replaces.
///
/// # Errors
/// Where one of the texts isn't TOML; the paths are for the message only.
pub fn merge(base: (&Path, &str), over: (&Path, &str)) -> Result<String, Problem> {
    let parse = |path: &Path, text: &str| {
        toml_span::parse(text).map(|_| ()).map_err(|error| {
            let source = Source { path: path.to_owned(), text: text.to_owned() };
            source.problem(Some(error.span.start), error.to_string())
        })
    };
    parse(base.0, base.1)?;
    parse(over.0, over.1)?;
    let not_toml = |path: &Path| Problem::file(path, "not TOML");
    let mut merged = toml_span::parse(base.1).map_err(|_| not_toml(base.0))?;
    let mut laid = toml_span::parse(over.1).map_err(|_| not_toml(over.0))?;
    let mut out = String::new();
    if let (ValueInner::Table(merged), ValueInner::Table(laid)) = (merged.take(), laid.take()) {
        // Places in `over` come after those in `base`, so that new tables follow the old ones.
        write_table(&mut out, "", &lay(merged, laid, base.1.len()));
    }
    Ok(out)
}

/// Merges each `*.toml` of the folder `over` into the file of that name in `base`, which need not
/// exist, and writes it there.
///
/// # Errors
/// All files of `over` that can't be read, aren't TOML, or can't be written.
pub fn merge_folders(base: &Path, over: &Path) -> Result<(), Vec<Problem>> {
    let unreadable =
        |error: std::io::Error| vec![Problem::file(over, format!("cannot be read: {error}"))];
    let mut problems = Vec::new();
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(over).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if Path::new(&name).extension().is_some_and(|extension| extension == "toml") {
            names.insert(name);
        }
    }
    for name in names {
        let (target, source) = (base.join(&name), over.join(&name));
        if let Err(problem) = merge_file(&target, &source) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn merge_file(target: &Path, source: &Path) -> Result<(), Problem> {
    let failed = |path: &Path, error: std::io::Error| Problem::file(path, error.to_string());
    let over = std::fs::read_to_string(source).map_err(|error| failed(source, error))?;
    let base = match std::fs::read_to_string(target) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(target, error)),
    };
    let merged = merge((target, &base), (source, &over))?;
    std::fs::write(target, merged).map_err(|error| failed(target, error))
}

/// A value as TOML; of a table its lines.
pub(super) fn written(value: &Toml<'_>) -> String {
    let mut out = String::new();
    match value.as_ref() {
        ValueInner::Table(table) => write_table(&mut out, "", table),
        _ => write_value(&mut out, value),
    }
    out
}

fn lay<'a>(mut base: TomlTable<'a>, over: TomlTable<'a>, shift: usize) -> TomlTable<'a> {
    for (mut key, mut value) in over {
        key.span.start += shift;
        value.span.start += shift;
        let merged = match (base.remove_entry(&key), value.take()) {
            (Some((old_key, mut old)), ValueInner::Table(new)) => match old.take() {
                ValueInner::Table(old_table) => {
                    key = old_key;
                    ValueInner::Table(lay(old_table, new, shift))
                }
                _ => ValueInner::Table(new),
            },
            (_, inner) => inner,
        };
        base.insert(key, Toml::with_span(merged, value.span));
    }
    base
}

/// Values first, then the tables, each in the order of the file.
fn write_table(out: &mut String, path: &str, table: &TomlTable<'_>) {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    for (key, value) in &entries {
        if !matches!(value.as_ref(), ValueInner::Table(_)) {
            let _ = write!(out, "{} = ", quote_key(&key.name));
            write_value(out, value);
            out.push('\n');
        }
    }
    for (key, value) in &entries {
        if let ValueInner::Table(inner) = value.as_ref() {
            let name = quote_key(&key.name);
            let path = if path.is_empty() { name } else { format!("{path}.{name}") };
            let _ = writeln!(out, "\n[{path}]");
            write_table(out, &path, inner);
        }
    }
}

fn write_value(out: &mut String, value: &Toml<'_>) {
    match value.as_ref() {
        ValueInner::String(text) => out.push_str(&quote(text)),
        ValueInner::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        ValueInner::Float(number) => {
            let _ = write!(out, "{number:?}");
        }
        ValueInner::Boolean(value) => {
            let _ = write!(out, "{value}");
        }
        ValueInner::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                write_value(out, item);
            }
            out.push(']');
        }
        ValueInner::Table(table) => {
            out.push_str("{ ");
            for (index, (key, item)) in table.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                let _ = write!(out, "{} = ", quote_key(&key.name));
                write_value(out, item);
            }
            out.push_str(" }");
        }
    }
}

pub(super) fn quote_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { quote(key) }
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
