//! `sendmail`: a message from standard input to smtpd, and what else Postfix's sendmail(1) does.
//!
//! [`options`] reads the command line, [`intake`] the message, [`compose`] puts both together to an
//! envelope and a header, [`send`] says them to smtpd. Only the last, and whoever calls them, does I/O.

pub mod compose;
pub mod header;
pub mod intake;
pub mod kept;
pub mod list;
pub mod name;
pub mod options;
mod run;
pub mod send;
pub mod session;
pub mod verdict;

use std::process::ExitCode;

use crate::exit::Failure;
use crate::places;
use crate::say::Voice;
use options::{Command, Work};

/// Acts as `sendmail`, `mailq` or `newaliases`.
#[must_use]
pub fn main(name: &str, words: &[String]) -> ExitCode {
    let voice = Voice::new(name).logging();
    match options::parse(name, words).and_then(|command| act(&command, &voice)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            voice.fatal(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn act(command: &Command, voice: &Voice) -> Result<(), Failure> {
    for warning in &command.warnings {
        voice.warning(warning);
    }
    let folder = places::folder(command.folder.as_deref());
    match &command.work {
        Work::Send(sending) => run::deliver(sending, &places::sendmail(&folder), voice),
        Work::Smtp => run::pass(&places::sendmail(&folder)),
        Work::List => crate::queue::list(&places::queue(&folder)),
        Work::Flush(flush) => crate::queue::flush(&places::queue(&folder), flush),
        Work::Aliases(table) => crate::tables::new_aliases(table.as_deref(), voice),
        Work::Nothing => Ok(()),
    }
}
