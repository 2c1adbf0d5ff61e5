//! The smtpd daemon's executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main::<smtpd::Smtpd>()
}
