//! The project's own commands, behind the aliases of `.cargo/config.toml`.
//!
//! `cargo demo` builds the release binaries and starts the whole system on loopback.
//! `cargo verify` runs everything that guards the project; CI calls nothing else.
//! `cargo xtask tidy` checks the rules of docs/architecture.md that no compiler checks.
//! `cargo xtask stage` lays out an installation, `cargo xtask package` makes Debian packages of it.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command that talks to a developer"
)]

mod demo;
mod man;
mod package;
mod packages;
mod process;
mod stage;
mod tidy;
mod verify;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo demo [OPTIONS OF dovetail demo]
       cargo verify [STEP …]
       cargo xtask tidy
       cargo xtask stage DIR [--profile dev|release]
       cargo xtask package [--profile dev|release] [--version VERSION]";

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
        "stage" => stage::run(rest),
        "package" => package::run(rest),
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
