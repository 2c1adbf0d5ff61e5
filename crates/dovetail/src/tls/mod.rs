//! `dovetail tls`: what certificates the daemons show, and copies of those that only root may read.

mod copy;
pub(crate) mod keys;
mod place;
mod show;

use std::path::{Path, PathBuf};

use daemon::Problem;
pub(crate) use keys::FILE;

use crate::cli::{Cli, TlsArguments, TlsCommand};
use crate::exit::Failure;

pub(crate) fn run(arguments: &TlsArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        TlsCommand::Show { names } => show::run(names, cli),
        TlsCommand::Copy => copy::run(cli),
    }
}

/// Everything that is wrong with `tls.toml` of the folder.
pub(crate) fn check(folder: &Path) -> Result<(), Vec<Problem>> {
    keys::Copies::read(folder).map(drop)
}

/// Every file that `tls.toml` of the folder has copied; none without it.
///
/// # Errors
/// Everything that is wrong with it.
pub(crate) fn sources(folder: &Path) -> Result<Vec<PathBuf>, Vec<Problem>> {
    if !folder.join(format!("{FILE}.toml")).exists() {
        return Ok(Vec::new());
    }
    let copies = keys::Copies::read(folder)?.copies.into_iter();
    let mut files: Vec<PathBuf> =
        copies.flat_map(|copy| [copy.source.certificate, copy.source.key]).collect();
    files.sort();
    files.dedup();
    Ok(files)
}
