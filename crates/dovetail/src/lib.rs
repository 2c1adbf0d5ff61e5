//! The operator's command: the demo, checks, users and passwords, the queue, what runs.
//!
//! It asks daemons at their admin sockets and authd at its own, and links their crates only for
//! what their configuration may hold. It builds nothing, and serves nothing
//! but the demo and `metrics serve`.

mod admin;
mod auth;
mod cli;
mod config;
mod debug;
mod demo;
mod exit;
mod files;
mod glance;
mod health;
mod kick;
mod man;
mod metrics;
mod output;
mod password;
mod places;
mod pw;
mod queue;
mod reload;
mod sandbox;
mod status;
mod tls;
mod units;
mod user;
mod who;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::{EX_USAGE, Failure};

/// Runs the command line; exits by sysexits(3): 0, 64, 67, 69, 71, 75, 77, 78.
#[must_use]
pub fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EX_USAGE } else { 0 });
        }
    };
    match dispatch(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                let _ = writeln!(std::io::stderr(), "dovetail: {}", failure.message);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Demo(arguments) => demo::run(arguments, cli.config.as_deref(), cli.json),
        Command::Config(arguments) => config::run(arguments, cli),
        Command::Pw(arguments) => pw::run(arguments, cli),
        Command::Auth(arguments) => auth::run(arguments, cli),
        Command::User(arguments) => user::run(arguments, cli),
        Command::Queue(arguments) => queue::run(arguments, cli),
        Command::Status => status::run(cli),
        Command::Health { name } => health::run(cli, name.as_deref()),
        Command::Metrics(arguments) => metrics::run(arguments, cli),
        Command::Units(arguments) => units::run(arguments, cli),
        Command::Who(arguments) => who::run(arguments, cli),
        Command::Kick(arguments) => kick::run(arguments, cli),
        Command::Reload(arguments) => reload::run(arguments, cli),
        Command::Sandbox(arguments) => sandbox::run(arguments, cli),
        Command::Tls(arguments) => tls::run(arguments, cli),
        Command::Debug(arguments) => debug::run(arguments, cli),
        Command::Man { folder } => man::run(folder),
    }
}
