//! Is this password right?

use std::sync::atomic::Ordering;

use super::{Asking, Directory, Found, Passdb};
use crate::passwd_file::Entry;
use crate::scheme::{Match, Scheme, SchemeError, StoredPassword};
use crate::{Fields, Nets, Template};

/// Checked for names that nobody has, where no file has a typical password to take: as costly as
/// what `dovetail pw` makes by default for CRYPT.
const NOBODYS: &str = "$6$rounds=5000$nobodynobodynobo$e58IUq8.Ys3/H1s0q4ZpmrcT3YTUX6.NK6n9g.qmJuv00P/eOR8obrBWoqtPxBHJNmPJ85x0xD5KiVki0dq5A.";

/// A claim to be checked.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// The name as the client said it.
    pub user: &'a str,
    /// The password as the client said it.
    pub password: &'a [u8],
    /// Another user to act as, if the client named one.
    pub authorize_as: Option<&'a str>,
}

impl std::fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Accepted {
        /// The user's name from here on.
        user: String,
        /// The name as it was said, where it differs.
        original: Option<String>,
        /// What the client is told besides.
        fields: Fields,
    },
    /// It isn't.
    Refused {
        /// The name that was looked up.
        user: String,
        /// The name as it was said, where it differs.
        original: Option<String>,
        /// Why; for the log, never for the client.
        reason: Reason,
        /// The client needn't wait for the reply.
        no_delay: bool,
    },
    /// It can't be found out now.
    Failed {
        /// The name that was looked up.
        user: String,
        /// Why; for the log.
        reason: String,
    },
}

/// Why a login was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nobody has this name.
    UnknownUser,
    /// The password is wrong.
    Mismatch,
    /// The account has no password that could be right.
    Locked,
    /// The name can't be anybody's.
    BadName(String),
    /// `allow_nets` doesn't have the client's address.
    Net,
    /// The field `fail` is set.
    Forbidden,
    /// The stored password can't be used.
    BrokenPassword(String),
    /// A login as somebody else, which isn't known here.
    NoMasterUsers,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownUser => f.write_str("unknown user"),
            Self::Mismatch => f.write_str("password mismatch"),
            Self::Locked => f.write_str("the account is locked: it has no password"),
            Self::BadName(why) | Self::BrokenPassword(why) => f.write_str(why),
            Self::Net => f.write_str("allow_nets doesn't have the client's address"),
            Self::Forbidden => f.write_str("the field fail is set"),
            Self::NoMasterUsers => f.write_str("a login as somebody else, and no master users"),
        }
    }
}

/// What a passdb says of a user, before any password is looked at.
pub(super) struct Known {
    pub(super) user: String,
    pub(super) fields: Fields,
    password: String,
    no_password: bool,
    no_delay: bool,
    forbidden: Option<Reason>,
}

impl Known {
    fn accepted(self, original: Option<String>) -> Verdict {
        Verdict::Accepted { user: self.user, original, fields: self.fields }
    }

    fn refused(self, original: Option<String>, reason: Reason) -> Verdict {
        Verdict::Refused { user: self.user, original, reason, no_delay: self.no_delay }
    }
}

impl Directory {
    /// Checks a login. Costly: for hashing threads only.
    #[must_use]
    pub fn authenticate(&self, login: &Login<'_>, asking: &Asking) -> Verdict {
        let mut attempt = Attempt { directory: self, hashed: false };
        let verdict = self.chain(login, asking, &mut attempt);
        if !attempt.hashed {
            self.hash_for_nobody(login.password);
        }
        verdict
    }

