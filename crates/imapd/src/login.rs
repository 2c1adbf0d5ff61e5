//! LOGIN and AUTHENTICATE (RFC 3501 §6.2.2, §6.2.3, RFC 4959), and opening the user's mail.

use auth_client::{AuthError, Exchange, FailCode, Refusal, Request, Step, VerifiedLogin};
use daemon::TooMany;
use imap::command::Secret;
use imap::grammar::{SaslResponse, sasl_response};
use imap::response::{self, Code, Status};
use sasl::Credentials;

use crate::capability;
use crate::figures::Figure;
use crate::verdict::{Asked, Ended, Verdict, Whose};
use crate::visitor::{Next, Visitor};
use crate::wire::Input;

const SERVICE: &str = "imap";

/// How a login went on the wire to authd.
type Outcome = Result<Step, AuthError>;

impl Visitor {
    pub(crate) async fn login(
        &mut self,
        asked: &Asked,
        user: &[u8],
        password: Secret,
    ) -> Result<Next, Ended> {
        if !self.may_send_password() {
            response::untagged(
                &mut self.wire.out,
                Status::Bad,
                Some(&Code::Alert),
                "Plaintext authentication not allowed without SSL/TLS, but your client did it \
                 anyway. If anyone was listening, the password was exposed.",
            );
            return Ok(Next::Stay(asked.plain(
                Status::No,
                Some(&Code::PrivacyRequired),
                "Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
            )));
        }
        let Ok(user) = std::str::from_utf8(user) else { return Ok(self.failed(asked, "")) };
        let credentials = Credentials::new(user, password.into_octets());
        // No request can be made where a NUL stands in the name or the password.
        let Some(request) = Request::password(&credentials, SERVICE) else {
            return Ok(self.failed(asked, user));
        };
        let request = self.tell_where(request);
        let outcome = self.shared.logins.begin(request).await;
        self.go_on(asked, "PLAIN", outcome).await
    }

    pub(crate) async fn authenticate(
        &mut self,
        asked: &Asked,
        mechanism: &str,
        initial: Option<Secret>,
    ) -> Result<Next, Ended> {
        if !self.may_send_password() {
            return Ok(Next::Stay(asked.plain(
                Status::No,
                Some(&Code::PrivacyRequired),
                "Plaintext authentication disabled.",
            )));
        }
        if !self.has_mechanism(mechanism) {
            return Ok(Next::Stay(asked.plain(
                Status::No,
                Some(&Code::Alert),
                "Unsupported authentication mechanism.",
            )));
        }
        let request = self.tell_where(Request {
            mechanism,
            service: SERVICE,
            local: None,
            remote: None,
            secured: false,
            session: None,
            initial: initial.map(Secret::into_octets),
        });
        let outcome = self.shared.logins.begin(request).await;
        self.go_on(asked, mechanism, outcome).await
    }

