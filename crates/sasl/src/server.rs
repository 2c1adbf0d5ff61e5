//! The server's side of an exchange.
//!
//! An [`Exchange`] owns what its next step needs and is used up by it: a message can't be taken
//! twice. A mechanism to come (SCRAM, EXTERNAL) adds a [`Mechanism`], its states, and, where it
//! needs something looked up before it can go on, a variant of [`Step`].

use crate::{Credentials, MAX_PASSWORD_OCTETS, MAX_USER_OCTETS, Password};

/// A mechanism this crate knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The old way of Outlook and others: two prompts.
    Login,
}

/// What may be said about a mechanism when offering it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Property {
    /// The password passes in clear: only to be offered under TLS.
    Plaintext,
}

impl Mechanism {
    /// All of them, in the order in which they are best offered.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Login];

    /// The mechanism of this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name().eq_ignore_ascii_case(name))
    }

    /// Its registered name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// What must be known before it is offered.
    #[must_use]
    pub const fn properties(self) -> &'static [Property] {
        match self {
            Self::Plain | Self::Login => &[Property::Plaintext],
        }
    }

    /// Begins an exchange. `initial` is the client's first message; none differs from an empty
    /// one (RFC 4422 §4.3.b).
    ///
    /// # Errors
    /// The initial message is malformed.
    pub fn start(self, initial: Option<&[u8]>) -> Result<Step, Malformed> {
        match (self, initial) {
            (Self::Plain, Some(message)) => plain(message),
            (Self::Plain, None) => Ok(Step::Challenge(Vec::new(), Exchange(State::Plain))),
            // What Dovecot does: an initial message is the user's name.
            (Self::Login, Some(name)) if !name.is_empty() => login_name(name),
            (Self::Login, _) => {
                Ok(Step::Challenge(b"Username:".to_vec(), Exchange(State::LoginName)))
            }
        }
    }
}

/// An exchange that waits for the client's next message.
#[derive(Debug)]
pub struct Exchange(State);

#[derive(Debug)]
enum State {
    Plain,
    LoginName,
    LoginPassword { user: String },
}

/// What comes next in an exchange.
#[derive(Debug)]
pub enum Step {
    /// Send this message; the client's answer goes to [`Exchange::respond`].
    Challenge(Vec<u8>, Exchange),
    /// Check these. The verdict ends the exchange.
    Verify(Credentials),
}

/// The client's message doesn't follow the mechanism's form: the login fails like a wrong
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not `authzid NUL authcid NUL password`.
    #[error("a PLAIN message without its two NULs")]
    Plain,
    /// A name that is empty, too long, not UTF-8, or holds a NUL.
    #[error("a user name that can't be one")]
    Name,
    /// A password that is too long or holds a NUL.
    #[error("a password that can't be one")]
    Password,
}

impl Exchange {
    /// Takes the client's next message.
    ///
    /// # Errors
    /// The message is malformed; the exchange is over.
    pub fn respond(self, message: &[u8]) -> Result<Step, Malformed> {
        match self.0 {
            State::Plain => plain(message),
            State::LoginName => login_name(message),
            State::LoginPassword { user } => {
                let password = password(message)?;
                Ok(Step::Verify(Credentials { authorize_as: None, user, password }))
            }
        }
    }
}

fn plain(message: &[u8]) -> Result<Step, Malformed> {
    let mut parts = message.splitn(3, |&byte| byte == 0);
    let (Some(authzid), Some(authcid), Some(pass)) = (parts.next(), parts.next(), parts.next())
    else {
        return Err(Malformed::Plain);
    };
    let user = name(authcid)?;
    // The user's own name there asks for nothing special.
    let authorize_as = if authzid.is_empty() { None } else { Some(name(authzid)?) };
    let authorize_as = authorize_as.filter(|authzid| *authzid != user);
    Ok(Step::Verify(Credentials { authorize_as, user, password: password(pass)? }))
}

