//! The databases in their order: passdbs answer for passwords, userdbs for who a user is.
//!
//! The rules are Dovecot's defaults: the first passdb where the password is right wins; a failure
//! of any kind goes on to the next; at the end an internal failure outweighs "wrong". A userdb
//! look-up goes on while a user is unknown. A login costs at least one check of a password,
//! whether the user exists or not.

mod config;
mod login;
mod user;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use config::{DirectoryConfig, PassdbConfig, UserdbConfig, UserdbDriver};
pub use login::{Login, Reason, Verdict};
pub use user::Found;

pub use crate::asking::{Asking, Secured};

use crate::passwd_file::PasswdFile;
use crate::scheme::Scheme;
use crate::{FieldTemplates, NameRules, Template, Values};

impl Asking {
    fn values<'a>(&'a self, user: &'a str) -> Values<'a> {
        Values { user, asking: Some(self), ..Values::default() }
    }
}

/// All databases, ready to be asked. Every method blocks.
#[derive(Debug)]
pub struct Directory {
    names: NameRules,
    passdbs: Vec<Passdb>,
    userdbs: Vec<Userdb>,
    checks: AtomicU64,
}

#[derive(Debug)]
struct Passdb {
    name: String,
    file: Arc<PasswdFile>,
    scheme: Scheme,
    username_format: Template,
    default_fields: FieldTemplates,
    override_fields: FieldTemplates,
}

#[derive(Debug)]
struct Userdb {
    name: String,
    driver: Driver,
    default_fields: FieldTemplates,
    override_fields: FieldTemplates,
}

#[derive(Debug)]
enum Driver {
    PasswdFile { file: Arc<PasswdFile>, username_format: Template },
    Static { fields: FieldTemplates, allow_all_users: bool },
}

impl Directory {
    /// Sets the databases up. No file is opened: one that is missing may come.
    #[must_use]
    pub fn new(config: DirectoryConfig) -> Self {
        config::build(config)
    }

    /// How many passwords were hashed or compared since the start.
    #[must_use]
    pub fn checks(&self) -> u64 {
        self.checks.load(Ordering::Relaxed)
    }

    /// The names of the databases, for logs: passdbs, then userdbs.
    #[must_use]
    pub fn names(&self) -> (Vec<&str>, Vec<&str>) {
        let passdbs = self.passdbs.iter().map(|passdb| passdb.name.as_str());
        (passdbs.collect(), self.userdbs.iter().map(|userdb| userdb.name.as_str()).collect())
    }
}
