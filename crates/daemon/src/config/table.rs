//! A checked table: every defined key has the kind that was asked for, or is absent.
//!
//! The accessors take a key's name. Asking for a key that isn't defined, or as another kind, is a
//! mistake in the program: a debug build stops, a release build gives the kind's empty value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::address::SocketAddress;
use super::key::{Key, Kind};
use super::problem::Problem;
use super::source::{Offset, Source};

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Integer(i64),
    /// A text, or one of a choice's words.
    Text(String),
    /// An absolute path.
    Path(PathBuf),
    /// A duration.
    Duration(Duration),
    /// A size in octets.
    Size(u64),
    /// Access bits.
    Mode(u32),
    /// A user's number; none for a default's name that this system doesn't know.
    User(Option<u32>),
    /// Where a socket is.
    Address(SocketAddress),
    /// An array.
    List(Vec<Value>),
    /// Free keys, in the order of their names.
    Map(BTreeMap<String, Value>),
    /// A table.
    Table(Table),
    /// Named tables, in the order of the file.
    Tables(Vec<Table>),
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) value: Value,
    pub(super) kind: Kind,
    pub(super) at: Offset,
    pub(super) set: bool,
    /// Set, and to something else than the default.
    pub(super) changed: bool,
    /// The value as TOML; of a map its lines, of a table nothing.
    pub(super) written: String,
}

impl Placed {
    /// What a key is that the file doesn't mention.
    pub(super) fn unset(value: Value, kind: Kind, written: &str) -> Self {
        let written = written.to_owned();
        Self { value, kind, at: None, set: false, changed: false, written }
    }
}

/// A file's or a table's checked values.
#[derive(Debug, Clone)]
pub struct Table {
    pub(super) name: String,
    pub(super) values: BTreeMap<&'static str, Placed>,
    pub(super) absent: Vec<&'static str>,
    /// The definitions, in their order.
    pub(super) keys: Arc<[Key]>,
    pub(super) at: Offset,
    pub(super) source: Arc<Source>,
}

