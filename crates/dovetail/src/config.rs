//! `dovetail config`: everything that is wrong with a folder of configuration, at once and without
//! starting anything; what the daemons go by; the sample files.

mod attempt;
mod check;
mod checks;
mod elsewhere;
mod folder;
mod sample;
mod show;
mod trial;

use std::path::Path;

use daemon::Problem;
use folder::Folder;
pub(crate) use folder::{Found, look};

use crate::cli::{Cli, ConfigArguments, ConfigCommand};
use crate::exit::Failure;

pub(crate) fn run(arguments: &ConfigArguments, cli: &Cli) -> Result<(), Failure> {
    match &arguments.command {
        ConfigCommand::Check => check::run(cli),
        ConfigCommand::Show(arguments) => show::run(arguments, cli),
        ConfigCommand::Sample(arguments) => sample::run(arguments),
        ConfigCommand::TryPaths { user, group, groups } => attempt::serve(*user, *group, groups),
    }
}

/// Where a daemon of the folder would give up on another one. It starts all the same.
pub(crate) fn impatience(found: &Found) -> Vec<Problem> {
    checks::impatience(&Folder { path: Path::new(""), configs: &found.configs })
}

#[cfg(test)]
mod tests {
    use super::check::problems;
    use super::*;

    #[test]
    fn impatience_is_told() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("qmgrd.toml"), "wait = \"11m\"\n").unwrap();
        std::fs::write(dir.path().join("relayd.toml"), "").unwrap();
        let found = look(dir.path());
        let text = daemon::print_problems(&impatience(&found));
        let want =
            "qmgrd.toml:1:8: `wait`: must be longer than `max_time` of relayd.toml, which is 11m\n";
        assert!(found.errors.is_empty() && text.ends_with(want), "{text}");
    }

    #[test]
    fn all_problems_of_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(problems(dir.path()).len(), 1);
        std::fs::write(dir.path().join("authd.toml"), "colour = 1\n[log]\nlevel = 2\n").unwrap();
        std::fs::write(dir.path().join("athd.toml"), "").unwrap();
        let text = daemon::print_problems(&problems(dir.path()));
        assert!(
            text.contains(
                "athd.toml: no daemon reads a file of this name; did you mean authd.toml?\n"
            ),
            "{text}"
        );
        std::fs::write(dir.path().join("smtpd@mx.toml"), "flavour = 1\n").unwrap();
        std::fs::write(dir.path().join("smtpd@a@b.toml"), "").unwrap();
        let text = text + &daemon::print_problems(&problems(dir.path()));
        assert!(text.contains("smtpd@mx.toml:1:1: unknown key `flavour`"), "{text}");
        assert!(text.contains("smtpd@a@b.toml: no daemon reads"), "{text}");
        assert!(text.contains("authd.toml:1:1: unknown key `colour`"), "{text}");
        assert!(text.contains("authd.toml:3:9: `log.level`: want a string"), "{text}");
    }
}
