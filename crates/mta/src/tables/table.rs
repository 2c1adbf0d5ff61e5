//! Tables by type and name: text files, whatever database Postfix would make of them, and those that
//! stand in their own names.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use lookup::table::{Fault, Limits, Line, TableError, duplicate, local, read_lines};

use super::inline;
use crate::exit::Failure;

/// Types whose source is a text file. Dovetail reads that, not what was made of it.
const DATABASES: [&str; 6] = ["hash", "btree", "dbm", "sdbm", "lmdb", "cdb"];

/// How a file's lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `key value`
    Map,
    /// `name: value`
    Aliases,
}

/// Where a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// The text of a database.
    Database(PathBuf),
    /// `texthash:`
    Text(PathBuf),
    /// `inline:{…}`: keys and values in order.
    Inline(Vec<(String, String)>),
    /// `static:value`: every key's value.
    Static(String),
}

/// A table that can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Loaded {
    /// Entries in the file's order, and each key's place among them.
    Entries { entries: Vec<(String, String)>, places: HashMap<String, usize>, folds: bool },
    /// Every key's value.
    Always(String),
}

impl Source {
    /// Reads `type:name`, or the name of a file.
    pub(super) fn parse(word: &str) -> Result<Self, Failure> {
        let (kind, name) = word.split_once(':').unwrap_or(("hash", word));
        match kind {
            // What a daemon would ask for others is a file like any other here.
            "proxy" if name.contains(':') => Self::parse(name),
            "texthash" => Ok(Self::Text(name.into())),
            "static" => Ok(Self::Static(inline::braced(name).unwrap_or(name).to_owned())),
            "inline" => inline::parse(name)
                .map(Self::Inline)
                .map_err(|why| Failure::new(1, format!("bad inline table \"{word}\": {why}"))),
            _ if DATABASES.contains(&kind) => Ok(Self::Database(name.into())),
            _ => {
                let known = DATABASES.join(", ");
                let known = format!("{known}, texthash, inline and static are read");
                Err(Failure::new(1, format!("unsupported dictionary type: {kind} ({known})")))
            }
        }
    }

    /// Whether Postfix, too, reads it as text each time.
    pub(super) fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// Reads it whole; `warn` hears what is odd, of equal keys too if `duplicates`.
    pub(super) fn load(
        self,
        kind: Kind,
        folds: bool,
        warn: &mut dyn FnMut(String),
        duplicates: bool,
    ) -> Result<Loaded, Failure> {
        match self {
            Self::Static(value) => Ok(Loaded::Always(value)),
            Self::Inline(entries) => {
                let line = |(key, value)| Line { line: 0, key, value };
                let lines = entries.into_iter().map(line).collect();
                Ok(Loaded::of(lines, folds, &mut |_| {}))
            }
            Self::Database(path) | Self::Text(path) => {
                let told = |fault: &Fault| {
                    format!("{}, line {}: {}", path.display(), fault.line, fault.what)
                };
                let limits = Limits::default();
                let mut odd = |fault: Fault| warn(told(&fault));
                let lines = match kind {
                    Kind::Map => read_lines(&path, limits, &mut odd),
                    Kind::Aliases => local::read(&path, limits, &mut odd),
                };
                let lines = lines.map_err(|error| failed(&path, &error))?;
                let mut twice = |fault: Fault| {
                    if duplicates {
                        warn(told(&fault));
                    }
                };
                Ok(Loaded::of(lines, folds, &mut twice))
            }
        }
    }
}

fn failed(path: &Path, error: &TableError) -> Failure {
    let path = path.display();
    Failure::new(
        1,
        match error {
            TableError::Io { source, .. } => format!("open {path}: {}", words(source)),
            TableError::Line { fault, .. } => {
                format!("{path}, line {}: {}", fault.line, fault.what)
            }
            TableError::TooLarge { .. } => error.to_string(),
        },
    )
}

/// Without `(os error 2)`.
fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

impl Loaded {
    fn of(lines: Vec<Line>, folds: bool, twice: &mut dyn FnMut(Fault)) -> Self {
        let (mut entries, mut places) = (Vec::new(), HashMap::new());
        for Line { line, key, value } in lines {
            let key = if folds { key.to_lowercase() } else { key };
            match places.entry(key.clone()) {
                Entry::Occupied(_) => twice(duplicate(line, &key)),
                Entry::Vacant(place) => {
                    place.insert(entries.len());
                    entries.push((key, value));
                }
            }
        }
        Self::Entries { entries, places, folds }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        match self {
            Self::Always(value) => Some(value),
            Self::Entries { entries, places, folds } => {
                let place = match folds {
                    true => places.get(&key.to_lowercase()),
                    false => places.get(key),
                };
                entries.get(*place?).map(|(_, value)| value.as_str())
            }
        }
    }

    /// All entries, in the file's order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = match self {
            Self::Always(_) => &[][..],
            Self::Entries { entries, .. } => entries,
        };
        entries.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(word: &str, kind: Kind) -> (Loaded, Vec<String>) {
        let mut odd = Vec::new();
        let source = Source::parse(word).expect("good");
        let loaded = source.load(kind, true, &mut |text| odd.push(text), true).expect("good");
        (loaded, odd)
    }

    #[test]
    fn files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("v");
        let text = "A@x.test b\nnovalue\ne@x.test: f\n\"open v\na@X.test c\n";
        std::fs::write(&path, text).unwrap();
        let shown = path.display().to_string();
        for word in [shown.clone(), format!("hash:{shown}"), format!("proxy:cdb:{shown}")] {
            let (table, odd) = load(&word, Kind::Map);
            assert_eq!(table.get("a@x.TEST"), Some("b"));
            assert_eq!(table.get("novalue"), None);
            assert_eq!(table.entries().count(), 2);
            let odd: Vec<&str> = odd.iter().map(|text| &text[shown.len()..]).collect();
            assert_eq!(
                odd,
                [
                    ", line 2: expected format: key whitespace value",
                    ", line 3: record is in \"key: value\" format; is this an alias file?",
                    ", line 4: unbalanced '\"' in '\"open v' -- ignoring this line",
                    ", line 5: duplicate entry: \"a@x.test\"",
                ]
            );
        }
        let (table, _) = load(&shown, Kind::Aliases);
        assert_eq!(table.get("E@x.test"), None, "its name isn't local");
    }

    #[test]
    fn tables_without_a_file() {
        assert_eq!(load("static:all x", Kind::Map).0.get("any"), Some("all x"));
        assert_eq!(load("static:{all x}", Kind::Map).0.get("any"), Some("all x"));
        let (table, _) = load("inline:{x=y, {Z = w v}}", Kind::Map);
        assert_eq!((table.get("x"), table.get("z")), (Some("y"), Some("w v")));
        assert_eq!(table.entries().next(), Some(("x", "y")));
    }

    #[test]
    fn what_is_refused() {
        let refused = |word: &str| Source::parse(word).expect_err(word).text;
        assert!(refused("regexp:/x").starts_with("unsupported dictionary type: regexp (hash, "));
        assert!(refused("mysql:/x").starts_with("unsupported dictionary type: mysql"));
        assert!(refused("inline:x").starts_with("bad inline table \"inline:x\""));
        let missing = Source::parse("/nonexistent/x").expect("good");
        let failure = missing.load(Kind::Map, true, &mut |_| {}, true).expect_err("missing");
        assert_eq!(failure.text, "open /nonexistent/x: No such file or directory");
    }
}
