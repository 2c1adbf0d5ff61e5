//! `dovetail auth test`: a login tried as a daemon would try it.

use std::net::SocketAddr;
use std::path::PathBuf;

use auth_client::{AuthError, LoginClient, Refusal, Request, Step, Timeouts, VerifiedLogin};
use serde_json::json;

use crate::cli::{AuthArguments, AuthCommand, Cli};
use crate::exit::{EX_NOPERM, EX_TEMPFAIL, EX_USAGE, Failure};
use crate::{admin, output, password, places};

struct Login<'a> {
    user: &'a str,
    service: &'a str,
    remote: Option<SocketAddr>,
    socket: PathBuf,
}

pub(crate) fn run(arguments: &AuthArguments, cli: &Cli) -> Result<(), Failure> {
    let AuthCommand::Test { user, password, service, rip, socket } = &arguments.command;
    let password = match password {
        Some(password) => password.clone(),
        None => password::read(false)?,
    };
    let login = Login {
        user,
        service,
        remote: rip.map(|ip| SocketAddr::new(ip, 0)),
        socket: socket.clone().unwrap_or_else(|| places::socket(cli.folder(), "authd", "client")),
    };
    match admin::block_on(attempt(&login, password))? {
        Ok(verified) => accepted(cli, user, &verified),
        Err(refusal) => refused(cli, user, &refusal),
    }
}

async fn attempt(
    login: &Login<'_>,
    password: String,
) -> Result<Result<VerifiedLogin, Refusal>, Failure> {
    let client = LoginClient::new(login.socket.clone(), Timeouts::default());
    let credentials = sasl::Credentials::new(login.user, password);
    let Some(request) = Request::password(&credentials, login.service) else {
        return Err(Failure::new(EX_USAGE, "user and password can't hold NUL"));
    };
    // The password crosses no network on its way here.
    let request = Request { secured: true, remote: login.remote, ..request };
    match client.begin(request).await.map_err(away)? {
        Step::Accepted(verified) => Ok(Ok(verified)),
        Step::Refused(refusal) => Ok(Err(refusal)),
        Step::Challenge(_, exchange) => {
            exchange.cancel();
            Err(Failure::new(EX_TEMPFAIL, "authd asks for more than a password"))
        }
    }
}

pub(crate) fn away(error: AuthError) -> Failure {
    Failure::new(EX_TEMPFAIL, error.to_string())
}

fn accepted(cli: &Cli, said: &str, verified: &VerifiedLogin) -> Result<(), Failure> {
    let user = verified.user();
    if cli.json {
        return output::print_json(&json!({ "login": said, "accepted": true, "user": user }));
    }
    output::print(&format!("passdb: {said} auth succeeded\nextra fields:\n  user={user}\n"))
}

fn refused(cli: &Cli, said: &str, refusal: &Refusal) -> Result<(), Failure> {
    let reason = refusal.reason.as_deref().map(output::harmless);
    if cli.json {
        let answer = json!({ "login": said, "accepted": false, "temporary": refusal.temporary, "reason": reason });
        output::print_json(&answer)?;
    } else {
        let why = reason.map_or_else(String::new, |reason| format!(": {reason}"));
        output::print(&format!("passdb: {said} auth failed{why}\n"))?;
    }
    Err(Failure::new(if refusal.temporary { EX_TEMPFAIL } else { EX_NOPERM }, ""))
}
