//! Who calls: the real user, by name; and that nobody else is seen at a socket.

use nix::unistd::{User, getegid, geteuid, getgid, getuid, setgid, setuid};

use crate::exit::{EX_OSERR, Failure};
use crate::sendmail::compose::Caller;
use crate::sendmail::name;

/// The variable that holds a full name.
const NAME: &str = "NAME";

/// The real user, who may have no name if a sender was named.
///
/// # Errors
/// No sender is named, and the user has no name to be one.
pub(crate) fn caller(has_sender: bool) -> Result<Caller, Failure> {
    let uid = getuid();
    let user = User::from_uid(uid).ok().flatten();
    if user.is_none() && !has_sender {
        let why = format!("no login name found for user ID {uid}");
        return Err(Failure::new(EX_OSERR, why));
    }
    let login = user.as_ref().map_or_else(|| uid.to_string(), |user| user.name.clone());
    let of_system =
        || user.as_ref().map(|user| name::of_gecos(&user.gecos.to_string_lossy(), &login));
    let full_name = std::env::var(NAME).ok().or_else(of_system).unwrap_or_default();
    Ok(Caller { login, uid: uid.as_raw(), full_name })
}

/// A program with a set-user-ID bit that calls us must not lend us its user: what a server sees at its
/// socket is who called (Postfix's sendmail does the same).
///
/// # Errors
/// The system refuses.
pub(crate) fn become_real() -> Result<(), Failure> {
    let failed = |error: nix::Error| Failure::new(EX_OSERR, format!("the caller's user: {error}"));
    if getegid() != getgid() {
        setgid(getgid()).map_err(failed)?;
    }
    if geteuid() != getuid() {
        setuid(getuid()).map_err(failed)?;
    }
    Ok(())
}
