//! The commands that other programs of a machine expect of its MTA: `sendmail`, `mailq`, `newaliases`,
//! `postmap`, `postalias`.
//!
//! One program, which acts by the name that it was called by. Options, and the message on its way to
//! smtpd, are pure; sockets, files and standard input are thin above. It knows no queue and no mailbox: a
//! message is smtpd's once that has said 250. Ruled by Postfix's sendmail(1), postmap(1), postqueue(1).

pub mod exit;
pub mod getopt;
pub mod places;
pub mod queue;
pub mod say;
pub mod sendmail;
pub mod tables;
mod user;

use std::path::Path;
use std::process::ExitCode;

use exit::Failure;
use say::Voice;

/// The program's own name; called by it, it takes the command's name as its first word.
const OWN: &str = "dovetail-mta";

/// Runs the command that the program was called as.
#[must_use]
pub fn main() -> ExitCode {
    let mut words: Vec<String> =
        std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let mut name = take_name(&mut words);
    if name == OWN {
        name = take_name(&mut words);
    }
    match name.as_str() {
        "sendmail" | "mailq" | "newaliases" => sendmail::main(&name, &words),
        "postmap" | "postalias" => tables::main(&name, &words),
        _ => {
            let names = "sendmail, mailq, newaliases, postmap or postalias";
            let failure = Failure::usage(format!("usage: call it as {names}"));
            Voice::new(OWN).fatal(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// The first word, without folders; empty if there is none.
fn take_name(words: &mut Vec<String>) -> String {
    if words.is_empty() {
        return String::new();
    }
    let word = words.remove(0);
    Path::new(&word).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
