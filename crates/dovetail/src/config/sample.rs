//! `dovetail config sample`: the commented files, one to standard output or all into a folder.

use std::io::Write as _;
use std::path::Path;

use crate::cli::SampleArguments;
use crate::exit::{EX_USAGE, Failure};
use crate::files::specs;
use crate::output;

pub(super) fn run(arguments: &SampleArguments) -> Result<(), Failure> {
    match (&arguments.file, &arguments.all) {
        (_, Some(folder)) => all(folder),
        (Some(file), None) => one(file),
        (None, None) => Err(Failure::new(EX_USAGE, "name a file, or a folder with --all")),
    }
}

fn one(file: &str) -> Result<(), Failure> {
    let wanted = file.strip_suffix(".toml").unwrap_or(file);
    let specs = specs();
    match specs.iter().find(|spec| spec.name == wanted) {
        Some(spec) => output::print(&daemon::sample(spec)),
        None => {
            let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
            let message = format!("no file is named {wanted}.toml; there are {}", names.join(", "));
            Err(Failure::new(EX_USAGE, message))
        }
    }
}

/// Every file that isn't there yet: what an operator wrote stays.
fn all(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::system(path.display(), error);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for spec in specs() {
        let path = folder.join(format!("{}.toml", spec.name));
        match std::fs::File::create_new(&path) {
            Ok(mut file) => {
                let written = file.write_all(daemon::sample(&spec).as_bytes());
                written.map_err(|error| failed(&path, error))?;
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                output::print(&format!("{}: there already, left as it is\n", path.display()))?;
            }
            Err(error) => return Err(failed(&path, error)),
        }
    }
    Ok(())
}
