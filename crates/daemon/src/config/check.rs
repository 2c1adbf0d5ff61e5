//! The walk over a parsed file: each value against its key's kind, each name against the known
//! ones, all problems collected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml_span::value::{Table as TomlTable, ValueInner};

use super::key::{Key, Kind};
use super::nearest::nearest;
use super::problem::Problem;
use super::source::{Offset, Source};
use super::table::{Placed, Table, Value};
use super::units::{parse_duration, parse_size, print_duration, print_size};

type Toml<'a> = toml_span::Value<'a>;

/// Walks one file, or the text of a default.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) problems: &'a mut Vec<Problem>,
    /// A default has no place in the file, and names users that needn't exist here.
    in_default: bool,
}

/// Checks a file's text against its keys. A text that isn't TOML has one problem, the first.
pub(super) fn file(
    name: &str,
    source: &Arc<Source>,
    keys: &[Key],
    problems: &mut Vec<Problem>,
) -> Table {
    let empty = TomlTable::new();
    let mut walk = Walk { source, problems, in_default: false };
    match toml_span::parse(&source.text) {
        Ok(parsed) => walk.table(name, "", parsed.as_table().unwrap_or(&empty), None, keys),
        Err(error) => {
            let problem = source.problem(Some(error.span.start), error.to_string());
            walk.problems.push(problem);
            // Its keys are not judged further: nothing was read. Required ones would only add noise.
            Table {
                name: name.to_owned(),
                values: BTreeMap::new(),
                absent: Vec::new(),
                at: None,
                source: Arc::clone(source),
            }
        }
    }
}

