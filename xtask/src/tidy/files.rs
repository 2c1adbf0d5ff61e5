//! What every source file owes its reader: an opening that says what it is for, and a length that
//! fits a head.

use std::fs;
use std::path::{Path, PathBuf};

/// Beyond this a file does more than one thing.
const MAX_LINES: usize = 900;
/// Where our code lives.
const FOLDERS: &[&str] = &["crates", "tests", "xtask"];

/// One Rust file of ours.
pub(crate) struct Source {
    /// Relative to the workspace.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Every Rust file of the workspace, sorted by path.
    pub(crate) fn all(root: &Path) -> Result<Vec<Self>, String> {
        let mut found = Vec::new();
        for folder in FOLDERS {
            walk(root, &root.join(folder), &mut found)?;
        }
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                walk(root, &path, found)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).map_err(failed)?;
            let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
            found.push(Source { path, text });
        }
    }
    Ok(())
}

/// Finds files without an opening, and files that are too long.
pub(crate) fn check(sources: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources {
        let shown = source.path.display();
        if !source.text.starts_with("//! ") {
            findings.push(format!("{shown}: opens without a `//!` that says what it is for"));
        }
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            findings.push(format!("{shown}: {lines} lines, more than {MAX_LINES}"));
        }
    }
    findings
}
