//! A file's text with its name, so that a byte offset becomes line and column.

use std::path::PathBuf;

use super::problem::Problem;

/// One file's text. The text is dropped with the configuration; it is never shown.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// A byte offset in a file, or the file as a whole.
pub(super) type Offset = Option<usize>;

impl Source {
    pub(super) fn problem(&self, at: Offset, message: impl Into<String>) -> Problem {
        Problem {
            file: self.path.clone(),
            position: at.map(|offset| self.position(offset)),
            message: message.into(),
        }
    }

    /// Line and column from 1, the column in characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        (line, before.get(line_start..).unwrap_or("").chars().count() + 1)
    }
}
