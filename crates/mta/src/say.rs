//! What a command says: its answer on standard output; of itself on standard error in the form of
//! Postfix's commands, and, where nobody may be reading that, in the system's log (syslog(3), facility
//! mail; RFC 3164 §4.1.1).

use std::io::{self, ErrorKind, Write as _};
use std::os::unix::net::UnixDatagram;

use crate::exit::Failure;

/// Where syslog(3) writes.
const LOG: &str = "/dev/log";
/// The facility `mail`, and the severities `crit` and `warning`, which Postfix gives to its `fatal:` and
/// `warning:`.
const MAIL: u8 = 2 << 3;
const CRITICAL: u8 = 2;
const WARNING: u8 = 4;
/// Octets of a line in the log.
const MAX_LINE: usize = 1024;

/// A command's voice.
#[derive(Debug, Clone)]
pub struct Voice {
    name: String,
    logs: bool,
}

impl Voice {
    /// Speaks as this program, to standard error alone.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), logs: false }
    }

    /// Speaks to the log as well.
    #[must_use]
    pub fn logging(self) -> Self {
        Self { logs: true, ..self }
    }

    /// Something is odd, and goes on.
    pub fn warning(&self, text: &str) {
        self.say("warning", WARNING, text);
    }

    /// The end: the failure's last line is what failed, those before it stand as they are.
    pub fn fatal(&self, failure: &Failure) {
        let (before, last) = failure.text.rsplit_once('\n').unwrap_or(("", &failure.text));
        if !before.is_empty() {
            let _ = writeln!(io::stderr(), "{before}");
        }
        self.say("fatal", CRITICAL, last);
    }

    fn say(&self, what: &str, severity: u8, text: &str) {
        let text = printable(text);
        let _ = writeln!(io::stderr(), "{}: {what}: {text}", self.name);
        if self.logs {
            let (name, pid) = (&self.name, std::process::id());
            let line = format!("<{}>dovetail-{name}[{pid}]: {what}: {text}", MAIL + severity);
            log(line.as_bytes());
        }
    }
}

/// Prints a part of the answer; `code` is for output that can't be written. A reader that has seen enough
/// is no failure.
pub(crate) fn print(text: &str, code: u8) -> Result<(), Failure> {
    match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(code, format!("output write error: {error}")))
        }
        _ => Ok(()),
    }
}

/// A logger that is away or busy is no reason to wait.
fn log(line: &[u8]) {
    let Ok(socket) = UnixDatagram::unbound() else { return };
    let line = line.get(..MAX_LINE).unwrap_or(line);
    if socket.set_nonblocking(true).is_ok() {
        let _ = socket.send_to(line, LOG);
    }
}

/// Nothing that was said by others moves a terminal's cursor, or begins a line.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_others_say_stays_on_its_line() {
        assert_eq!(printable("a\r\nb\u{1b}[2Jé"), "a??b?[2Jé");
    }
}
