//! The command line of `sendmail`, `mailq` and `newaliases`: what Postfix's sendmail(1) takes, ignores
//! and refuses.
//!
//! Where Postfix starts another program (`-bp`, `-q`, `-bi`, `-bs`), the answer says which work that is.
//! Postfix's own ends with 75 for whatever is wrong; here wrong usage is 64, as sysexits(3) has it.

mod reading;

use smtp::{BodyType, Notify, Ret};

use crate::exit::Failure;
use crate::getopt::Options;

/// As Postfix's sendmail(1) has them.
const KNOWN: &str = "A:B:C:F:GIL:N:O:R:UV:X:b:ce:f:h:imno:p:r:q:tvx";
/// RFC 3461 §4.4.
const MAX_ENVID: usize = smtp::MAX_ENVID;

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What is to be done.
    pub work: Work,
    /// `-C`: the folder of configuration.
    pub folder: Option<String>,
    /// What was ignored and should be told.
    pub warnings: Vec<String>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A message comes by standard input.
    Send(Box<Sending>),
    /// `-bs`: SMTP by standard input and output.
    Smtp,
    /// `-bp`, `mailq`
    List,
    /// `-q`, `-qI`, `-qR`
    Flush(Flush),
    /// `-bi`, `newaliases`; with the table of `-oA`.
    Aliases(Option<String>),
    /// `-bh`, `-q5m`: nothing, and all is well.
    Nothing,
}

/// What of the queue is tried now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flush {
    /// All of it.
    All,
    /// One message.
    Entry(String),
    /// Mail for one domain.
    Domain(String),
}

/// How a message is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// `-f`, `-r`
    pub sender: Option<String>,
    /// `-F`
    pub full_name: Option<String>,
    /// As they stand on the command line.
    pub recipients: Vec<String>,
    /// `-t`: recipients stand in the header as well.
    pub of_header: bool,
    /// A line with a dot alone ends the message; not with `-i`.
    pub dot_ends: bool,
    /// `-B`
    pub body: Option<BodyType>,
    /// `-N`
    pub notify: Option<Notify>,
    /// `-R`
    pub ret: Option<Ret>,
    /// `-V`
    pub envid: Option<String>,
    /// `-v`: the sender gets a report of what became of it.
    pub report: bool,
    /// `-G`: the message comes from elsewhere, so its header isn't completed.
    pub gateway: bool,
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            sender: None,
            full_name: None,
            recipients: Vec::new(),
            of_header: false,
            dot_ends: true,
            body: None,
            notify: None,
            ret: None,
            envid: None,
            report: false,
            gateway: false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Send,
    Smtp,
    List,
    Flush,
    Aliases,
    Nothing,
}

/// A command line that is being read.
struct Reading<'a> {
    name: &'a str,
    mode: Mode,
    sending: Sending,
    folder: Option<String>,
    aliases: Option<String>,
    entry: Option<String>,
    domain: Option<String>,
    interval: bool,
    verbose: usize,
    warnings: Vec<String>,
}

/// Reads the words behind the program's name.
///
/// # Errors
/// [`Failure`] with what is wrong, in Postfix's words where it has some.
pub fn parse(name: &str, words: &[String]) -> Result<Command, Failure> {
    let mode = match name {
        "mailq" => Mode::List,
        "newaliases" => Mode::Aliases,
        _ => Mode::Send,
    };
    let mut reading = Reading {
        name,
        mode,
        sending: Sending::default(),
        folder: None,
        aliases: None,
        entry: None,
        domain: None,
        interval: false,
        verbose: 0,
        warnings: Vec::new(),
    };
    let mut options = Options::new(KNOWN, words);
    loop {
        // What getopt(3) can't read.
        match options.word() {
            Some("-q") => {
                reading.mode = Mode::Flush;
                options.skip_word();
                continue;
            }
            Some(word) if is_verp(word, options.word_behind()) => return Err(no_verp()),
            _ => {}
        }
        match options.next_option() {
            Some(found) => reading.take(found)?,
            None => return reading.end(options.rest()),
        }
    }
}

/// `-XV…`, and the forms that it had before Postfix 2.3.
fn is_verp(word: &str, behind: Option<&str>) -> bool {
    let two = |text: &str| text.chars().count() == 2;
    word.starts_with("-XV")
        || (word == "-V" && behind.is_some_and(two))
        || word.strip_prefix("-V").is_some_and(two)
}

fn no_verp() -> Failure {
    Failure::usage("unsupported: -XV (each recipient gets the sender that -f names)")
}

impl Reading<'_> {
    /// What all options together ask for, with what stands behind them.
    fn end(mut self, rest: &[String]) -> Result<Command, Failure> {
        let conflict = |text: &str| Err(Failure::usage(text));
        if self.sending.of_header && self.mode != Mode::Send {
            return conflict("-t can be used only in delivery mode");
        }
        if self.domain.is_some() && self.mode != Mode::Send {
            return conflict("-qR can be used only in delivery mode");
        }
        if self.entry.is_some() && self.mode != Mode::Send {
            return conflict("-qI can be used only in delivery mode");
        }
        self.sending.report = self.verbose == 1;
        let needs_none = match (self.mode, &self.domain, &self.entry) {
            (Mode::Send, Some(_), _) => "flush site requires no recipient",
            (Mode::Send, None, Some(_)) => "flush queue_id requires no recipient",
            (Mode::Send | Mode::Nothing, ..) => "",
            (Mode::Smtp, ..) => "stand-alone mode requires no recipient",
            (Mode::List, ..) => "display queue mode requires no recipient",
            (Mode::Flush, ..) => "flush queue mode requires no recipient",
            (Mode::Aliases, ..) => "alias initialization mode requires no recipient",
        };
        // Postfix looks at -q5m first: queue runs are the queue's own business.
        if !self.interval && !needs_none.is_empty() && !rest.is_empty() {
            return conflict(needs_none);
        }
        let work = match (self.mode, self.domain, self.entry) {
            _ if self.interval => Work::Nothing,
            (Mode::Send, Some(domain), _) => Work::Flush(Flush::Domain(domain)),
            (Mode::Send, None, Some(entry)) => Work::Flush(Flush::Entry(entry)),
            (Mode::Send, None, None) => {
                self.sending.recipients = rest.to_vec();
                Work::Send(Box::new(self.sending))
            }
            (Mode::Smtp, ..) => Work::Smtp,
            (Mode::List, ..) => Work::List,
            (Mode::Flush, ..) => Work::Flush(Flush::All),
            (Mode::Aliases, ..) => Work::Aliases(self.aliases),
            (Mode::Nothing, ..) => Work::Nothing,
        };
        Ok(Command { work, folder: self.folder, warnings: self.warnings })
    }
}

#[cfg(test)]
mod tests;