impl Walk<'_> {
    fn report(&mut self, at: Offset, message: impl Into<String>) {
        let problem = self.source.problem(at, message);
        self.problems.push(problem);
    }

    /// Where a value begins; a string with its quote, which the parser's span leaves out.
    fn place(&self, toml: &Toml<'_>) -> Offset {
        if self.in_default {
            return None;
        }
        let start = toml.span.start;
        let before = self.source.text.as_bytes().get(start.wrapping_sub(1));
        let quoted = matches!(toml.as_ref(), ValueInner::String(_));
        Some(if quoted && matches!(before, Some(b'"' | b'\'')) { start - 1 } else { start })
    }

    /// `path` is the dotted name for messages, empty for the file itself.
    fn table(
        &mut self,
        name: &str,
        path: &str,
        toml: &TomlTable<'_>,
        at: Offset,
        keys: &[Key],
    ) -> Table {
        for key in toml.keys() {
            if !keys.iter().any(|known| known.name == key.name) {
                self.unknown(path, &key.name, key.span.start, keys);
            }
        }
        let mut table = Table {
            name: name.to_owned(),
            values: BTreeMap::new(),
            absent: Vec::new(),
            at,
            source: Arc::clone(self.source),
        };
        for key in keys {
            let dotted = join(path, key.name);
            match self.key(&dotted, key, toml.get(key.name), at) {
                Some(placed) => {
                    table.values.insert(key.name, placed);
                }
                None => table.absent.push(key.name),
            }
        }
        table
    }

    fn unknown(&mut self, path: &str, name: &str, at: usize, keys: &[Key]) {
        let place = if path.is_empty() { String::new() } else { format!(" in [{path}]") };
        let hint = nearest(name, keys.iter().map(|key| key.name))
            .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        self.report(Some(at), format!("unknown key `{}`{place}{hint}", harmless(name)));
    }

    fn key(
        &mut self,
        path: &str,
        key: &Key,
        set: Option<&Toml<'_>>,
        table_at: Offset,
    ) -> Option<Placed> {
        if let Some(toml) = set {
            let at = self.place(toml);
            let value = self.value(path, key.kind, toml)?;
            return Some(Placed { value, kind: key.kind, at, set: !self.in_default });
        }
        if let Some(default) = key.default {
            let value = self.default(path, key, default)?;
            return Some(Placed { value, kind: key.kind, at: None, set: false });
        }
        if key.required {
            self.report(table_at, format!("`{path}` must be set"));
            return None;
        }
        let empty = match key.kind {
            Kind::Table(keys) => {
                Value::Table(self.table(key.name, path, &TomlTable::new(), None, keys))
            }
            Kind::Tables(_) => Value::Tables(Vec::new()),
            Kind::List(_) => Value::List(Vec::new()),
            Kind::Map(_) => Value::Map(BTreeMap::new()),
            _ => return None,
        };
        Some(Placed { value: empty, kind: key.kind, at: None, set: false })
    }

    fn default(&mut self, path: &str, key: &Key, default: &str) -> Option<Value> {
        let text = format!("default = {default}");
        let Ok(parsed) = toml_span::parse(&text) else {
            self.report(None, format!("the default of `{path}` is not TOML"));
            return None;
        };
        let toml = parsed.as_table()?.get("default")?;
        let mut walk = Walk { source: self.source, problems: self.problems, in_default: true };
        walk.value(path, key.kind, toml)
    }

    fn value(&mut self, path: &str, kind: Kind, toml: &Toml<'_>) -> Option<Value> {
        let found = match self.plain(kind, toml) {
            Plain::Good(value) => return Some(value),
            Plain::Bad(why) => why,
            Plain::Nested => return self.nested(path, kind, toml),
        };
        let at = self.place(toml);
        self.report(at, format!("`{path}`: {found}"));
        None
    }

    fn nested(&mut self, path: &str, kind: Kind, toml: &Toml<'_>) -> Option<Value> {
        let at = self.place(toml);
        match (kind, toml.as_ref()) {
            (Kind::List(kind), ValueInner::Array(items)) => {
                let values = items.iter().filter_map(|item| self.value(path, *kind, item));
                Some(Value::List(values.collect()))
            }
            (Kind::Map(kind), ValueInner::Table(entries)) => {
                let mut map = BTreeMap::new();
                for (key, item) in entries {
                    if let Some(value) = self.value(&join(path, &harmless(&key.name)), *kind, item)
                    {
                        map.insert(key.name.to_string(), value);
                    }
                }
                Some(Value::Map(map))
            }
            (Kind::Table(keys), ValueInner::Table(table)) => {
                let name = path.rsplit('.').next().unwrap_or(path);
                Some(Value::Table(self.table(name, path, table, at, keys)))
            }
            (Kind::Tables(keys), ValueInner::Table(named)) => {
                let mut in_order: Vec<_> = named.iter().collect();
                in_order.sort_by_key(|(key, value)| key.span.start.min(value.span.start));
                let mut tables = Vec::new();
                for (key, item) in in_order {
                    let path = join(path, &harmless(&key.name));
                    match item.as_table() {
                        Some(table) => tables.push(self.table(
                            &key.name,
                            &path,
                            table,
                            Some(key.span.start),
                            keys,
                        )),
                        None => self.report(
                            self.place(item),
                            format!("`{path}`: {}", wanted("a table", item)),
                        ),
                    }
                }
                Some(Value::Tables(tables))
            }
            (kind, _) => {
                let message = format!("`{path}`: {}", wanted(kind.wanted(), toml));
                self.report(at, message);
                None
            }
        }
    }

    fn plain(&self, kind: Kind, toml: &Toml<'_>) -> Plain {
        match (kind, toml.as_ref()) {
            (Kind::List(_) | Kind::Map(_) | Kind::Table(_) | Kind::Tables(_), _) => Plain::Nested,
            (Kind::Bool, ValueInner::Boolean(value)) => Plain::Good(Value::Bool(*value)),
            (Kind::Integer { min, max }, ValueInner::Integer(number)) => {
                if (min..=max).contains(number) {
                    return Plain::Good(Value::Integer(*number));
                }
                Plain::Bad(format!("{number} is not between {min} and {max}"))
            }
            (Kind::Size { min, max }, ValueInner::Integer(number)) => {
                sized(u64::try_from(*number).ok(), &number.to_string(), min, max)
            }
            (Kind::User, ValueInner::Integer(number)) => u32::try_from(*number).map_or_else(
                |_| Plain::Bad(format!("{number} is no user's number")),
                |uid| Plain::Good(Value::User(Some(uid))),
            ),
            (kind, ValueInner::String(text)) => self.quoted(kind, text, toml),
            (kind, _) => Plain::Bad(wanted(kind.wanted(), toml)),
        }
    }

    fn quoted(&self, kind: Kind, text: &str, toml: &Toml<'_>) -> Plain {
        let shown = harmless(text);
        match kind {
            Kind::Text if text.chars().any(char::is_control) => {
                Plain::Bad("control characters are not allowed".to_owned())
            }
            Kind::Text => Plain::Good(Value::Text(text.to_owned())),
            Kind::Path(_) | Kind::Template(_) if !text.starts_with('/') || text.contains('\0') => {
                Plain::Bad(format!("\"{shown}\" is not an absolute path"))
            }
            Kind::Path(_) => Plain::Good(Value::Path(PathBuf::from(text))),
            Kind::Template(_) => Plain::Good(Value::Text(text.to_owned())),
            Kind::Duration { min, max } => match parse_duration(text) {
                Some(value) if value >= min && value <= max => Plain::Good(Value::Duration(value)),
                Some(_) => Plain::Bad(format!(
                    "\"{shown}\" is not between {} and {}",
                    print_duration(min),
                    print_duration(max)
                )),
                None => Plain::Bad(format!(
                    "\"{shown}\" is not a duration: write \"30s\", \"10m\", \"1h30m\", \"5d\""
                )),
            },
            Kind::Size { min, max } => sized(parse_size(text), &format!("\"{shown}\""), min, max),
            Kind::Mode => match u32::from_str_radix(text, 8) {
                Ok(mode) if mode <= 0o777 && text.starts_with('0') => {
                    Plain::Good(Value::Mode(mode))
                }
                _ => Plain::Bad(format!("\"{shown}\" is not a mode: write \"0660\"")),
            },
            Kind::User => match crate::users::uid(text) {
                Some(uid) => Plain::Good(Value::User(Some(uid))),
                None if self.in_default => Plain::Good(Value::User(None)),
                None => Plain::Bad(format!("there is no user \"{shown}\" on this system")),
            },
            Kind::Choice(words) if words.contains(&text) => {
                Plain::Good(Value::Text(text.to_owned()))
            }
            Kind::Choice(words) => {
                let hint = nearest(text, words.iter().copied())
                    .map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
                Plain::Bad(format!("\"{shown}\" is none of {}{hint}", words.join(", ")))
            }
            Kind::Address => match text.parse() {
                Ok(address) => Plain::Good(Value::Address(address)),
                Err(error) => Plain::Bad(format!("\"{shown}\" is no socket's address: {error}")),
            },
            other => Plain::Bad(wanted(other.wanted(), toml)),
        }
    }
}

/// What the check of a value that isn't a list or table found.
enum Plain {
    Good(Value),
    Bad(String),
    Nested,
}

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

fn wanted(kind: &str, toml: &Toml<'_>) -> String {
    let found = match toml.as_ref() {
        ValueInner::String(_) => "a string",
        ValueInner::Integer(_) => "an integer",
        ValueInner::Float(_) => "a float",
        ValueInner::Boolean(_) => "a boolean",
        ValueInner::Array(_) => "an array",
        ValueInner::Table(_) => "a table",
    };
    format!("want {kind}, found {found}")
}

fn sized(size: Option<u64>, shown: &str, min: u64, max: u64) -> Plain {
    match size {
        Some(size) if (min..=max).contains(&size) => Plain::Good(Value::Size(size)),
        Some(_) => Plain::Bad(format!(
            "{shown} is not between {} and {}",
            print_size(min),
            print_size(max)
        )),
        None => Plain::Bad(format!("{shown} is not a size: write \"64K\", \"50M\", \"1G\"")),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A text of the file as a message may show it: short, and without control characters.
fn harmless(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}