    fn chain(&self, login: &Login<'_>, asking: &Asking, attempt: &mut Attempt<'_>) -> Verdict {
        let refused = |user: &str, original, reason| {
            let user = user.to_owned();
            Verdict::Refused { user, original, reason, no_delay: false }
        };
        let name = match self.names.apply(login.user) {
            Ok(name) => name,
            Err(error) => {
                let reason = Reason::BadName(error.to_string());
                return refused(login.user, Some(login.user.into()), reason);
            }
        };
        let original = (name.user != name.original).then(|| name.original.clone());
        if login.authorize_as.is_some() {
            return refused(&name.user, original, Reason::NoMasterUsers);
        }
        let mut last = refused(&name.user, original.clone(), Reason::UnknownUser);
        let mut failure = None;
        for passdb in &self.passdbs {
            match passdb.known(&name.user, asking) {
                Found::Yes(known) => {
                    let renamed = (known.user != name.user).then(|| name.user.clone());
                    let original = original.clone().or(renamed);
                    match attempt.check(&known, passdb.scheme, login.password) {
                        Ok(()) => return known.accepted(original),
                        Err(reason) => last = known.refused(original, reason),
                    }
                }
                Found::No => {}
                Found::Failed(reason) | Found::TempFail(reason) => failure = Some(reason),
            }
        }
        match failure {
            Some(reason) => Verdict::Failed { user: name.user, reason },
            None => last,
        }
    }

    /// The check that a login costs when it came to none.
    fn hash_for_nobody(&self, password: &[u8]) {
        let typical = self
            .passdbs
            .iter()
            .find_map(|passdb| self.check(&passdb.file.typical()?, passdb.scheme, password).ok());
        if typical.is_none() {
            let _ = self.check(NOBODYS, Scheme::Crypt, password);
        }
    }

    /// Checks a password against a stored one, and counts it.
    fn check(&self, stored: &str, scheme: Scheme, password: &[u8]) -> Result<Match, SchemeError> {
        let found = StoredPassword::parse(stored, scheme)?.check(password);
        if matches!(found, Ok(Match::Yes | Match::No)) {
            self.checks.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// What the passdbs say of a user without a password. An internal failure outweighs
    /// "unknown".
    #[must_use]
    pub fn pass(&self, said: &str, asking: &Asking) -> Found<Fields> {
        let Ok(name) = self.names.apply(said) else { return Found::No };
        let allowed = |known: &Known| known.forbidden.is_none();
        match self.known(&name.user, asking, allowed) {
            Found::Yes((known, scheme)) => match StoredPassword::parse(&known.password, scheme) {
                Ok(_) => Found::Yes(with_user(known)),
                Err(error) => Found::Failed(error.to_string()),
            },
            Found::No => Found::No,
            Found::Failed(reason) | Found::TempFail(reason) => Found::Failed(reason),
        }
    }

    /// Whether the passdbs know a user whose name has been through the rules. Somebody who may log
    /// in from some networks only is a user all the same: mail for them is welcome from anywhere.
    /// (To Dovecot such users are unknown unless `allow_nets` has `local`.)
    pub(super) fn exists(&self, user: &str, asking: &Asking) -> Found<()> {
        let allowed = |known: &Known| known.forbidden.as_ref().is_none_or(|r| *r == Reason::Net);
        match self.known(user, asking, allowed) {
            Found::Yes(_) => Found::Yes(()),
            Found::No => Found::No,
            Found::Failed(reason) | Found::TempFail(reason) => Found::Failed(reason),
        }
    }

    fn known(
        &self,
        user: &str,
        asking: &Asking,
        allowed: impl Fn(&Known) -> bool,
    ) -> Found<(Known, Scheme)> {
        let mut failure = None;
        for passdb in &self.passdbs {
            match passdb.known(user, asking) {
                Found::Yes(known) if allowed(&known) => {
                    return Found::Yes((known, passdb.scheme));
                }
                Found::Yes(_) | Found::No => {}
                Found::Failed(reason) | Found::TempFail(reason) => failure = Some(reason),
            }
        }
        failure.map_or(Found::No, Found::Failed)
    }
}

fn with_user(known: Known) -> Fields {
    let mut fields = Fields::new();
    fields.set("user", &known.user);
    for field in known.fields.iter() {
        if field.bare {
            fields.set_bare(&field.key);
        } else {
            fields.set(&field.key, &field.value);
        }
    }
    fields
}

/// One login's way through the passdbs.
struct Attempt<'a> {
    directory: &'a Directory,
    /// A password check was paid for.
    hashed: bool,
}

impl Attempt<'_> {
    fn check(&mut self, known: &Known, scheme: Scheme, password: &[u8]) -> Result<(), Reason> {
        if let Some(reason) = &known.forbidden {
            return Err(reason.clone());
        }
        if known.no_password {
            if known.password.is_empty() {
                return Ok(());
            }
            let why = "nopassword is set, and a password, too: neither counts";
            return Err(Reason::BrokenPassword(why.into()));
        }
        let found = self.directory.check(&known.password, scheme, password);
        self.hashed |= matches!(found, Ok(Match::Yes | Match::No));
        match found {
            Ok(Match::Yes) => Ok(()),
            Ok(Match::No) => Err(Reason::Mismatch),
            Ok(Match::Locked) => Err(Reason::Locked),
            Err(error) => {
                tracing::error!(user = known.user, %error, "a stored password can't be used");
                Err(Reason::BrokenPassword(error.to_string()))
            }
        }
    }
}

