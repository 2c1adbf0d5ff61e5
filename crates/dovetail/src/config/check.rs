//! `dovetail config check`: everything that is wrong, of all files at once.

use std::path::Path;

use daemon::Problem;
use serde_json::{Value, json};

use super::checks::CHECKS;
use super::folder::{Folder, look};
use super::trial;
use crate::cli::Cli;
use crate::exit::{EX_CONFIG, Failure};
use crate::output;

pub(super) fn run(cli: &Cli) -> Result<(), Failure> {
    let folder = cli.folder();
    let problems = problems(folder);
    if cli.json {
        let all: Vec<Value> = problems.iter().map(as_json).collect();
        output::print_json(&json!({ "problems": all, "paths_tried": trial::possible() }))?;
    } else if problems.is_empty() {
        let untried = match trial::possible() {
            true => "",
            false => "; only root can try whether the daemons may use the paths in them",
        };
        output::print(&format!("{}: good{untried}\n", folder.display()))?;
    } else {
        output::print(&daemon::print_problems(&problems))?;
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::new(EX_CONFIG, "")) }
}

/// What is wrong with a folder, in the order of files and lines.
pub(super) fn problems(folder: &Path) -> Vec<Problem> {
    let found = look(folder);
    let together = Folder { path: folder, configs: &found.configs };
    // What a daemon says of a value, a check need not say once more.
    let said = |problem: &Problem| {
        found.errors.iter().any(|one| {
            one.file == problem.file && one.position.is_some() && one.position == problem.position
        })
    };
    let more = CHECKS.iter().flat_map(|check| check(&together));
    let more: Vec<Problem> = more.filter(|problem| !said(problem)).collect();
    let mut all = found.errors;
    all.extend(more);
    all.sort();
    all.dedup();
    all
}

fn as_json(problem: &Problem) -> Value {
    json!({
        "file": problem.file.display().to_string(),
        "line": problem.position.map(|(line, _)| line),
        "column": problem.position.map(|(_, column)| column),
        "message": problem.message,
    })
}
