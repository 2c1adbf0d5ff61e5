//! What commands print: tables for people, JSON for programs, on stdout.

use std::io::Write;

use serde_json::Value;

use crate::exit::Failure;

/// Writes text; a reader that went away ends the command quietly, as `| head` wants it.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::new(0, "")),
        other => other.map_err(|error| Failure::system("standard output", error)),
    }
}

/// Writes one line of JSON.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value}\n"))
}

/// Lays rows out in columns; the last column isn't padded. Control characters, which a queue's
/// remote replies may hold, are made harmless.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all: Vec<Vec<String>> = std::iter::once(&head)
        .chain(rows)
        .map(|row| row.iter().map(|cell| harmless(cell)).collect())
        .collect();
    let width = |column: usize| {
        let cells = all.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut out = String::new();
    for row in &all {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// A text that a terminal may show.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Prints any JSON as indented `key: value` lines, for answers whose keys are the daemon's.
pub(crate) fn outline(value: &Value) -> String {
    let mut out = String::new();
    write_outline(&mut out, value, 0);
    out
}

fn write_outline(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                write_entry(out, &format!("{indent}{}:", harmless(key)), inner, depth);
            }
        }
        Value::Array(items) => {
            for inner in items {
                write_entry(out, &format!("{indent}-"), inner, depth);
            }
        }
        plain => out.push_str(&format!("{indent}{}\n", plain_text(plain))),
    }
}

fn write_entry(out: &mut String, label: &str, value: &Value, depth: usize) {
    match value {
        Value::Object(_) | Value::Array(_) => {
            out.push_str(&format!("{label}\n"));
            write_outline(out, value, depth + 1);
        }
        Value::String(text) if text.contains('\n') => {
            out.push_str(&format!("{label}\n"));
            let indent = "  ".repeat(depth + 1);
            for line in text.lines() {
                out.push_str(&format!("{indent}{}\n", harmless(line)));
            }
        }
        plain => out.push_str(&format!("{label} {}\n", plain_text(plain))),
    }
}

/// A plain value without JSON's quotes; `-` for null.
pub(crate) fn plain_text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => harmless(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        let rows = vec![
            vec!["a".to_owned(), "long\u{1b}[2J".to_owned()],
            vec!["bcd".to_owned(), String::new()],
        ];
        assert_eq!(table(&["X", "Y"], &rows), "X    Y\na    long\u{fffd}[2J\nbcd\n");
    }

    #[test]
    fn outlines() {
        let value = serde_json::json!({"id": "x", "rcpts": [{"to": "a"}, {"to": "b"}], "head": "A: 1\nB: 2", "n": null});
        let want = "head:\n  A: 1\n  B: 2\nid: x\nn: -\nrcpts:\n  -\n    to: a\n  -\n    to: b\n";
        assert_eq!(outline(&value), want);
    }
}
