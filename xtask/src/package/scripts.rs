//! A package's maintainer scripts: its own of deploy/debian (`PACKAGE.postinst`), or those that all
//! daemons share (`daemon.postinst`), with names filled in.

use std::fs;
use std::path::Path;

use super::write as write_file;
use crate::process;
use crate::stage::{Staged, said};

const FOLDER: &str = "deploy/debian";
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Writes the scripts that the package has.
pub(super) fn write(name: &str, files: &[&Staged], about: &Path) -> Result<(), String> {
    let is_daemon = files.iter().any(|file| file.path.starts_with("/usr/libexec/dovetail/"));
    for script in SCRIPTS {
        let own = process::root().join(FOLDER).join(format!("{name}.{script}"));
        let shared = process::root().join(FOLDER).join(format!("daemon.{script}"));
        let template = match (own.is_file(), is_daemon) {
            (true, _) => own,
            (false, true) => shared,
            (false, false) => continue,
        };
        let text = fs::read_to_string(&template).map_err(said(&template))?;
        write_file(&about.join(script), &fill(&text, name, files)?, 0o755)?;
    }
    Ok(())
}

fn fill(text: &str, package: &str, files: &[&Staged]) -> Result<String, String> {
    let daemon = package.trim_start_matches("dovetail-");
    let units: Vec<&str> = files
        .iter()
        .filter_map(|file| file.path.strip_prefix("/usr/lib/systemd/system/"))
        .collect();
    let sockets: Vec<&str> =
        units.iter().copied().filter(|unit| unit.ends_with(".socket")).collect();
    // A template's name stands for its instances.
    let all = |list: &[&str]| {
        let shown = |unit: &&str| match unit.contains("@.") {
            true => format!("'{}'", unit.replace("@.", "@*.")),
            false => (*unit).to_owned(),
        };
        list.iter().map(shown).collect::<Vec<_>>().join(" ")
    };
    let is_instance = |unit: &&str| unit.ends_with("@.service");
    let instances: Vec<&str> = units.iter().copied().filter(is_instance).collect();
    let setup = process::root().join("deploy/setup.sh");
    let purge = fs::read_to_string(&setup).map_err(said(&setup))?;
    Ok(text
        .replace("@PURGE@", purge.trim_end())
        .replace("@PACKAGE@", package)
        .replace("@NAME@", daemon)
        .replace("@UNIT@", &format!("{package}.service"))
        .replace("@INSTANCES@", &all(&instances))
        .replace("@SOCKETS@", &all(&sockets)))
}
