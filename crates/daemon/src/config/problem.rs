//! One thing that is wrong with the configuration, and where.

use std::fmt;
use std::path::PathBuf;

/// One thing that is wrong, with its place. Ordered by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file.
    pub file: PathBuf,
    /// Line and column, counted from 1 in characters; none when the file as a whole is meant.
    pub position: Option<(usize, usize)>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem with a file as a whole.
    pub fn file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { file: file.into(), position: None, message: message.into() }
    }

    /// The key that the file doesn't know, if that is what is wrong and nothing else was suggested: who
    /// knows more files may say where it belongs.
    #[must_use]
    pub fn unknown_key(&self) -> Option<&str> {
        let rest = self.message.strip_prefix("unknown key `")?;
        let (name, after) = rest.split_once('`')?;
        (!after.contains("; ")).then_some(name)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some((line, column)) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)
    }
}

/// All of them, sorted, one a line.
#[must_use]
pub fn print_problems(problems: &[Problem]) -> String {
    let mut sorted: Vec<&Problem> = problems.iter().collect();
    sorted.sort();
    sorted.dedup();
    sorted.iter().map(|problem| format!("{problem}\n")).collect()
}
