//! The rules of docs/architecture.md that no compiler checks: which crate may use which, what opens
//! each file, which RFCs are cited, how long files get.
//!
//! All findings are printed, not just the first.

mod bans;
mod files;
mod rfcs;
mod rows;

use crate::process;

/// Checks everything; an error names how many rules were broken.
pub(crate) fn run() -> Result<(), String> {
    let root = process::root();
    let mut findings = Vec::new();
    findings.extend(rows::check(&rows::Workspace::load()?));
    let sources = files::Source::all(&root)?;
    findings.extend(files::check(&sources));
    findings.extend(bans::check(&root)?);
    findings.extend(rfcs::check(&root, &sources)?);
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if findings.is_empty() { Ok(()) } else { Err(format!("tidy: {} findings", findings.len())) }
}
