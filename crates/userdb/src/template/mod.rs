//! Dovecot's variables: `%u`, `%Ln`, `%{user | lower}` in paths, names and fields.
//!
//! A value that becomes part of a path never climbs out of its folder: one that holds a `/` or
//! makes a component `.` or `..` is refused, whatever the name rules let through.

mod change;
mod parse;
#[cfg(test)]
mod tests;
mod variable;

use std::path::PathBuf;

use change::{Change, Value};
pub use parse::MAX_WIDTH;
pub use variable::Values;
use variable::{Kind, Variable};

/// Text with variables in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable { variable: Variable, changes: Vec<Change>, cut: Cut },
}

/// 2.3's `%OFFSET.WIDTH`: what is left of a value in the end, in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Cut {
    /// Negative ones count from the end.
    offset: i32,
    /// 0: all; negative ones leave that many out at the end.
    width: i32,
    /// Zeros in front make up the width, and nothing is cut off.
    pad: bool,
}

/// A template that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what:?} at character {at} of {text:?} is no variable: known are %u %n %d %s %h %l %r %a %b %p %m %c %k \
     and long names such as %{{user}}, %{{domain}}, %{{rip}}, %{{passdb:KEY}}, with modifiers (%Lu) or \
     filters (%{{user | lower}}); %% is a percent sign"
)]
pub struct TemplateError {
    /// The template.
    pub text: String,
    /// The character where it starts, from 1.
    pub at: usize,
    /// What isn't known, as far as it shows it.
    pub what: String,
}

/// How much of an unknown variable is shown, in characters.
const SHOWN: usize = 24;

/// A user's name can't be made part of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It would climb out of its folder.
    #[error("the user's name would climb out of {0:?}")]
    Climbs(String),
    /// A part of the path would be empty.
    #[error(
        "a part of {0:?} is empty for this user: has the name no domain? default_realm gives one"
    )]
    Empty(String),
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// It holds a variable that isn't known.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let pieces = parse::pieces(source).map_err(|offset| {
            let (before, rest) = source.split_at_checked(offset).unwrap_or((source, ""));
            let end = rest.find(['}', ' ', '/']).map_or(rest.len(), |end| end + 1);
            let what = rest.get(..end).unwrap_or(rest).trim_end_matches([' ', '/']);
            TemplateError {
                text: source.into(),
                at: before.chars().count() + 1,
                what: what.chars().take(SHOWN).collect(),
            }
        })?;
        Ok(Self { source: source.into(), pieces })
    }

    /// Reads a template, or takes the text for itself where it is none.
    #[must_use]
    pub fn lenient(source: &str) -> Self {
        Self::parse(source).unwrap_or_else(|_| Self::literal(source))
    }

    /// A template that stands for itself, even where it has percent signs.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { source: text.into(), pieces: vec![Piece::Text(text.into())] }
    }

    /// What was parsed.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is the same for all users.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        !self.pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. }))
    }

    /// The text before the first variable.
    #[must_use]
    pub fn fixed_start(&self) -> String {
        let texts = self.pieces.iter().map_while(|piece| match piece {
            Piece::Text(text) => Some(text.as_str()),
            Piece::Variable { .. } => None,
        });
        texts.collect()
    }

    /// Puts the values in.
    #[must_use]
    pub fn expand(&self, values: &Values<'_>) -> String {
        self.pieces.iter().map(|piece| piece.expand(values)).collect()
    }

    /// Puts the values in where the result is a path.
    ///
    /// # Errors
    /// A value climbs, or leaves a component empty.
    pub fn expand_path(&self, values: &Values<'_>) -> Result<PathBuf, PathError> {
        self.expand_checked(values, true).map(PathBuf::from)
    }

    /// Puts the values in where the result may hold a path (`maildir:/srv/%d/%n`).
    ///
    /// # Errors
    /// A value climbs.
    pub fn expand_field(&self, values: &Values<'_>) -> Result<String, PathError> {
        self.expand_checked(values, false)
    }

    fn expand_checked(&self, values: &Values<'_>, path: bool) -> Result<String, PathError> {
        let mut out = String::new();
        let mut component = Component::default();
        for piece in &self.pieces {
            let text = piece.expand(values);
            let kind = piece.kind();
            if kind == Kind::Word {
                if text.contains(['/', '\0']) {
                    return Err(PathError::Climbs(self.source.clone()));
                }
                component.variable = true;
                component.text.push_str(&text);
            } else {
                for c in text.chars() {
                    if matches!(c, '/' | ':') {
                        self.check(&component, path && kind == Kind::Operators)?;
                        component = Component::default();
                    } else {
                        component.variable |= kind == Kind::Field;
                        component.text.push(c);
                    }
                }
            }
            out.push_str(&text);
        }
        self.check(&component, path)?;
        Ok(out)
    }

    fn check(&self, component: &Component, path: bool) -> Result<(), PathError> {
        match component.text.as_str() {
            _ if !component.variable => Ok(()),
            "." | ".." => Err(PathError::Climbs(self.source.clone())),
            "" if path => Err(PathError::Empty(self.source.clone())),
            _ => Ok(()),
        }
    }
}

/// One part of a path while it is put together.
#[derive(Default)]
struct Component {
    text: String,
    variable: bool,
}

impl Piece {
    const fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Operators,
            Self::Variable { variable, .. } => variable.kind(),
        }
    }

    fn expand(&self, values: &Values<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Variable { variable, changes, cut } => {
                let value = Value::Text(variable.value(values).into_owned());
                let value = changes.iter().fold(value, |value, change| change.apply(value));
                cut.apply(value.into_text())
            }
        }
    }
}

impl Cut {
    fn apply(self, text: String) -> String {
        if self == Self::default() {
            return text;
        }
        let count = text.chars().count();
        let offset = self.offset.unsigned_abs() as usize;
        let from = match self.offset {
            // One that lies before the text starts with it.
            ..0 => count.saturating_sub(offset),
            _ => offset.min(count),
        };
        let left = count - from;
        let width = self.width.unsigned_abs() as usize;
        let rest = text.chars().skip(from);
        match self.width {
            0 => rest.collect(),
            1.. if self.pad => {
                let zeros = std::iter::repeat_n('0', width.saturating_sub(left));
                zeros.chain(rest).collect()
            }
            1.. => rest.take(width).collect(),
            _ => rest.take(left.saturating_sub(width)).collect(),
        }
    }
}
