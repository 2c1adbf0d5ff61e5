//! The two sides: Debian's, and ours, set up alike.
//!
//! A start is shared by many transcripts, so each has domains of its own: what a transcript calls
//! `example.test` is `ex00017.test` on the wire, and is called by its name again in what is heard.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use reference::{Dovecot, Mail, Postfix, User};
use support::{Demo, Line, Options};

use crate::transcript::{Config, Transcript};
use crate::wire::Wire;

/// Who every transcript has, with the password `secret`.
pub const LOGINS: [&str; 3] = ["alice@example.test", "bob@example.test", "carol@example.org"];
pub(crate) const PASSWORD: &str = "secret";

/// Where one side listens and keeps its mail.
pub struct Side {
    /// For reports.
    pub name: &'static str,
    tcp: BTreeMap<Wire, String>,
    unix: BTreeMap<Wire, PathBuf>,
    ca: String,
    pub(crate) mail_root: PathBuf,
    /// Uid and gid of all mail.
    pub(crate) owner: (u32, u32),
}

/// Ours alone. Dropped, it ends.
pub struct Alone {
    /// Where it is.
    pub ours: Side,
    _demo: Demo,
}

impl Alone {
    /// Starts it for these transcripts, each with its number.
    pub fn start(transcripts: &[(Domains, &Transcript)], config: &Config) -> Self {
        let (ours, demo) = start_ours(&users(transcripts), &aliases(transcripts), config);
        Self { ours, _demo: demo }
    }
}

/// Both, running with one configuration. Dropped, they end.
pub struct Pair {
    /// Debian's.
    pub theirs: Side,
    /// Ours.
    pub ours: Side,
    reference: Reference,
    demo: Demo,
}

/// Debian's two and their folder, in the order in which they end.
type Reference = (Postfix, Dovecot, Mail);

/// A transcript's own name for a text with its domains, and back.
#[derive(Debug, Clone, Copy)]
pub struct Domains(pub usize);

impl Domains {
    /// As it goes over the wire. The length stays, the case of the first letters too.
    #[must_use]
    pub fn there(self, text: &str) -> String {
        let digits = self.digits();
        text.replace("xample.", &format!("x{digits}.")).replace("XAMPLE.", &format!("X{digits}."))
    }

    /// As the transcript has it.
    #[must_use]
    pub fn back(self, text: &str) -> String {
        let digits = self.digits();
        text.replace(&format!("x{digits}."), "xample.").replace(&format!("X{digits}."), "XAMPLE.")
    }

    fn digits(self) -> String {
        format!("{:05}", self.0)
    }
}

