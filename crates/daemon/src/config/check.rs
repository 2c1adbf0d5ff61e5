//! The walk over a parsed file: each value against its key's kind, each name against the known
//! ones, all problems collected.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml_span::value::{Table as TomlTable, ValueInner};

use super::key::{FileSpec, Key, Kind};
use super::merge;
use super::messages::{Stray, harmless, join, not_toml, wanted};
use super::plain::Plain;
use super::problem::Problem;
use super::source::{Offset, Source};
use super::table::{Placed, Table, Value};

pub(super) type Toml<'a> = toml_span::Value<'a>;

/// Walks one file, or the text of a default.
pub(super) struct Walk<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) problems: &'a mut Vec<Problem>,
    /// The file's name, and all files that the daemon reads, for hints.
    file: &'a str,
    specs: &'a [FileSpec],
    /// A default has no place in the file, and names users that needn't exist here.
    pub(super) in_default: bool,
}

/// Checks a file's text against its keys. A text that isn't TOML has one problem, the first. `specs`
/// are all files of the daemon, so that a key in the wrong one is told where it belongs.
pub(super) fn file(
    spec: &FileSpec,
    specs: &[FileSpec],
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> Table {
    let empty = TomlTable::new();
    let mut walk = Walk { source, problems, file: spec.name, specs, in_default: false };
    match toml_span::parse(&source.text) {
        Ok(parsed) => {
            walk.table(spec.name, "", parsed.as_table().unwrap_or(&empty), None, &spec.keys)
        }
        Err(error) => {
            walk.report(Some(error.span.start), not_toml(&error, source));
            // Its keys are not judged further: nothing was read. Required ones would only add noise.
            Table::empty(spec.name, None, source, &spec.keys)
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
                let (file, specs) = (self.file, self.specs);
                let stray = Stray { path, name: &key.name, here: keys, file, specs };
                self.report(Some(key.span.start), stray.message());
            }
        }
        let mut table = Table::empty(name, at, self.source, keys);
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
            let default = key.default.and_then(|default| self.default(path, key, default));
            let changed = default.map_or_else(|| !value.is_empty(), |default| default != value);
            let written = merge::written(toml);
            return Some(Placed { value, kind: key.kind, at, set: true, changed, written });
        }
        if let Some(default) = key.default {
            let value = self.default(path, key, default)?;
            return Some(Placed::unset(value, key.kind, default));
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
        let written = if matches!(empty, Value::List(_)) { "[]" } else { "" };
        Some(Placed::unset(empty, key.kind, written))
    }

    fn default(&mut self, path: &str, key: &Key, default: &str) -> Option<Value> {
        let text = format!("default = {default}");
        let Ok(parsed) = toml_span::parse(&text) else {
            self.report(None, format!("the default of `{path}` is not TOML"));
            return None;
        };
        let toml = parsed.as_table()?.get("default")?;
        let (source, file, specs) = (self.source, self.file, self.specs);
        let mut walk = Walk { source, problems: self.problems, file, specs, in_default: true };
        walk.value(path, key.kind, toml)
    }

    fn value(&mut self, path: &str, kind: Kind, toml: &Toml<'_>) -> Option<Value> {
        let found = match self.plain(path, kind, toml) {
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
                    let (outer, path) = (path, join(path, &harmless(&key.name)));
                    match item.as_table() {
                        Some(table) => tables.push(self.table(
                            &key.name,
                            &path,
                            table,
                            Some(key.span.start),
                            keys,
                        )),
                        None => {
                            let why = match keys.iter().any(|known| known.name == key.name) {
                                true => {
                                    format!("the table needs a name of your choice: [{outer}.NAME]")
                                }
                                false => wanted(&path, Kind::Table(keys), item),
                            };
                            self.report(self.place(item), format!("`{path}`: {why}"));
                        }
                    }
                }
                Some(Value::Tables(tables))
            }
            (kind, _) => {
                let message = format!("`{path}`: {}", wanted(path, kind, toml));
                self.report(at, message);
                None
            }
        }
    }
}
