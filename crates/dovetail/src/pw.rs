//! `dovetail pw`: stored passwords made and checked, for passwd-files.

use serde_json::json;
use userdb::scheme::{Match, Scheme, StoredPassword, make};

use crate::cli::{Cli, PwArguments};
use crate::exit::{EX_NOPERM, EX_USAGE, Failure};
use crate::{output, password};

pub(crate) fn run(arguments: &PwArguments, cli: &Cli) -> Result<(), Failure> {
    if arguments.list {
        return list(cli);
    }
    let said = |confirm| arguments.password.clone().map_or_else(|| password::read(confirm), Ok);
    if let Some(stored) = &arguments.test {
        return test(cli, stored, &said(false)?);
    }
    let Some(scheme) = Scheme::from_name(&arguments.scheme) else {
        let names: Vec<&str> = Scheme::all().map(Scheme::name).collect();
        let message = format!("unknown scheme {}; there are {}", arguments.scheme, names.join(" "));
        return Err(Failure::new(EX_USAGE, message));
    };
    let stored = make(scheme, said(true)?.as_bytes(), arguments.rounds)
        .map_err(|error| Failure::new(EX_USAGE, error.to_string()))?;
    if cli.json {
        return output::print_json(&json!({ "stored": stored }));
    }
    output::print(&format!("{stored}\n"))
}

fn list(cli: &Cli) -> Result<(), Failure> {
    let names: Vec<&str> = Scheme::all().map(Scheme::name).collect();
    if cli.json {
        return output::print_json(&json!({ "schemes": names }));
    }
    output::print(&format!("{}\n", names.join(" ")))
}

fn test(cli: &Cli, stored: &str, password: &str) -> Result<(), Failure> {
    let wrong = |error: userdb::scheme::SchemeError| Failure::new(EX_USAGE, error.to_string());
    let parsed = StoredPassword::parse(stored, Scheme::Crypt).map_err(wrong)?;
    let verified = parsed.check(password.as_bytes()).map_err(wrong)? == Match::Yes;
    if cli.json {
        output::print_json(&json!({ "verified": verified }))?;
    } else if verified {
        output::print("(verified)\n")?;
    }
    if verified { Ok(()) } else { Err(Failure::new(EX_NOPERM, "the password doesn't match")) }
}
