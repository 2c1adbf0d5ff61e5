//! What messages say: what was wanted, what was found, and what was probably meant.

use toml_span::value::ValueInner;
use toml_span::{Error, ErrorKind};

use super::check::Toml;
use super::key::{FileSpec, Key, Kind};
use super::nearest::nearest;
use super::source::Source;

impl Kind {
    /// What a message asks for.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Integer { .. } => "a whole number",
            Self::Text | Self::Choice(_) => "a string",
            Self::Path(_) | Self::Template(_) => "a path in quotes",
            Self::Duration { .. } => "a duration such as \"30s\"",
            Self::Size { .. } => "a size such as \"50M\"",
            Self::Mode => "a mode such as \"0660\"",
            Self::User => "a user's name or number",
            Self::Address => "an address such as \"127.0.0.1:25\" or \"unix:/path\"",
            Self::List(_) => "an array",
            Self::Map(_) | Self::Table(_) | Self::Tables(_) => "a table",
        }
    }
}

pub(super) fn wanted(path: &str, kind: Kind, toml: &Toml<'_>) -> String {
    let found = match toml.as_ref() {
        ValueInner::String(_) => "a string",
        ValueInner::Integer(_) => "an integer",
        ValueInner::Float(_) => "a float",
        ValueInner::Boolean(_) => "a boolean",
        ValueInner::Array(_) => "an array",
        ValueInner::Table(_) => "a table",
    };
    format!("want {}, found {found}{}", kind.wanted(), remedy(path, kind, toml))
}

pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A text of the file as a message may show it: short, and without control characters.
pub(super) fn harmless(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}

/// How a value of the wrong type would be written.
fn remedy(path: &str, kind: Kind, toml: &Toml<'_>) -> String {
    let written = match (kind, toml.as_ref()) {
        (Kind::Duration { .. }, ValueInner::Integer(number)) if *number >= 0 => {
            format!("\"{number}s\"")
        }
        (Kind::Bool, ValueInner::String(text)) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => "true".to_owned(),
            "false" | "no" | "off" | "0" => "false".to_owned(),
            _ => return String::new(),
        },
        (Kind::Bool, ValueInner::Integer(number @ (0 | 1))) => (*number == 1).to_string(),
        (Kind::Integer { .. }, ValueInner::String(text)) => match text.parse::<i64>() {
            Ok(number) => format!("{number} without quotes"),
            Err(_) => return String::new(),
        },
        (Kind::Text | Kind::Choice(_), ValueInner::Integer(number)) => format!("\"{number}\""),
        (Kind::Text | Kind::Choice(_), ValueInner::Boolean(value)) => format!("\"{value}\""),
        (Kind::List(_), ValueInner::String(text)) => format!("[\"{}\"]", harmless(text)),
        (Kind::List(_), ValueInner::Integer(number)) => format!("[{number}]"),
        (Kind::Table(_), ValueInner::Array(_)) => "the table's head in single brackets".to_owned(),
        (Kind::Tables(_), ValueInner::Array(_)) => {
            format!("each table's head in single brackets and with a name: [{path}.NAME]")
        }
        _ => return String::new(),
    };
    format!("; write {written}")
}

/// Where an unknown key was found.
pub(super) struct Stray<'a> {
    /// The table around it, dotted; empty: the file itself.
    pub(super) path: &'a str,
    pub(super) name: &'a str,
    /// The keys of that table.
    pub(super) here: &'a [Key],
    /// The file, and all that the daemon reads.
    pub(super) file: &'a str,
    pub(super) specs: &'a [FileSpec],
}

impl Stray<'_> {
    /// The message: what isn't known, and where it belongs or what was probably meant.
    pub(super) fn message(&self) -> String {
        let place =
            if self.path.is_empty() { String::new() } else { format!(" in [{}]", self.path) };
        let hint = self.elsewhere().or_else(|| self.nearly()).unwrap_or_default();
        format!("unknown key `{}`{place}{hint}", harmless(self.name))
    }

    /// The same name at another level of the file, or in another file of the daemon.
    fn elsewhere(&self) -> Option<String> {
        let own = self.specs.iter().find(|spec| spec.name == self.file);
        let keys = own.map_or(&[][..], |spec| &spec.keys);
        if !self.path.is_empty() && keys.iter().any(|key| key.name == self.name) {
            return Some(
                "; it belongs at the top of the file, before the first [table]".to_owned(),
            );
        }
        let table = keys.iter().find_map(|key| match key.kind {
            Kind::Table(inner) => has(inner, self.name).then(|| key.name.to_owned()),
            Kind::Tables(inner) => has(inner, self.name).then(|| format!("{}.NAME", key.name)),
            _ => None,
        });
        if let Some(table) = table {
            return Some(format!("; it belongs in [{table}]"));
        }
        let mut others = self.specs.iter().filter(|spec| spec.name != self.file);
        let other = others.find(|spec| has(&spec.keys, self.name))?;
        Some(format!("; it is a key of {}.toml", other.name))
    }

    fn nearly(&self) -> Option<String> {
        let near = nearest(self.name, self.here.iter().map(|key| key.name))?;
        Some(format!("; did you mean `{near}`?"))
    }
}

fn has(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name == name)
}

/// Why a text isn't TOML.
pub(super) fn not_toml(error: &Error, source: &Source) -> String {
    let first = |span: &toml_span::Span| source.position(span.start).0;
    match &error.kind {
        ErrorKind::DuplicateKey { key, first: span } => {
            format!("`{}` is set twice, first in line {}", harmless(key), first(span))
        }
        ErrorKind::DuplicateTable { name, first: span } => {
            format!("[{}] stands twice, first in line {}", harmless(name), first(span))
        }
        ErrorKind::UnquotedString => "a text must stand in quotes".to_owned(),
        ErrorKind::UnexpectedEof => "the file ends where a value should be".to_owned(),
        ErrorKind::InvalidNumber => {
            "not a number; texts, durations, sizes and modes stand in quotes".to_owned()
        }
        _ => error.to_string(),
    }
}
