//! What the databases are set up from.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::{Directory, Driver, Passdb, Userdb};
use crate::passwd_file::PasswdFile;
use crate::scheme::Scheme;
use crate::{FieldTemplates, NameRules, Template};

/// All of it.
#[derive(Debug, Clone)]
pub struct DirectoryConfig {
    /// What becomes of a name first.
    pub names: NameRules,
    /// In the order in which they are asked.
    pub passdbs: Vec<PassdbConfig>,
    /// In the order in which they are asked.
    pub userdbs: Vec<UserdbConfig>,
}

/// A passwd-file asked for passwords.
#[derive(Debug, Clone)]
pub struct PassdbConfig {
    /// Its name in the configuration.
    pub name: String,
    /// The file.
    pub path: Template,
    /// The scheme of passwords that name none.
    pub scheme: Scheme,
    /// What is looked up in the file.
    pub username_format: Template,
    /// Fields set before the file's own.
    pub default_fields: FieldTemplates,
    /// Fields set after the file's own.
    pub override_fields: FieldTemplates,
}

/// A database asked for users.
#[derive(Debug, Clone)]
pub struct UserdbConfig {
    /// Its name in the configuration.
    pub name: String,
    /// Where the answer comes from.
    pub driver: UserdbDriver,
    /// Fields set before the driver's own.
    pub default_fields: FieldTemplates,
    /// Fields set after the driver's own.
    pub override_fields: FieldTemplates,
}

/// Where a userdb's answers come from.
#[derive(Debug, Clone)]
pub enum UserdbDriver {
    /// A passwd-file.
    PasswdFile {
        /// The file.
        path: Template,
        /// What is looked up in the file.
        username_format: Template,
    },
    /// The same fields for everybody.
    Static {
        /// The fields.
        fields: FieldTemplates,
        /// Takes every name for a user's. Otherwise the passdbs are asked whether it is one.
        allow_all_users: bool,
    },
}

/// A file that serves both sides is read once.
pub(super) fn build(config: DirectoryConfig) -> Directory {
    let user_paths: Vec<Template> = config.userdbs.iter().filter_map(user_path).cloned().collect();
    let mut files: Vec<(Template, Scheme, Arc<PasswdFile>)> = Vec::new();
    let mut file = |path: &Template, scheme: Option<Scheme>| {
        let known = files.iter().find(|(p, s, _)| p == path && scheme.is_none_or(|x| x == *s));
        if let Some((_, _, file)) = known {
            return Arc::clone(file);
        }
        let scheme = scheme.unwrap_or(Scheme::Crypt);
        let owners = user_paths.contains(path);
        let file = Arc::new(PasswdFile::new(path.clone(), scheme, owners));
        files.push((path.clone(), scheme, Arc::clone(&file)));
        file
    };
    let passdbs = config.passdbs.into_iter().map(|passdb| Passdb {
        file: file(&passdb.path, Some(passdb.scheme)),
        name: passdb.name,
        scheme: passdb.scheme,
        username_format: passdb.username_format,
        default_fields: passdb.default_fields,
        override_fields: passdb.override_fields,
    });
    let passdbs = passdbs.collect();
    let userdbs = config.userdbs.into_iter().map(|userdb| Userdb {
        driver: match userdb.driver {
            UserdbDriver::PasswdFile { path, username_format } => {
                Driver::PasswdFile { file: file(&path, None), username_format }
            }
            UserdbDriver::Static { fields, allow_all_users } => {
                Driver::Static { fields, allow_all_users }
            }
        },
        name: userdb.name,
        default_fields: userdb.default_fields,
        override_fields: userdb.override_fields,
    });
    let userdbs = userdbs.collect();
    Directory { names: config.names, passdbs, userdbs, checks: AtomicU64::new(0) }
}

const fn user_path(userdb: &UserdbConfig) -> Option<&Template> {
    match &userdb.driver {
        UserdbDriver::PasswdFile { path, .. } => Some(path),
        UserdbDriver::Static { .. } => None,
    }
}
