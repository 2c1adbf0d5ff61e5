//! What a client sends.

use crate::Credentials;

/// PLAIN's one message (RFC 4616 §2): authzid NUL authcid NUL password.
///
/// `None` if a part holds NUL, which the message can't carry.
#[must_use]
pub fn plain(credentials: &Credentials) -> Option<Vec<u8>> {
    let authzid = credentials.authorize_as.as_deref().unwrap_or_default();
    let parts = [authzid.as_bytes(), credentials.user.as_bytes(), credentials.password.expose()];
    (!parts.iter().any(|part| part.contains(&0))).then(|| parts.join(&0))
}

/// LOGIN's answers to the server's two prompts, in order: the user, then the password.
#[must_use]
pub fn login(credentials: &Credentials) -> [Vec<u8>; 2] {
    [credentials.user.clone().into_bytes(), credentials.password.expose().to_vec()]
}
