//! The few arguments that every daemon takes.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::name::Name;

/// The folder of configuration when none is named.
pub const DEFAULT_FOLDER: &str = "/etc/dovetail";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// Serve under this name, with the configuration of this folder.
    Serve(Name, PathBuf),
    /// Write this to stdout and end.
    Say(String),
    /// Say why on stderr and end with EX_USAGE.
    Wrong(String),
}

/// One thing that may be said.
pub(crate) struct Flag {
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
    /// What its value is called; none if it has none.
    pub(crate) value: Option<&'static str>,
    /// For the manual.
    pub(crate) what: &'static str,
}

const HELP: Flag =
    Flag { short: "-h", long: "--help", value: None, what: "Prints a short help, and ends." };
const VERSION: Flag =
    Flag { short: "-V", long: "--version", value: None, what: "Prints the version, and ends." };
const CONFIG: Flag = Flag {
    short: "-c",
    long: "--config",
    value: Some("DIR"),
    what: "The folder of configuration, in place of `/etc/dovetail`.",
};
const INSTANCE: Flag = Flag {
    short: "-i",
    long: "--instance",
    value: Some("X"),
    what: "Serves as the instance NAME@X of this daemon, which goes by NAME@X.toml if that is there, and has \
           places of its own. X has letters, digits, dots, `-` and `_`.",
};
/// All of them.
pub(crate) const OPTIONS: &[Flag] = &[CONFIG, INSTANCE, HELP, VERSION];

impl Flag {
    fn is(&self, word: &str) -> bool {
        word == self.short || word == self.long
    }
}

pub(crate) fn read(base: &'static str, arguments: impl Iterator<Item = OsString>) -> Arguments {
    let usage = usage(base);
    let (mut folder, mut name) = (PathBuf::from(DEFAULT_FOLDER), Name::new(base));
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let shown = argument.to_string_lossy().into_owned();
        let (option, value) = match shown.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (shown.as_str(), None),
        };
        let mut value = || value.clone().map(OsString::from).or_else(|| arguments.next());
        if HELP.is(option) {
            return Arguments::Say(usage);
        } else if VERSION.is(option) {
            let version = env!("CARGO_PKG_VERSION");
            return Arguments::Say(format!("{base} (Dovetail) {version}\n"));
        } else if CONFIG.is(option) {
            match value() {
                Some(path) => folder = path.into(),
                None => return Arguments::Wrong(format!("--config needs a folder\n{usage}")),
            }
        } else if INSTANCE.is(option) {
            let text = value().unwrap_or_default();
            match Name::with_instance(base, &text.to_string_lossy()) {
                Ok(instance) => name = instance,
                Err(why) => return Arguments::Wrong(format!("--instance: {why}\n{usage}")),
            }
        } else {
            return Arguments::Wrong(format!("unknown argument {shown:?}\n{usage}"));
        }
    }
    Arguments::Serve(name, folder)
}

fn usage(base: &str) -> String {
    format!(
        "usage: {base} [--config DIR] [--instance X]\n\
         Reads DIR/{base}.toml and the shared files beside it (default: {DEFAULT_FOLDER}). As an\n\
         instance it is called {base}@X, and reads DIR/{base}@X.toml if that is there.\n\
         SIGHUP reloads, SIGTERM drains and ends, a second SIGTERM ends at once, SIGUSR1 opens\n\
         the log file again.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let read = |list: &[&str]| read("smtpd", list.iter().map(OsString::from));
        let serve = |folder: &str| Arguments::Serve(Name::new("smtpd"), folder.into());
        assert_eq!(read(&[]), serve(DEFAULT_FOLDER));
        assert_eq!(read(&["--config", "/x"]), serve("/x"));
        assert_eq!(read(&["--config=/x=y"]), serve("/x=y"));
        let mx = Arguments::Serve(Name::with_instance("smtpd", "mx").unwrap(), "/x".into());
        assert_eq!(read(&["--config=/x", "--instance", "mx"]), mx);
        assert_eq!(read(&["--instance=mx", "-c", "/x"]), mx);
        for wrong in [&["--config"][..], &["-x"], &["--instance"], &["--instance=a/b"], &["x=y"]] {
            assert!(matches!(read(wrong), Arguments::Wrong(_)), "{wrong:?}");
        }
        for flag in OPTIONS {
            for word in [flag.short, flag.long] {
                let arguments =
                    [vec![word], flag.value.map(|_| "x").into_iter().collect()].concat();
                assert!(!matches!(read(&arguments), Arguments::Wrong(_)), "{arguments:?}");
            }
        }
        assert!(matches!(read(&["--version"]), Arguments::Say(text) if text.starts_with("smtpd")));
    }
}
