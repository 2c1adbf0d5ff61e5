//! The set-up that Dovecot and Postfix share: users, their domains, certificates, and the folder that
//! holds all of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use support::{Authority, Maildir};
use tempfile::TempDir;

/// Who owns all mail: the guides' vmail user. A number is enough, so no account is made.
const VMAIL: u32 = 5000;

/// A user of the passwd-file.
#[derive(Debug, Clone)]
pub struct User {
    /// The whole address.
    pub login: String,
    /// In clear, for clients.
    pub password: String,
    /// As the passwd-file has it, with its scheme: `{PLAIN}secret`, `{CRYPT}$2y$…`.
    pub stored: String,
    /// Extra fields of the passwd-file: `userdb_quota_rule=*:storage=5K`; empty for none.
    pub fields: String,
}

impl User {
    /// A user whose password stands in clear in the passwd-file.
    pub fn new(login: &str, password: &str) -> Self {
        Self {
            login: login.to_owned(),
            password: password.to_owned(),
            stored: format!("{{PLAIN}}{password}"),
            fields: String::new(),
        }
    }
}

/// Users, domains and certificates in a folder that goes away with it. Keep it longer than the
/// instances that run from it.
pub struct Mail {
    folder: TempDir,
    users: Vec<User>,
}

impl Mail {
    /// A set-up in the system's folder for temporary files.
    pub fn new(users: Vec<User>) -> Self {
        Self::within(&std::env::temp_dir(), users)
    }

    /// A set-up in a folder of its own below `parent`: the disk that is measured, for instance.
    pub fn within(parent: &Path, users: Vec<User>) -> Self {
        // Short: Unix sockets below it must fit in 107 bytes.
        let folder = tempfile::Builder::new().prefix("ref").tempdir_in(parent).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mail = Self { folder, users };
        make_folder(&mail.mail_root(), 0o700, Some(VMAIL));
        make_folder(&mail.path("sockets"), 0o755, None);
        mail.write_certificates();
        mail.write_users();
        mail
    }

    /// A name in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The users, in the order in which they were given.
    pub fn users(&self) -> &[User] {
        &self.users
    }

    /// The user of that login.
    pub fn user(&self, login: &str) -> &User {
        let found = self.users.iter().find(|user| user.login == login);
        found.unwrap_or_else(|| panic!("no user {login}"))
    }

    /// The domains of all users, each once.
    pub fn domains(&self) -> Vec<String> {
        let domain = |user: &User| user.login.rsplit_once('@').map(|(_, domain)| domain.to_owned());
        let mut domains: Vec<String> = self.users.iter().filter_map(domain).collect();
        domains.sort();
        domains.dedup();
        domains
    }

    /// Homes are MAIL_ROOT/DOMAIN/USER, INBOX the Maildir in it.
    pub fn mail_root(&self) -> PathBuf {
        self.path("vmail")
    }

    /// The home of that login.
    pub fn home(&self, login: &str) -> PathBuf {
        let (user, domain) = login.rsplit_once('@').unwrap_or((login, ""));
        self.mail_root().join(domain).join(user)
    }

    /// The Maildir of that login.
    pub fn maildir(&self, login: &str) -> Maildir {
        Maildir::of_home(&self.home(login).display().to_string())
    }

    /// The uid and gid that own all mail.
    pub fn owner(&self) -> u32 {
        VMAIL
    }

    /// The authority that clients must trust, PEM; the certificate is for `localhost` and `127.0.0.1`.
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.path("server.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.path("server.key")
    }

    /// Dovecot's passwd-file.
    pub fn passwd_file(&self) -> PathBuf {
        self.path("users")
    }

    fn write_certificates(&self) {
        let authority = Authority::default();
        let issued = authority.issue(&["localhost", "127.0.0.1"]);
        fs::write(self.ca(), &authority.certificate).unwrap();
        fs::write(self.certificate(), issued.chain).unwrap();
        fs::write(self.key(), issued.key).unwrap();
        fs::set_permissions(self.key(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// user:password:uid:gid:gecos:home:shell:fields; Dovecot's auth reads it as its own user.
    fn write_users(&self) {
        let line = |user: &User| {
            let home = self.home(&user.login);
            let (stored, fields) = (&user.stored, &user.fields);
            format!("{}:{stored}:{VMAIL}:{VMAIL}::{}::{fields}\n", user.login, home.display())
        };
        let text: String = self.users.iter().map(line).collect();
        fs::write(self.passwd_file(), text).unwrap();
        fs::set_permissions(self.passwd_file(), fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// A folder below the set-up, with the owner that its program wants.
pub(crate) fn make_folder(path: &Path, mode: u32, owner: Option<u32>) {
    fs::create_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    if owner.is_some() {
        chown(path, owner, owner).unwrap_or_else(|error| {
            panic!("{}: {error}: the reference instances need root", path.display())
        });
    }
}