    fn tell_where<'a>(&self, request: Request<'a>) -> Request<'a> {
        let (local, remote) = (self.peer.local, self.peer.remote);
        // Whoever may send a password here is secured, be it by TLS or by not leaving the machine.
        Request { local, remote, secured: true, ..request }
    }

    /// Carries challenges and responses until authd has made up its mind.
    async fn go_on(
        &mut self,
        asked: &Asked,
        mechanism: &str,
        mut outcome: Outcome,
    ) -> Result<Next, Ended> {
        loop {
            outcome = match outcome {
                Ok(Step::Challenge(challenge, exchange)) => {
                    match self.respond(asked, &challenge, exchange).await? {
                        Ok(outcome) => outcome,
                        Err(verdict) => return Ok(Next::Stay(verdict)),
                    }
                }
                Ok(Step::Accepted(login)) => return self.accepted(asked, mechanism, &login).await,
                Ok(Step::Refused(refusal)) => return Ok(self.refused(asked, mechanism, &refusal)),
                Err(error) => {
                    tracing::error!(
                        client = self.client(),
                        status = "tempfail",
                        method = mechanism,
                        "login: {error}"
                    );
                    return Ok(Next::Stay(temporary(asked)));
                }
            }
        }
    }

    /// One challenge, and the client's answer to it (RFC 3501 §6.2.2).
    async fn respond(
        &mut self,
        asked: &Asked,
        challenge: &[u8],
        exchange: Exchange,
    ) -> Result<Result<Outcome, Verdict>, Ended> {
        response::challenge(&mut self.wire.out, challenge);
        self.wire.expect_line();
        let line = match self.input().await? {
            Input::Line(line) => line,
            Input::LineTooLong => return Err(Ended::TooLong),
            _ => return Err(Ended::Closed),
        };
        match sasl_response(&line) {
            SaslResponse::Octets(octets) => Ok(Ok(exchange.respond(octets.into_octets()).await)),
            SaslResponse::Cancelled => {
                exchange.cancel();
                let text = "Authentication aborted by client.";
                Ok(Err(asked.plain(Status::Bad, None, text)))
            }
            SaslResponse::Invalid => {
                exchange.cancel();
                let text = "Invalid base64 data in continued response";
                Ok(Err(asked.plain(Status::Bad, None, text)))
            }
        }
    }

    fn refused(&mut self, asked: &Asked, mechanism: &str, refusal: &Refusal) -> Next {
        self.failed_logins += 1;
        self.shared.figures.count(Figure::LoginsFailed);
        let status = if refusal.temporary { "tempfail" } else { "refused" };
        tracing::info!(
            user = refusal.user.as_deref().unwrap_or_default(),
            client = self.client(),
            status,
            method = mechanism,
            "login failed"
        );
        if refusal.temporary {
            return Next::Stay(temporary(asked));
        }
        let no =
            |code: Code<'_>, text: &str| Next::Stay(asked.plain(Status::No, Some(&code), text));
        match (refusal.code, &refusal.reason) {
            (Some(FailCode::UserDisabled), reason) => {
                let text = reason.as_deref().unwrap_or("Account is disabled.");
                no(Code::ContactAdmin, text)
            }
            (None | Some(FailCode::InvalidBase64), _) => {
                no(Code::AuthenticationFailed, "Authentication failed.")
            }
            (_, Some(reason)) => no(Code::Alert, reason),
            (_, None) => no(Code::AuthenticationFailed, "Authentication failed."),
        }
    }

    fn failed(&mut self, asked: &Asked, user: &str) -> Next {
        let user = Some(user.to_owned());
        let refusal = Refusal { temporary: false, code: None, reason: None, user };
        self.refused(asked, "PLAIN", &refusal)
    }

    /// The password is right: finds out where the user's mail is, and opens it.
    async fn accepted(
        &mut self,
        asked: &Asked,
        mechanism: &str,
        login: &VerifiedLogin,
    ) -> Result<Next, Ended> {
        let client = self.client();
        if let Some(reason) = login.nologin() {
            tracing::info!(user = login.user(), client, status = "refused", "nologin: {reason}");
            let code = Some(&Code::ContactAdmin);
            return Ok(Next::Stay(asked.plain(Status::No, code, reason)));
        }
        let user = match self.shared.users.user(login.user(), SERVICE).await {
            Ok(Some(user)) => user,
            Ok(None) => {
                tracing::error!(
                    user = login.user(),
                    client,
                    status = "tempfail",
                    "the password is right, but the userdb doesn't know the user"
                );
                return Ok(Next::Stay(temporary(asked)));
            }
            Err(error) => {
                tracing::error!(
                    user = login.user(),
                    client,
                    status = "tempfail",
                    "userdb: {error}"
                );
                return Ok(Next::Stay(temporary(asked)));
            }
        };
        let account = match self.shared.open(&user).await {
            Ok(account) => account,
            Err(why) => {
                tracing::error!(user = user.name, client, status = "tempfail", "{why}");
                return Ok(Next::Stay(temporary(asked)));
            }
        };
        if let Err(why) = self.wire.seat().user(&user.name) {
            return Ok(Next::Stay(one_too_many(asked, &why)));
        }
        self.shared.figures.count(Figure::Logins);
        tracing::info!(
            user = user.name,
            client,
            status = "logged in",
            method = mechanism,
            tls = self.wire.is_tls(),
            "logged in"
        );
        let code = Code::Capability(capability::AFTER_LOGIN);
        let verdict = asked.plain(Status::Ok, Some(&code), "Logged in");
        self.wire.out.extend_from_slice(&verdict.line);
        Ok(Next::LoggedIn(Whose { user: user.name, client }, account))
    }
}

/// The password is right, and the user has as many sessions as may be: Dovecot's words.
fn one_too_many(asked: &Asked, why: &TooMany) -> Verdict {
    let (TooMany::OfAddress { limit, .. } | TooMany::OfUser { limit, .. }) = why;
    let text = format!(
        "Maximum number of connections from user+IP exceeded (max_connections_per_user={limit})"
    );
    asked.plain(Status::No, Some(&Code::Unavailable), &text)
}

/// Ours, and not the client's fault. The client may try again.
fn temporary(asked: &Asked) -> Verdict {
    let now = i64::try_from(daemon::now_millis()).unwrap_or_default();
    let now = message::date::rfc3339_millis(now);
    let now = now.get(..19).unwrap_or_default().replace('T', " ");
    let text = format!("Temporary authentication failure. [{}:{now}]", daemon::hostname());
    asked.plain(Status::No, Some(&Code::Unavailable), &text)
}
