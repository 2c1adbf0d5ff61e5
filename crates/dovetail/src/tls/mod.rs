//! `dovetail tls`: what certificates the daemons show, and copies of those that only root may read.

mod copy;
mod keys;
mod place;
mod show;

use std::path::Path;

use daemon::Problem;
pub(crate) use keys::{FILE, spec};

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
