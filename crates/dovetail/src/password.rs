//! A password from the terminal, unseen, or the first line of standard input.

use std::io::{BufRead, IsTerminal, Read, Write};

use nix::sys::termios::{self, LocalFlags, SetArg, Termios};

use crate::exit::{EX_USAGE, Failure};

/// No password is longer, in octets.
const MAX_PASSWORD: u64 = 4096;

/// Asks at a terminal (twice, if `confirm`); takes the first line of anything else.
pub(crate) fn read(confirm: bool) -> Result<String, Failure> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return line();
    }
    let _hidden = Hidden::start()?;
    let password = ask("Password: ")?;
    if confirm && ask("The same again: ")? != password {
        return Err(Failure::new(EX_USAGE, "the two differ"));
    }
    Ok(password)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let mut err = std::io::stderr();
    let _ = err.write_all(prompt.as_bytes());
    let said = line();
    // The end of the line that wasn't shown.
    let _ = err.write_all(b"\n");
    said
}

fn line() -> Result<String, Failure> {
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(MAX_PASSWORD);
    input.read_line(&mut text).map_err(|error| Failure::system("standard input", error))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// A terminal that doesn't show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn start() -> Result<Self, Failure> {
        let failed = |error| Failure::system("terminal", error);
        let before = termios::tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        termios::tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &quiet).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = termios::tcsetattr(std::io::stdin(), SetArg::TCSAFLUSH, &self.0);
    }
}
