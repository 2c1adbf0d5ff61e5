//! imapd: reading mail by IMAP.

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main::<imapd::Imapd>()
}
