//! The authd binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    daemon::main::<authd::Authd>()
}