fn login_name(message: &[u8]) -> Result<Step, Malformed> {
    let user = name(message)?;
    Ok(Step::Challenge(b"Password:".to_vec(), Exchange(State::LoginPassword { user })))
}

fn name(bytes: &[u8]) -> Result<String, Malformed> {
    if bytes.is_empty() || bytes.len() > MAX_USER_OCTETS || bytes.contains(&0) {
        return Err(Malformed::Name);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed::Name)
}

fn password(bytes: &[u8]) -> Result<Password, Malformed> {
    if bytes.len() > MAX_PASSWORD_OCTETS || bytes.contains(&0) {
        return Err(Malformed::Password);
    }
    Ok(Password::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verified(step: Result<Step, Malformed>) -> Credentials {
        match step {
            Ok(Step::Verify(credentials)) => credentials,
            other => panic!("{other:?}"),
        }
    }

    fn challenge(step: Result<Step, Malformed>) -> (Vec<u8>, Exchange) {
        match step {
            Ok(Step::Challenge(message, exchange)) => (message, exchange),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_with_and_without_initial_response() {
        let got = verified(Mechanism::Plain.start(Some(b"\0u@x\0p")));
        assert_eq!(got, Credentials::new("u@x", "p"));
        let (message, exchange) = challenge(Mechanism::Plain.start(None));
        assert_eq!(message, b"");
        assert_eq!(verified(exchange.respond(b"u@x\0u@x\0p")), Credentials::new("u@x", "p"));
    }

    #[test]
    fn plain_for_somebody_else() {
        let got = verified(Mechanism::Plain.start(Some(b"other\0u\0p")));
        assert_eq!(got.authorize_as.as_deref(), Some("other"));
    }

    #[test]
    fn plain_malformed() {
        for (message, why) in [
            (&b""[..], Malformed::Plain),
            (b"u", Malformed::Plain),
            (b"\0u", Malformed::Plain),
            (b"\0\0p", Malformed::Name),
            (b"\0u\xff\0p", Malformed::Name),
            (b"\0u\0p\0q", Malformed::Password),
        ] {
            assert_eq!(Mechanism::Plain.start(Some(message)).unwrap_err(), why, "{message:?}");
        }
        let long = [b"\0u\0".to_vec(), vec![b'x'; MAX_PASSWORD_OCTETS + 1]].concat();
        assert_eq!(Mechanism::Plain.start(Some(&long)).unwrap_err(), Malformed::Password);
    }

    #[test]
    fn login_two_prompts_or_name_at_once() {
        let (message, exchange) = challenge(Mechanism::Login.start(None));
        assert_eq!(message, b"Username:");
        let (message, exchange) = challenge(exchange.respond(b"u"));
        assert_eq!(message, b"Password:");
        assert_eq!(verified(exchange.respond(b"p")), Credentials::new("u", "p"));
        let (message, _) = challenge(Mechanism::Login.start(Some(b"u")));
        assert_eq!(message, b"Password:");
    }

    #[test]
    fn names_in_any_case() {
        assert_eq!(Mechanism::from_name("plain"), Some(Mechanism::Plain));
        assert_eq!(Mechanism::from_name("CRAM-MD5"), None);
    }

    proptest! {
        #[test]
        fn plain_round_trip(user in "[^\0]{1,40}", password in "[^\0]{0,40}", other in "[^\0]{0,9}") {
            let mut credentials = Credentials::new(user.clone(), password);
            credentials.authorize_as = Some(other).filter(|o| !o.is_empty() && *o != user);
            let message = crate::client::plain(&credentials).unwrap();
            prop_assert_eq!(verified(Mechanism::Plain.start(Some(&message))), credentials);
        }

        #[test]
        fn never_panics(message: Vec<u8>) {
            let _ = Mechanism::Plain.start(Some(&message));
            let _ = Mechanism::Login.start(Some(&message));
        }
    }
}
