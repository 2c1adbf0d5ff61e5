//! A value that is no list or table, against its key's kind and limits.

use std::path::PathBuf;

use toml_span::value::ValueInner;

use super::check::{Toml, Walk};
use super::key::Kind;
use super::messages::{harmless, wanted};
use super::nearest::nearest;
use super::table::Value;
use super::units::{parse_duration, parse_size, print_duration, print_size};

/// What the check of a value that isn't a list or table found.
pub(super) enum Plain {
    Good(Value),
    Bad(String),
    Nested,
}

impl Walk<'_> {
    pub(super) fn plain(&self, path: &str, kind: Kind, toml: &Toml<'_>) -> Plain {
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
            (kind, ValueInner::String(text)) => self.quoted(path, kind, text, toml),
            (kind, _) => Plain::Bad(wanted(path, kind, toml)),
        }
    }

    fn quoted(&self, path: &str, kind: Kind, text: &str, toml: &Toml<'_>) -> Plain {
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
            other => Plain::Bad(wanted(path, other, toml)),
        }
    }
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
