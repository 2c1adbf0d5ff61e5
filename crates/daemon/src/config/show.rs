//! A checked configuration as TOML that loads to the same again: all of it, what differs from the
//! defaults, or the defaults. For `dovetail config show`, as postconf and doveconf print theirs.
//!
//! Values stand as the file writes them, so that a user's name stays a name. No secret can come out:
//! none is in a configuration, whose keys name files.

use super::key::{Key, Kind};
use super::merge::quote_key;
use super::sample::{is_table, placeholder};
use super::table::{Placed, Table, Value};

/// Which keys are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Every key, those that have no value as comments.
    All,
    /// Those that are set to something else than their default.
    Changed,
    /// Of a configuration that sets nothing: every key, and named tables as comments.
    Defaults,
}

/// A file's table as TOML.
#[must_use]
pub fn show(table: &Table, which: Shown) -> String {
    let mut out = String::new();
    write_table(&mut out, "", table, which);
    out.trim_start_matches('\n').to_owned()
}

fn write_table(out: &mut String, path: &str, table: &Table, which: Shown) {
    let of = |key: &Key| table.values.get(key.name);
    for key in table.keys.iter().filter(|key| !is_table(key.kind)) {
        match of(key) {
            Some(placed) if which == Shown::Changed && !placed.changed => {}
            Some(placed) if is_unknown_user(&placed.value) => {
                let why = "the default; not all of them are users of this system";
                out.push_str(&format!("#{} = {}    # {why}\n", key.name, placed.written));
            }
            Some(placed) => out.push_str(&format!("{} = {}\n", key.name, placed.written)),
            None if which != Shown::Changed => out.push_str(&unset(key)),
            _ => {}
        }
    }
    for key in table.keys.iter().filter(|key| is_table(key.kind)) {
        if let Some(placed) = of(key) {
            inner_tables(out, &dotted(path, key.name), placed, which);
        }
    }
}

fn inner_tables(out: &mut String, path: &str, placed: &Placed, which: Shown) {
    match &placed.value {
        Value::Table(inner) => {
            let mut text = String::new();
            write_table(&mut text, path, inner, which);
            if text.starts_with("\n[") || text.is_empty() {
                out.push_str(&text);
            } else {
                out.push_str(&format!("\n[{path}]\n{text}"));
            }
        }
        Value::Tables(_) if which == Shown::Defaults => {
            if let Kind::Tables(keys) = placed.kind {
                write_named(out, path, keys);
            }
        }
        // A named table is a change by being there.
        Value::Tables(named) => {
            for inner in named {
                let path = dotted(path, &quote_key(inner.name()));
                out.push_str(&format!("\n[{path}]\n"));
                write_table(out, &path, inner, which);
            }
        }
        Value::Map(entries) if !entries.is_empty() => {
            out.push_str(&format!("\n[{path}]\n{}", placed.written));
        }
        _ => {}
    }
}

/// Named tables have no defaults of their own: what one of them would have, as comments.
fn write_named(out: &mut String, path: &str, keys: &[Key]) {
    out.push_str(&format!("\n#[{path}.NAME]\n"));
    for key in keys {
        match key.default {
            Some(default) => out.push_str(&format!("#{} = {default}\n", key.name)),
            None => out.push_str(&unset(key)),
        }
    }
}

/// A default's user whom this system doesn't know could not be loaded again.
fn is_unknown_user(value: &Value) -> bool {
    match value {
        Value::User(uid) => uid.is_none(),
        Value::List(items) => items.iter().any(is_unknown_user),
        _ => false,
    }
}

fn unset(key: &Key) -> String {
    let why = if key.required { "must be set" } else { "not set" };
    format!("#{} = {}    # {why}\n", key.name, placeholder(key.kind))
}

fn dotted(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
