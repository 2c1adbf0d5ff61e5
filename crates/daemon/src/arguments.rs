//! The few arguments that every daemon takes.

use std::path::PathBuf;

/// The folder of configuration when none is named.
pub const DEFAULT_FOLDER: &str = "/etc/dovetail";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Serve, with the configuration of this folder.
    Serve(PathBuf),
    /// Write this to stdout and end.
    Say(String),
    /// Say why on stderr and end with EX_USAGE.
    Wrong(String),
}

pub(crate) fn read(name: &str, arguments: impl Iterator<Item = std::ffi::OsString>) -> Arguments {
    let usage = format!(
        "usage: {name} [--config DIR]\n\
         Reads DIR/{name}.toml and the shared files beside it (default: {DEFAULT_FOLDER}).\n\
         SIGHUP reloads, SIGTERM drains and ends, SIGUSR1 opens the log file again.\n"
    );
    let mut folder = PathBuf::from(DEFAULT_FOLDER);
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--help" | "-h") => return Arguments::Say(usage),
            Some("--version" | "-V") => {
                return Arguments::Say(format!(
                    "{name} (Dovetail) {}\n",
                    env!("CARGO_PKG_VERSION")
                ));
            }
            Some("--config" | "-c") => match arguments.next() {
                Some(path) => folder = path.into(),
                None => return Arguments::Wrong(format!("--config needs a folder\n{usage}")),
            },
            Some(text) if text.starts_with("--config=") => {
                folder = PathBuf::from(text.trim_start_matches("--config="));
            }
            _ => {
                let shown = argument.to_string_lossy();
                return Arguments::Wrong(format!("unknown argument {shown:?}\n{usage}"));
            }
        }
    }
    Arguments::Serve(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let read = |list: &[&str]| read("smtpd", list.iter().map(std::ffi::OsString::from));
        assert_eq!(read(&[]), Arguments::Serve(DEFAULT_FOLDER.into()));
        assert_eq!(read(&["--config", "/x"]), Arguments::Serve("/x".into()));
        assert_eq!(read(&["--config=/x"]), Arguments::Serve("/x".into()));
        assert!(matches!(read(&["--config"]), Arguments::Wrong(_)));
        assert!(matches!(read(&["-x"]), Arguments::Wrong(_)));
        assert!(matches!(read(&["--version"]), Arguments::Say(text) if text.starts_with("smtpd")));
    }
}
