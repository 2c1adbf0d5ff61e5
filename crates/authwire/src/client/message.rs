//! What both sides of the client protocol speak of: mechanisms and failures.

use crate::Params;

/// A mechanism as the handshake lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mech {
    /// Its SASL name in capitals.
    pub name: String,
    /// What may be said against it.
    pub flags: Vec<MechFlag>,
}

/// A mechanism's property, by which clients choose what to offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MechFlag {
    /// Not to be advertised.
    Private,
    /// Gives no identity.
    Anonymous,
    /// The password passes in clear.
    Plaintext,
    /// Open to passive guessing.
    Dictionary,
    /// Open to an active attacker.
    Active,
    /// Past exchanges stay safe.
    ForwardSecrecy,
    /// The server proves itself, too.
    MutualAuth,
    /// Bound to the TLS channel.
    ChannelBinding,
}

impl MechFlag {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Private, "private"),
        (Self::Anonymous, "anonymous"),
        (Self::Plaintext, "plaintext"),
        (Self::Dictionary, "dictionary"),
        (Self::Active, "active"),
        (Self::ForwardSecrecy, "forward-secrecy"),
        (Self::MutualAuth, "mutual-auth"),
        (Self::ChannelBinding, "channel-binding"),
    ];

    /// The flag's word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(flag, _)| *flag == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Self::NAMES.iter().find(|(_, n)| n.as_bytes() == name).map(|(flag, _)| *flag)
    }
}

/// Why a request failed, in the protocol's `code=` words. Without a code it is a wrong password
/// or an unknown user, and nobody may learn which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailCode {
    /// The server couldn't find out; the client may come again.
    TempFail,
    /// A right password, but not for the user asked for.
    AuthzFail,
    /// The account is closed.
    UserDisabled,
    /// The password is too old.
    PassExpired,
    /// The client's bytes were no base64.
    InvalidBase64,
}

impl FailCode {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::TempFail, "temp_fail"),
        (Self::AuthzFail, "authz_fail"),
        (Self::UserDisabled, "user_disabled"),
        (Self::PassExpired, "pass_expired"),
        (Self::InvalidBase64, "invalid_base64"),
    ];

    /// The code's word on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(code, _)| *code == self).map_or("", |(_, name)| name)
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, n)| *n == name).map(|(code, _)| *code)
    }
}

/// A `FAIL` reply's contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Failure {
    /// The user it is about, if one was named.
    pub user: Option<String>,
    /// The reason in the protocol's word; none for a wrong password or an unknown user.
    pub code: Option<FailCode>,
    /// Further fields: `reason=`, `original_user=`, what the password database set.
    pub fields: Params,
}

impl Failure {
    /// A failure with a code and, maybe, a reason in words.
    #[must_use]
    pub fn coded(code: FailCode, reason: Option<&str>) -> Self {
        let mut failure = Self { code: Some(code), ..Self::default() };
        if let Some(reason) = reason {
            failure.fields.push("reason", reason);
        }
        failure
    }

    /// The reason in words, if one was given.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.fields.get("reason")
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut head = Params::new();
        if let Some(user) = &self.user {
            head.push("user", user.as_str());
        }
        if let Some(code) = self.code {
            head.push("code", code.name());
        }
        head.encode(out);
        self.fields.encode(out);
    }

    pub(crate) fn decode(mut fields: Params) -> Self {
        let user = fields.take("user");
        let code = fields.get("code").and_then(FailCode::from_name);
        if code.is_some() {
            fields.take("code");
        }
        // Servers before 2.2 wrote a bare `temp`.
        let code = code.or_else(|| fields.has("temp").then_some(FailCode::TempFail));
        Self { user, code, fields }
    }
}
