//! A file's text with its name, so that a byte offset becomes line and column.

use std::path::{Path, PathBuf};

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
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        (line, before.get(line_start..).unwrap_or("").chars().count() + 1)
    }
}

/// The mark that some editors put before UTF-8; it says nothing.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A file's octets as text.
///
/// # Errors
/// Where they stop being UTF-8.
pub(super) fn text(path: &Path, mut octets: Vec<u8>) -> Result<String, Problem> {
    if octets.starts_with(BYTE_ORDER_MARK) {
        octets.drain(..BYTE_ORDER_MARK.len());
    }
    String::from_utf8(octets).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let octet = error.as_bytes().get(good).copied().unwrap_or_default();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let source = Source { path: path.to_owned(), text };
        source.problem(Some(good), format!("not UTF-8: the octet 0x{octet:02X}"))
    })
}
