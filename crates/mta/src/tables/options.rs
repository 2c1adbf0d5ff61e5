//! The command line of `postmap` and `postalias`.
//!
//! Options that say how a database is written are taken and mean nothing; those that would change one, or
//! want what Dovetail doesn't read, are refused with the remedy.

use crate::exit::Failure;
use crate::getopt::{Found, Options, complaint};

const POSTMAP: &str = "bc:d:fFhimnNopq:rsuUvw";
const POSTALIAS: &str = "c:d:finNopq:rsuvw";

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) work: Work,
    /// As they stand: `type:path`, `path`.
    pub(super) tables: Vec<String>,
    /// Not `-f`: letter case doesn't matter.
    pub(super) folds: bool,
    /// `-w`
    pub(super) ignores_duplicates: bool,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// Where Postfix makes a database.
    Check,
    /// `-s`
    Print,
    /// `-q`
    Query(String),
}

impl Default for Command {
    fn default() -> Self {
        Self { work: Work::Check, tables: Vec::new(), folds: true, ignores_duplicates: false }
    }
}

/// Reads the words behind the program's name.
pub(super) fn parse(name: &str, words: &[String]) -> Result<Command, Failure> {
    let known = if name == "postalias" { POSTALIAS } else { POSTMAP };
    let mut options = Options::new(known, words);
    let mut command = Command::default();
    let refused = |text: &str| Err(Failure::new(1, text));
    while let Some(found) = options.next_option() {
        let only_one = command.work != Work::Check;
        match found {
            Found::Unknown(_) | Found::Lacking(_) => {
                let said = complaint(name, found).unwrap_or_default();
                return Err(Failure::new(1, format!("{said}\n{}", usage(name))));
            }
            Found::Value('q' | 'd', _) if only_one => {
                return refused("specify only one of -s -q or -d");
            }
            Found::Flag('s') if matches!(command.work, Work::Query(_)) => {
                return refused("specify only one of -s -q or -d");
            }
            Found::Value('q', key) => command.work = Work::Query(key.to_owned()),
            Found::Value('d', _) => {
                return refused("-d: tables are read as text; take the entry out of the file");
            }
            Found::Flag('i') => {
                return refused("-i: tables are read as text; put the entries into the file");
            }
            Found::Flag('F') => return refused("-F: files as values are not offered"),
            Found::Flag('b' | 'h' | 'm') => {
                return refused("-b, -h and -m ask regexp and pcre tables, which are not offered");
            }
            Found::Flag('s') => command.work = Work::Print,
            Found::Flag('f') => command.folds = false,
            Found::Flag('w') => command.ignores_duplicates = true,
            // -c -n -N -o -p -r -u -U -v: how a database is written, and by whom.
            Found::Flag(_) | Found::Value(..) => {}
        }
    }
    command.tables = options.rest().to_vec();
    if command.tables.is_empty() && command.work != Work::Print {
        return Err(Failure::new(1, usage(name)));
    }
    Ok(command)
}

fn usage(name: &str) -> String {
    let flags = if name == "postalias" { "-Nfinoprsuvw" } else { "-bfFhimnNoprsuUvw" };
    format!("usage: {name} [{flags}] [-c config_dir] [-d key] [-q key] [map_type:]file...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        let mut words = line.split(' ').map(str::to_owned);
        let name = words.next().expect("a name");
        let read = parse(&name, &words.collect::<Vec<_>>());
        read.map_err(|failure| {
            assert_eq!(failure.code, 1, "{line}");
            failure.text
        })
    }

    #[test]
    fn what_guides_and_scripts_say() {
        let checks = |line: &str| {
            let command = read(line).expect("good");
            assert_eq!(command.work, Work::Check, "{line}");
            command.tables
        };
        assert_eq!(checks("postmap /etc/postfix/virtual"), ["/etc/postfix/virtual"]);
        assert_eq!(checks("postmap hash:a btree:b c"), ["hash:a", "btree:b", "c"]);
        assert_eq!(checks("postmap -c /x -v -o -p -r -u -n -N a"), ["a"]);
        assert_eq!(checks("postalias -o hash:/etc/aliases"), ["hash:/etc/aliases"]);
        let query = read("postmap -q a@b.test hash:x y").expect("good");
        assert_eq!(query.work, Work::Query("a@b.test".into()));
        assert_eq!(query.tables, ["hash:x", "y"]);
        assert!(!read("postmap -f -q A x").expect("good").folds);
        assert!(read("postmap -w x").expect("good").ignores_duplicates);
        assert_eq!(read("postmap -s").expect("good").tables.len(), 0);
    }

    #[test]
    fn what_is_refused() {
        for (line, said) in [
            ("postmap", "usage: postmap [-bfFhimnNoprsuUvw]"),
            ("postmap -q x", "usage: postmap"),
            ("postmap -q", "postmap: option requires an argument -- 'q'\nusage: postmap"),
            ("postmap -Z x", "postmap: invalid option -- 'Z'\nusage: postmap"),
            ("postalias", "usage: postalias [-Nfinoprsuvw]"),
            ("postalias -F x", "postalias: invalid option -- 'F'"),
            ("postmap -s -q x y", "specify only one of -s -q or -d"),
            ("postmap -q x -s y", "specify only one of -s -q or -d"),
            ("postmap -q x -d y z", "specify only one of -s -q or -d"),
            ("postmap -d x y", "-d: tables are read as text"),
            ("postmap -i y", "-i: tables are read as text"),
            ("postmap -F y", "-F: files as values"),
            ("postmap -h -q - y", "-b, -h and -m ask regexp"),
        ] {
            let text = read(line).expect_err(line);
            assert!(text.starts_with(said), "{line}: {text}");
        }
    }
}
