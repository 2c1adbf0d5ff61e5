//! The project's own commands, behind the aliases of `.cargo/config.toml`.
//!
//! `cargo demo` builds the release binaries and starts the whole system on loopback.
//! `cargo verify` runs everything that guards the project; CI calls nothing else.
//! `cargo xtask tidy` checks the rules of docs/architecture.md that no compiler checks.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that talks to a developer"
)]

mod demo;
mod packages;
mod process;
mod tidy;
mod verify;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo demo [OPTIONS OF dovetail demo]
       cargo verify [STEP …]
       cargo xtask tidy";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let result = match command {
        "demo" => demo::run(rest),
        "verify" => verify::run(rest),
        "tidy" => tidy::run(),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
