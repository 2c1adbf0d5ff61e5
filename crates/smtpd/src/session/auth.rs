//! AUTH: authd decides, this carries its messages. RFC 4954.

use auth_client::{AuthError, Exchange, Refusal, Request, Step};
use smtp::Reply;
use smtp_server::AuthAnswer;

use super::Session;
use crate::figures::Figures;
use crate::userdb::SERVICE;

/// A login that waits for the client's next message.
#[derive(Debug)]
pub(super) struct Login {
    mechanism: String,
    exchange: Exchange,
}

impl Session {
    pub(super) async fn begin_login(
        &mut self,
        mechanism: &str,
        initial: Option<Vec<u8>>,
    ) -> AuthAnswer {
        self.login = None;
        let request = Request {
            mechanism,
            service: SERVICE,
            local: self.client.peer.local,
            remote: self.client.peer.remote,
            secured: self.client.tls.is_some(),
            session: None,
            initial,
        };
        let step = self.site.logins.begin(request).await;
        self.step(mechanism.to_owned(), step)
    }

    pub(super) async fn continue_login(&mut self, response: Vec<u8>) -> AuthAnswer {
        match self.login.take() {
            Some(Login { mechanism, exchange }) => {
                let step = exchange.respond(response).await;
                self.step(mechanism, step)
            }
            None => AuthAnswer::Refused(Reply::new(503, 5, 1, "Error: no login under way")),
        }
    }

    fn step(&mut self, mechanism: String, step: Result<Step, AuthError>) -> AuthAnswer {
        match step {
            Ok(Step::Challenge(challenge, exchange)) => {
                self.login = Some(Login { mechanism, exchange });
                AuthAnswer::Challenge(challenge)
            }
            Ok(Step::Accepted(login)) => {
                // Refused for now: the login is good, and another connection may end any moment.
                if let Err(why) = self.seat.user(login.user()) {
                    let text = format!("Temporary authentication failure: {why}");
                    return AuthAnswer::Refused(Reply::new(454, 7, 0, text));
                }
                Figures::count(&self.site.figures.logins);
                tracing::info!(
                    client = self.client.shown(),
                    user = login.user(),
                    mechanism,
                    "logged in"
                );
                self.client.login = Some(login);
                AuthAnswer::Accepted
            }
            Ok(Step::Refused(refusal)) => {
                let status = if refusal.temporary { "failed" } else { "refused" };
                self.failed(&mechanism, refusal.user.as_deref(), &log_reason(&refusal), status);
                AuthAnswer::Refused(refused(&refusal))
            }
            Err(error) => {
                self.failed(&mechanism, None, &error.to_string(), "failed");
                AuthAnswer::Refused(not_asked(&error))
            }
        }
    }

    /// `refused`: the client is wrong; `failed`: it can't be found out.
    fn failed(&self, mechanism: &str, user: Option<&str>, why: &str, status: &str) {
        Figures::count(&self.site.figures.logins_failed);
        let client = self.client.shown();
        // Fail2ban's rules for Postfix look for these words.
        tracing::warn!(
            client,
            user,
            status,
            "{client}: SASL {mechanism} authentication failed: {why}"
        );
    }
}

fn log_reason(refusal: &Refusal) -> String {
    let code = refusal.code.map(|code| format!("{code:?}")).unwrap_or_default();
    match &refusal.reason {
        Some(reason) => format!("{reason} {code}").trim_end().to_owned(),
        None if code.is_empty() => "wrong user or password".to_owned(),
        None => code,
    }
}

fn refused(refusal: &Refusal) -> Reply {
    let reason = refusal.reason.as_deref().unwrap_or("(reason unavailable)");
    if refusal.temporary {
        return Reply::new(454, 7, 0, format!("Temporary authentication failure: {reason}"));
    }
    Reply::new(535, 7, 8, format!("Error: authentication failed: {reason}"))
}

fn not_asked(error: &AuthError) -> Reply {
    match error {
        AuthError::UnknownMechanism(_) => {
            Reply::new(535, 7, 8, "Error: authentication failed: Invalid authentication mechanism")
        }
        AuthError::TooLong => Reply::new(500, 5, 6, "SASL response limit exceeded"),
        _ => {
            let text = "Connection lost to authentication server";
            Reply::new(454, 7, 0, format!("Temporary authentication failure: {text}"))
        }
    }
}
