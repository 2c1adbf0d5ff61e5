//! `postmap`, `postalias`, `newaliases`: Dovetail reads text tables as they stand, so nothing is made of
//! them. They are checked, and asked, as Postfix's commands do it.
//!
//! What a table's lines mean is `lookup`'s. Exit codes are Postfix's: 1 for whatever is wrong, and where
//! a key isn't found.

mod inline;
mod options;
mod table;

use std::io::{self, BufRead as _};
use std::process::ExitCode;

use crate::exit::Failure;
use crate::say::{Voice, print};
use options::{Command, Work};
use table::{Kind, Loaded, Source};

/// Where alias files are that nobody names.
const ALIASES: &str = "/etc/aliases";
/// Postfix's exit code for whatever goes wrong here.
const FAILED: u8 = 1;
/// Octets of a key that is read from standard input.
const MAX_KEY: u64 = 64 << 10;

/// Acts as `postmap` or `postalias`.
#[must_use]
pub fn main(name: &str, words: &[String]) -> ExitCode {
    let voice = Voice::new(name);
    let kind = if name == "postalias" { Kind::Aliases } else { Kind::Map };
    match options::parse(name, words).and_then(|command| act(kind, &command, &voice)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            voice.fatal(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// `newaliases`: checks the alias files that `-oA` names, or the usual one, which needn't be there.
///
/// # Errors
/// A file that was named can't be read.
pub fn new_aliases(named: Option<&str>, voice: &Voice) -> Result<(), Failure> {
    let list = match named {
        Some(list) => list,
        None if !std::path::Path::new(ALIASES).exists() => return Ok(()),
        None => ALIASES,
    };
    for word in list.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        check(Kind::Aliases, word, &Command::default(), voice)?;
    }
    Ok(())
}

/// Whether what was asked for was there.
fn act(kind: Kind, command: &Command, voice: &Voice) -> Result<bool, Failure> {
    match &command.work {
        Work::Check => {
            for word in &command.tables {
                check(kind, word, command, voice)?;
            }
            Ok(true)
        }
        Work::Print => match command.tables.first() {
            Some(word) => {
                let table = open(kind, word, command, voice)?;
                let lines = table.entries().map(|(key, value)| line(kind, key, value));
                print(&lines.collect::<String>(), FAILED)?;
                Ok(true)
            }
            None => Ok(false),
        },
        Work::Query(key) if key == "-" => query_input(kind, command, voice),
        Work::Query(key) => {
            for word in &command.tables {
                if let Some(value) = open(kind, word, command, voice)?.get(key) {
                    print(&format!("{value}\n"), FAILED)?;
                    return Ok(true);
                }
            }
            Ok(false)
        }
    }
}

/// Reads the table, and says what is odd.
fn check(kind: Kind, word: &str, command: &Command, voice: &Voice) -> Result<(), Failure> {
    let source = Source::parse(word)?;
    let duplicates = !command.ignores_duplicates;
    source.load(kind, command.folds, &mut |text| voice.warning(&text), duplicates).map(drop)
}

/// Opens a table to ask it. A database's oddities were told when it was checked; a text file's are told
/// here, as by Postfix.
fn open(kind: Kind, word: &str, command: &Command, voice: &Voice) -> Result<Loaded, Failure> {
    let source = Source::parse(word)?;
    let tells = source.is_text();
    let mut warn = |text: String| {
        if tells {
            voice.warning(&text);
        }
    };
    source.load(kind, command.folds, &mut warn, true)
}

/// `-q -`: a key a line; tables are read once, when they are first asked.
fn query_input(kind: Kind, command: &Command, voice: &Voice) -> Result<bool, Failure> {
    let mut tables: Vec<Option<Loaded>> = command.tables.iter().map(|_| None).collect();
    let mut input = io::stdin().lock();
    let mut found = false;
    while let Some(key) = next_key(&mut input)? {
        for (word, table) in command.tables.iter().zip(&mut tables) {
            let table = match table {
                Some(table) => table,
                none => none.insert(open(kind, word, command, voice)?),
            };
            if let Some(value) = table.get(&key) {
                print(&line(kind, &key, value), FAILED)?;
                found = true;
                break;
            }
        }
    }
    Ok(found)
}

/// The next line without its end; longer ones are cut.
fn next_key(input: &mut io::StdinLock<'_>) -> Result<Option<String>, Failure> {
    let mut key = Vec::new();
    let failed = |error: io::Error| Failure::new(FAILED, format!("standard input: {error}"));
    let count = io::Read::take(&mut *input, MAX_KEY).read_until(b'\n', &mut key).map_err(failed)?;
    if count == 0 {
        return Ok(None);
    }
    if key.last() == Some(&b'\n') {
        key.pop();
    } else if count as u64 == MAX_KEY {
        input.skip_until(b'\n').map_err(failed)?;
    }
    Ok(Some(String::from_utf8_lossy(&key).into_owned()))
}

fn line(kind: Kind, key: &str, value: &str) -> String {
    match kind {
        Kind::Map => format!("{key}\t{value}\n"),
        Kind::Aliases => format!("{key}:\t{value}\n"),
    }
}