/// Both systems' sockets, each by what is spoken there.
type Sockets<'a> = ([(Wire, &'a str); 5], [(Wire, &'a Path); 3]);

impl Side {
    fn new(
        name: &'static str,
        (tcp, unix): Sockets<'_>,
        ca: &str,
        mail_root: PathBuf,
        owner: (u32, u32),
    ) -> Self {
        let tcp = tcp.map(|(wire, address)| (wire, address.to_owned())).into();
        let unix = unix.map(|(wire, path)| (wire, path.to_owned())).into();
        Self { name, tcp, unix, ca: ca.to_owned(), mail_root, owner }
    }

    /// Connects to one of its sockets.
    pub fn connect(&self, wire: Wire) -> Line {
        match (self.unix.get(&wire), self.tcp.get(&wire)) {
            (Some(path), _) => Line::unix(path),
            (None, Some(address)) if matches!(wire, Wire::Imaps | Wire::Submissions) => {
                Line::tls(address, &self.ca)
            }
            (None, Some(address)) => Line::tcp(address),
            (None, None) => panic!("{} has no {wire:?}", self.name),
        }
    }

    /// Goes on under TLS.
    pub fn start_tls(&self, line: Line) -> Line {
        line.start_tls(&self.ca)
    }

    /// Texts of this side, and what both call them.
    pub fn places(&self) -> Vec<(String, String)> {
        let owner = |name: &str, id: u32| (format!("{name}={id}"), format!("{name}=<owner>"));
        vec![
            (self.mail_root.display().to_string(), "<mail>".to_owned()),
            owner("uid", self.owner.0),
            owner("gid", self.owner.1),
        ]
    }
}

impl Pair {
    /// Starts both for these transcripts, each with its number.
    pub fn start(transcripts: &[(Domains, &Transcript)], config: &Config) -> Self {
        let users = users(transcripts);
        let aliases = aliases(transcripts);
        let (theirs, (ours, demo)) = std::thread::scope(|scope| {
            let theirs = scope.spawn(|| start_theirs(&users, &aliases, config));
            let ours = scope.spawn(|| start_ours(&users, &aliases, config));
            (theirs.join().unwrap(), ours.join().unwrap())
        });
        let (theirs, reference) = theirs;
        Self { theirs, ours, reference, demo }
    }

    /// Ends both, at the same time.
    pub fn end(self) {
        let Self { reference, demo, .. } = self;
        std::thread::scope(|scope| {
            scope.spawn(|| drop(reference));
            scope.spawn(|| drop(demo));
        });
    }
}

fn users(transcripts: &[(Domains, &Transcript)]) -> Vec<User> {
    let mut users = Vec::new();
    for (domains, transcript) in transcripts {
        users.extend(LOGINS.iter().map(|login| User::new(&domains.there(login), PASSWORD)));
        for extra in &transcript.users {
            let mut user = User::new(&domains.there(&extra.login), PASSWORD);
            user.stored.clone_from(&extra.stored);
            user.fields.clone_from(&extra.fields);
            users.push(user);
        }
    }
    users
}

fn aliases(transcripts: &[(Domains, &Transcript)]) -> String {
    let line = |domains: &Domains, (address, targets): &(String, String)| {
        format!("{} {}\n", domains.there(address), domains.there(targets))
    };
    let of = |(domains, transcript): &(Domains, &Transcript)| -> String {
        transcript.aliases.iter().map(|alias| line(domains, alias)).collect()
    };
    transcripts.iter().map(of).collect()
}

/// What the demo's own files say too: host name, greeting, mailboxes with a purpose; and no delays.
const DOVECOT: &str = "hostname = mail.example.test\nlogin_greeting = Dovetail ready.\nauth_failure_delay = 0\n\
service anvil {\n  unix_listener anvil-auth-penalty {\n    mode = 0\n  }\n}\n\
mail_max_userip_connections = 100\nimap_id_send = name Dovetail\n\
namespace inbox {\n\
  mailbox Drafts {\n    special_use = \\Drafts\n    auto = create\n  }\n\
  mailbox Sent {\n    special_use = \\Sent\n    auto = create\n  }\n\
  mailbox Junk {\n    special_use = \\Junk\n    auto = create\n  }\n\
  mailbox Trash {\n    special_use = \\Trash\n    auto = create\n  }\n}\n";
const POSTFIX: &str = "myhostname = mail.example.test\nmyorigin = example.test\nsmtpd_error_sleep_time = 0\n\
smtpd_banner = $myhostname ESMTP Dovetail\nsmtpd_forbid_bare_newline = normalize\n\
smtpd_helo_required = yes\nmessage_size_limit = 52428800\n";

fn start_theirs(users: &[User], aliases: &str, config: &Config) -> (Side, Reference) {
    let mail = Mail::new(users.to_vec());
    let table = mail.path("virtual");
    fs::write(&table, aliases).unwrap();
    let dovecot = Dovecot::start(&mail, &format!("{DOVECOT}{}", config.dovecot.join("\n")));
    let lines = format!(
        "{POSTFIX}virtual_alias_maps = texthash:{}\n{}",
        table.display(),
        config.postfix.join("\n")
    );
    let postfix = Postfix::start(&mail, &dovecot, &lines);
    let tcp = [
        (Wire::Smtp, postfix.smtp.as_str()),
        (Wire::Submission, postfix.submission.as_str()),
        (Wire::Submissions, postfix.submissions.as_str()),
        (Wire::Imap, dovecot.imap.as_str()),
        (Wire::Imaps, dovecot.imaps.as_str()),
    ];
    let unix = [
        (Wire::Lmtp, dovecot.lmtp.as_path()),
        (Wire::Auth, dovecot.auth.as_path()),
        (Wire::Userdb, dovecot.userdb.as_path()),
    ];
    let (ca, owner) = (mail.ca().display().to_string(), (mail.owner(), mail.owner()));
    let side = Side::new("theirs", (tcp, unix), &ca, mail.mail_root(), owner);
    (side, (postfix, dovecot, mail))
}

fn start_ours(users: &[User], aliases: &str, config: &Config) -> (Side, Demo) {
    let mut domains: Vec<String> = users
        .iter()
        .map(|user| format!("\"{}\"", user.login.rsplit_once('@').unwrap().1))
        .collect();
    domains.sort();
    domains.dedup();
    let mut files: BTreeMap<&str, String> = BTreeMap::new();
    files.insert("domains.toml", format!("mailbox_domains = [{}]\n", domains.join(", ")));
    files.insert("authd.toml", "failure_delay = \"0s\"\n".to_owned());
    for (file, line) in &config.ours {
        files.entry(file).or_default().push_str(&format!("{line}\n"));
    }
    let options =
        files.iter().fold(Options::default(), |options, (name, text)| options.config(name, text));
    let demo = options.start();
    let at = &demo.at;
    let root = fs::metadata(&at.mail_root).unwrap();
    let (owner, group) = (root.uid(), root.gid());
    let line = |user: &User| {
        let (name, domain) = user.login.split_once('@').unwrap();
        let (login, stored, fields) = (&user.login, &user.stored, &user.fields);
        format!("{login}:{stored}:{owner}:{group}::{}/{domain}/{name}::{fields}\n", at.mail_root)
    };
    // The daemons read both again when they change.
    let text: String = users.iter().map(line).collect();
    replace(Path::new(&at.passwd_file), &text);
    replace(&Path::new(&at.config).join("virtual"), aliases);
    let tcp = [
        (Wire::Smtp, at.smtp.as_str()),
        (Wire::Submission, at.submission.as_str()),
        (Wire::Submissions, at.submissions.as_str()),
        (Wire::Imap, at.imap.as_str()),
        (Wire::Imaps, at.imaps.as_str()),
    ];
    let unix = [
        (Wire::Lmtp, Path::new(&at.lmtp)),
        (Wire::Auth, Path::new(&at.auth_client)),
        (Wire::Userdb, Path::new(&at.auth_userdb)),
    ];
    let side = Side::new("ours", (tcp, unix), &at.ca, at.mail_root.clone().into(), (owner, group));
    (side, demo)
}

/// Puts a new file in a file's place, with its owner and mode.
fn replace(path: &Path, text: &str) {
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text).unwrap();
    let old = fs::metadata(path).unwrap();
    fs::set_permissions(&fresh, old.permissions()).unwrap();
    chown(&fresh, Some(old.uid()), Some(old.gid())).unwrap();
    fs::rename(&fresh, path).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_there_and_back() {
        let domains = Domains(17);
        for text in ["a@example.test", "A@EXAMPLE.TEST", "b@Example.org x@other.test", "example"] {
            let there = domains.there(text);
            assert_eq!((domains.back(&there).as_str(), there.len()), (text, text.len()));
        }
        assert_eq!(domains.there("mail.example.test"), "mail.ex00017.test");
    }
}
