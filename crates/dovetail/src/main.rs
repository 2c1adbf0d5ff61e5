//! The operator's command.

use std::process::ExitCode;

fn main() -> ExitCode {
    dovetail::run(std::env::args_os())
}