impl Passdb {
    /// Looks a user up and reads the fields that mean something.
    fn known(&self, user: &str, asking: &Asking) -> Found<Known> {
        let values = asking.values(user);
        let table = match self.file.table(&values) {
            Ok(Some(table)) => table,
            Ok(None) => return Found::No,
            Err(error) => return Found::Failed(error.to_string()),
        };
        match table.get(&self.username_format.expand(&values)) {
            Some(entry) => Found::Yes(self.read(user, entry, asking)),
            None => Found::No,
        }
    }

    fn read(&self, user: &str, entry: &Entry, asking: &Asking) -> Known {
        let values = asking.values(user);
        let mut fields = Fields::new();
        let mut set = |key: &str, value: Option<String>| match value {
            Some(value) => fields.set(key, &value),
            None => fields.set_bare(key),
        };
        for (key, value) in self.default_fields.iter() {
            set(key, value.map(|value| value.expand(&values)));
        }
        for (key, value) in entry.extra() {
            // A percent sign that starts no variable stands for itself here: one bad field must
            // not lock the user out.
            let value = value.map(|text| {
                Template::parse(text).map_or_else(|_| text.to_owned(), |t| t.expand(&values))
            });
            set(key, value);
        }
        for (key, value) in self.override_fields.iter() {
            set(key, value.map(|value| value.expand(&values)));
        }
        interpret(user, &entry.password, fields, asking)
    }
}

/// Takes the fields out that the client isn't told.
fn interpret(user: &str, password: &str, mut fields: Fields, asking: &Asking) -> Known {
    let user = rename(user, &mut fields);
    let mut forbidden = None;
    if let Some(nets) = fields.take("allow_nets")
        && !Nets::parse(&nets).allow(asking.remote)
    {
        forbidden = Some(Reason::Net);
    }
    if fields.take("fail").is_some() {
        forbidden = Some(Reason::Forbidden);
    }
    let no_password = fields.take("nopassword").is_some();
    let no_delay = fields.get("nodelay").is_some();
    let password = fields.take("password").unwrap_or_else(|| password.to_owned());
    fields.retain(|key| !key.starts_with("userdb_"));
    Known { user, fields, password, no_password, no_delay, forbidden }
}

/// The fields that give the user another name.
fn rename(user: &str, fields: &mut Fields) -> String {
    let mut user = user.to_owned();
    if let Some(new) = fields.take("user").filter(|new| !new.is_empty()) {
        user = new;
    }
    if let Some(local) = fields.take("username").filter(|new| !new.is_empty()) {
        user = match (local.contains('@'), user.split_once('@')) {
            (false, Some((_, domain))) => format!("{local}@{domain}"),
            _ => local,
        };
    }
    if let Some(domain) = fields.take("domain").filter(|new| !new.is_empty()) {
        let local = user.split('@').next().unwrap_or_default();
        user = format!("{local}@{domain}");
    }
    user
}

#[cfg(test)]
#[path = "login_tests.rs"]
pub(super) mod tests;
