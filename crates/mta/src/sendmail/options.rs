//! The command line of `sendmail`, `mailq` and `newaliases`: what Postfix's sendmail(1) takes, ignores
//! and refuses.
//!
//! Where Postfix starts another program (`-bp`, `-q`, `-bi`, `-bs`), the answer says which work that is.
//! Postfix's own ends with 75 for whatever is wrong; here wrong usage is 64, as sysexits(3) has it.

use smtp::{BodyType, Notify, Ret};

use crate::exit::Failure;
use crate::getopt::{Found, Options, complaint};

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
    fn take(&mut self, found: Found<'_>) -> Result<(), Failure> {
        match found {
            Found::Unknown(_) | Found::Lacking(_) => {
                let said = complaint(self.name, found).unwrap_or_default();
                self.warnings.clear();
                Err(Failure::usage(format!("usage: {} [options]\n{said}", self.name)))
            }
            Found::Flag(letter) => self.flag(letter),
            Found::Value(letter, value) => self.value(letter, value),
        }
    }

    fn flag(&mut self, letter: char) -> Result<(), Failure> {
        match letter {
            'G' => self.sending.gateway = true,
            'I' => self.mode = Mode::Aliases,
            'i' => self.sending.dot_ends = false,
            'n' => return Err(Failure::usage("-n option not supported")),
            't' => self.sending.of_header = true,
            'v' => self.verbose += 1,
            // -U -c -m -x: they meant something to Sendmail.
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, letter: char, value: &str) -> Result<(), Failure> {
        match letter {
            'B' => self.sending.body = Some(body(value)?),
            'C' => self.folder = Some(folder(value)),
            'F' => self.sending.full_name = Some(value.to_owned()),
            'N' => self.notify(value),
            'R' => self.ret(value),
            'V' => self.envid(value),
            'X' => {
                let first: String = value.chars().take(1).collect();
                return Err(Failure::usage(format!("unsupported: -X{first}")));
            }
            'b' => return self.job(value),
            'f' | 'r' => self.sending.sender = Some(value.to_owned()),
            'o' => return self.old_option(value),
            'q' => return self.queue(value),
            // -A -L -O -e -h -p: they meant something to Sendmail.
            _ => {}
        }
        Ok(())
    }

    fn job(&mut self, value: &str) -> Result<(), Failure> {
        self.mode = match value.chars().next() {
            Some('h' | 'H') => Mode::Nothing,
            Some('i') => Mode::Aliases,
            Some('m') => Mode::Send,
            Some('p') => Mode::List,
            Some('s') => Mode::Smtp,
            Some('d' | 'l') => {
                let remedy = "the daemons are started by `systemctl start dovetail`";
                return Err(Failure::usage(format!("unsupported: -b{value} ({remedy})")));
            }
            Some('v') => {
                let remedy = "recipients are looked at when a message is sent";
                return Err(Failure::usage(format!("unsupported: -bv ({remedy})")));
            }
            first => {
                let first = first.map(String::from).unwrap_or_default();
                return Err(Failure::usage(format!("unsupported: -b{first}")));
            }
        };
        Ok(())
    }

    /// `-o` with a letter and perhaps a value.
    fn old_option(&mut self, value: &str) -> Result<(), Failure> {
        match value.chars().next() {
            Some('A') if value.len() == 1 => Err(Failure::usage("-oA requires pathname")),
            Some('A') => {
                self.aliases = value.get(1..).map(str::to_owned);
                Ok(())
            }
            Some('i') => {
                self.sending.dot_ends = false;
                Ok(())
            }
            // -odi, -oem, -om, -o7 …
            _ => Ok(()),
        }
    }

    /// `-q` with something behind it.
    fn queue(&mut self, value: &str) -> Result<(), Failure> {
        let rest = value.get(1..).unwrap_or_default();
        match value.chars().next() {
            Some(first) if first.is_ascii_digit() => self.interval = true,
            Some('R') if rest.is_empty() => return Err(Failure::usage("specify: -qRsitename")),
            Some('R') => self.domain = Some(rest.to_owned()),
            Some('I') if rest.is_empty() => return Err(Failure::usage("specify: -qIqueueid")),
            Some('I') => self.entry = Some(rest.to_owned()),
            first => {
                let first = first.map(String::from).unwrap_or_default();
                return Err(Failure::usage(format!("-q{first} is not implemented")));
            }
        }
        Ok(())
    }

    fn notify(&mut self, value: &str) {
        let word = |text: &str| -> Result<Notify, String> {
            match text.to_ascii_lowercase().as_str() {
                "never" => Ok(Notify::default()),
                "success" => Ok(Notify { success: true, ..Notify::default() }),
                "failure" => Ok(Notify { failure: true, ..Notify::default() }),
                "delay" => Ok(Notify { delay: true, ..Notify::default() }),
                _ => Err(format!("unknown DSN NOTIFY command value \"{text}\" in \"{value}\"")),
            }
        };
        let words = value.split([',', ' ', '\t']).filter(|word| !word.is_empty());
        let read: Result<Vec<Notify>, String> = words.map(word).collect();
        match read {
            Ok(all) if is_sound(&all) => {
                self.sending.notify = all.into_iter().reduce(|one, other| Notify {
                    success: one.success || other.success,
                    failure: one.failure || other.failure,
                    delay: one.delay || other.delay,
                });
                return;
            }
            Ok(_) => {}
            Err(why) => self.warnings.push(why),
        }
        self.warnings.push("bad -N option value -- ignored".to_owned());
    }

    fn ret(&mut self, value: &str) {
        match value.to_ascii_lowercase().as_str() {
            "full" => self.sending.ret = Some(Ret::Full),
            "hdrs" => self.sending.ret = Some(Ret::Headers),
            _ => self.warnings.push("bad -R option value -- ignored".to_owned()),
        }
    }

    fn envid(&mut self, value: &str) {
        if value.len() > MAX_ENVID {
            self.warnings.push("too long -V option value -- ignored".to_owned());
        } else if value.is_empty() || !value.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
            self.warnings.push("bad syntax in -V option value -- ignored".to_owned());
        } else {
            self.sending.envid = Some(value.to_owned());
        }
    }

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

/// NEVER stands alone.
fn is_sound(all: &[Notify]) -> bool {
    let never = all.contains(&Notify::default());
    !all.is_empty() && (!never || all.iter().all(|one| *one == Notify::default()))
}

fn body(value: &str) -> Result<BodyType, Failure> {
    match value {
        "8BITMIME" => Ok(BodyType::EightBitMime),
        "7BIT" => Ok(BodyType::SevenBit),
        _ => Err(Failure::usage("-B option needs 8BITMIME or 7BIT")),
    }
}

/// The folder itself, or that of `main.cf`.
fn folder(value: &str) -> String {
    let path = std::path::Path::new(value);
    match path.file_name() {
        Some(name) if name == "main.cf" => {
            path.parent().map(|parent| parent.display().to_string()).unwrap_or_default()
        }
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