macro_rules! accessor {
    ($(#[$doc:meta])* $name:ident, $opt:ident, $variant:ident, $type:ty, $copy:expr, $empty:expr) => {
        $(#[$doc])*
        #[must_use]
        pub fn $name(&self, key: &str) -> $type {
            match self.get(key) {
                Some(Value::$variant(value)) => $copy(value),
                other => {
                    debug_assert!(false, "{key} is {other:?}, asked for as {}", stringify!($variant));
                    $empty
                }
            }
        }

        #[doc = concat!("As [`Self::", stringify!($name), "`], for a key that may be absent.")]
        #[must_use]
        pub fn $opt(&self, key: &str) -> Option<$type> {
            match self.get(key) {
                Some(Value::$variant(value)) => Some($copy(value)),
                other => {
                    debug_assert!(other.is_none(), "{key} isn't {}", stringify!($variant));
                    None
                }
            }
        }
    };
}

fn copied<T: Copy>(value: &T) -> T {
    *value
}

impl Table {
    /// Puts back an earlier table's value of a key.
    pub(super) fn keep(&mut self, key: &str, earlier: &Self) {
        let Some(key) = self.keys.iter().map(|known| known.name).find(|name| *name == key) else {
            return;
        };
        match earlier.values.get(key) {
            Some(placed) => {
                self.values.insert(key, placed.clone());
                self.absent.retain(|absent| *absent != key);
            }
            None => {
                self.values.remove(key);
                self.absent.push(key);
            }
        }
    }

    pub(super) fn empty(name: &str, at: Offset, source: &Arc<Source>, keys: &[Key]) -> Self {
        let source = Arc::clone(source);
        let (values, absent) = (BTreeMap::new(), Vec::new());
        Self { name: name.to_owned(), values, absent, keys: keys.into(), at, source }
    }

    /// The table's name: `smtps` of `[listener.smtps]`, the file's for a file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value of a key, its default's when it isn't set.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.values.get(key);
        debug_assert!(
            found.is_some() || self.absent.contains(&key),
            "the key {key} is not defined for {} in {}",
            self.name,
            self.source.path.display()
        );
        found.map(|placed| &placed.value)
    }

    /// Whether this table has a key of this name, set or not.
    #[must_use]
    pub fn defines(&self, key: &str) -> bool {
        self.values.contains_key(key) || self.absent.contains(&key)
    }

    /// Whether the file sets the key, rather than its default.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|placed| placed.set)
    }

    accessor!(
        /// `true` or `false`.
        boolean, opt_boolean, Bool, bool, copied, false
    );
    accessor!(
        /// A whole number within the key's limits.
        integer, opt_integer, Integer, i64, copied, 0
    );
    accessor!(
        /// A text, or one of a choice's words.
        text, opt_text, Text, &str, String::as_str, ""
    );
    accessor!(
        /// An absolute path.
        path, opt_path, Path, &Path, PathBuf::as_path, Path::new("")
    );
    accessor!(
        /// A duration within the key's limits.
        duration, opt_duration, Duration, Duration, copied, Duration::ZERO
    );
    accessor!(
        /// A size in octets within the key's limits.
        size, opt_size, Size, u64, copied, 0
    );
    accessor!(
        /// Access bits.
        mode, opt_mode, Mode, u32, copied, 0
    );

    /// A whole number that counts: limits that are negative or too large give 0 or the greatest.
    #[must_use]
    pub fn count(&self, key: &str) -> usize {
        let number = self.integer(key);
        usize::try_from(number).unwrap_or(if number < 0 { 0 } else { usize::MAX })
    }

    /// Where a socket is.
    #[must_use]
    pub fn address(&self, key: &str) -> Option<&SocketAddress> {
        match self.get(key) {
            Some(Value::Address(address)) => Some(address),
            _ => None,
        }
    }

    /// An array's values; empty when it isn't set and has no default.
    #[must_use]
    pub fn list(&self, key: &str) -> &[Value] {
        match self.get(key) {
            Some(Value::List(values)) => values,
            _ => &[],
        }
    }

    /// The texts of an array of texts, choices or paths.
    #[must_use]
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.list(key).iter().filter_map(Value::to_text).collect()
    }

    /// The addresses of an array of addresses.
    #[must_use]
    pub fn addresses(&self, key: &str) -> Vec<SocketAddress> {
        let address = |value: &Value| match value {
            Value::Address(address) => Some(address.clone()),
            _ => None,
        };
        self.list(key).iter().filter_map(address).collect()
    }

    /// The numbers of an array of users; a default's name that this system doesn't know is left
    /// out.
    #[must_use]
    pub fn users(&self, key: &str) -> Vec<u32> {
        let user = |value: &Value| match value {
            Value::User(uid) => *uid,
            _ => None,
        };
        self.list(key).iter().filter_map(user).collect()
    }

    /// A user's number; none where the name of a default is nobody's here.
    #[must_use]
    pub fn user(&self, key: &str) -> Option<u32> {
        match self.values.get(key).map(|placed| &placed.value) {
            Some(Value::User(uid)) => *uid,
            _ => None,
        }
    }

    /// A table with free keys; empty when it isn't set.
    #[must_use]
    pub fn map(&self, key: &str) -> BTreeMap<String, Value> {
        match self.get(key) {
            Some(Value::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// A table with free keys and texts, paths or addresses as values.
    #[must_use]
    pub fn text_map(&self, key: &str) -> BTreeMap<String, String> {
        let map = self.map(key);
        map.into_iter().filter_map(|(key, value)| Some((key, value.to_text()?))).collect()
    }

    /// A table with defined keys: there even when the file doesn't mention it, with its defaults.
    #[must_use]
    pub fn table(&self, key: &str) -> &Table {
        match self.get(key) {
            Some(Value::Table(table)) => table,
            _ => {
                debug_assert!(false, "{key} is not a table");
                self
            }
        }
    }

    /// Named tables in the order of the file.
    #[must_use]
    pub fn tables(&self, key: &str) -> &[Table] {
        match self.get(key) {
            Some(Value::Tables(tables)) => tables,
            _ => &[],
        }
    }

    /// Something wrong with a key's value, at its place in the file; at the table's head when the
    /// key isn't set.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        let at = self.values.get(key).and_then(|placed| placed.at).or(self.at);
        self.source.problem(at, format!("`{key}`: {}", message.into()))
    }

    /// Something wrong with the table as a whole.
    pub fn problem_here(&self, message: impl Into<String>) -> Problem {
        self.source.problem(self.at, message)
    }
}

impl Value {
    /// Whether it is an array or a table with free keys and has nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::List(items) => items.is_empty(),
            Self::Map(entries) => entries.is_empty(),
            _ => false,
        }
    }

    /// The text of a text, choice, path or address.
    #[must_use]
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Path(path) => Some(path.display().to_string()),
            Self::Address(address) => Some(address.to_string()),
            _ => None,
        }
    }
}

impl Table {
    /// Whether a key has the same value here and there, wherever it stands.
    #[must_use]
    pub fn same(&self, other: &Self, key: &str) -> bool {
        match (self.get(key), other.get(key)) {
            (Some(one), Some(two)) => one == two,
            (None, None) => true,
            _ => false,
        }
    }
}

/// Names and values count, not the places.
impl PartialEq for Table {
    fn eq(&self, other: &Self) -> bool {
        let values = |table: &Self| -> Vec<(&'static str, Value)> {
            table.values.iter().map(|(key, placed)| (*key, placed.value.clone())).collect()
        };
        self.name == other.name && values(self) == values(other)
    }
}
