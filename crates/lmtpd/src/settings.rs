//! What lmtpd.toml, domains.toml and mail.toml come to.

use std::path::PathBuf;
use std::time::Duration;

use daemon::{Config, Domains, Mail, Problem};
use smtp::Protocol;
use store::{Location, Roots};

/// Everything that an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This host's name.
    pub hostname: String,
    /// What separates a user from a detail.
    pub recipient_delimiter: String,
    /// authd's userdb socket.
    pub auth_userdb: PathBuf,
    /// Where mail is, unless the userdb's `mail` field says otherwise.
    pub location: Location,
    /// What separates a mailbox from its parent.
    pub separator: char,
    /// `+detail` goes into the mailbox of that name.
    pub detail_mailbox: bool,
    /// It is made where it is missing.
    pub autocreate: bool,
    /// Where mail must lie; empty: anywhere.
    pub mail_roots: Roots,
    /// Whose trace ids count, beside our own user's.
    pub trusted_ids: Vec<u32>,
    /// The uid that this instance is for; none of the daemon that fronts the instances.
    pub instance: Option<u32>,
    /// The socket of a uid's instance, with `%i` for the uid.
    pub instances: String,
    /// Uids below it get no mail.
    pub minimum_uid: u32,
    /// Who may connect to an instance.
    pub front: Option<u32>,
    /// After how long without a connection an instance ends.
    pub idle_exit: Duration,
    /// For all deliveries of a message.
    pub work_limit: Duration,
    /// Deliveries remembered.
    pub delivered_table: usize,
    /// Octets of a message kept in memory.
    pub body_in_memory: usize,
    /// Connections at a time.
    pub max_connections: usize,
    /// Recipients of a message.
    pub max_recipients: usize,
    /// For a silent client.
    pub idle: Duration,
    /// Octets of content.
    pub size_limit: u64,
}

impl Settings {
    pub(crate) fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let domains = Domains::read(config.file("domains"));
        let mail = Mail::read(config.file("mail"));
        let mut problems = Vec::new();
        let location = Location::parse(&mail.location).map_err(|error| {
            problems.push(config.file("mail").problem("mail_location", error.to_string()));
        });
        if config.boolean("autocreate") && !config.boolean("detail_mailbox") {
            problems.push(config.problem("autocreate", "it needs detail_mailbox = true"));
        }
        let instance = instance(config).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let front = config.user("front");
        if instance.is_some() && front.is_none() {
            problems.push(config.problem("front", "there is no such user on this system"));
        }
        if !config.text("instances").contains("%i") {
            problems.push(config.problem("instances", "it needs %i, which stands for the uid"));
        }
        let Ok(location) = location else { return Err(problems) };
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            size_limit: domains.hop_size_limit(),
            hostname: domains.hostname,
            recipient_delimiter: domains.recipient_delimiter,
            auth_userdb: config.path("auth_userdb").to_owned(),
            location,
            separator: mail.separator,
            detail_mailbox: config.boolean("detail_mailbox"),
            autocreate: config.boolean("autocreate"),
            mail_roots: Roots::new(mail.mail_roots),
            trusted_ids: config.users("trusted_ids"),
            instance,
            instances: config.text("instances").to_owned(),
            minimum_uid: u32::try_from(config.integer("minimum_uid")).unwrap_or(u32::MAX),
            front,
            idle_exit: config.duration("idle_exit"),
            work_limit: config.duration("work_limit"),
            delivered_table: config.count("delivered_table"),
            body_in_memory: usize::try_from(config.size("body_in_memory")).unwrap_or(usize::MAX),
            max_connections: config.count("max_connections"),
            max_recipients: config.count("max_recipients"),
            idle: config.duration("idle"),
        })
    }

    /// Whose trace ids count, beside our own user's.
    pub(crate) fn trusts(&self, uid: u32) -> bool {
        let front = self.front.filter(|_| self.instance.is_some());
        front == Some(uid) || self.trusted_ids.contains(&uid)
    }

    pub(crate) fn server_options(&self) -> smtp_server::Options {
        let mut session = smtp::server::Options::new(Protocol::Lmtp, self.hostname.clone());
        session.xforward = true;
        session.limits.size = self.size_limit;
        session.limits.recipients = self.max_recipients;
        let mut options = smtp_server::Options::new(session);
        options.idle = self.idle;
        options
    }
}

/// An instance is called by the uid that it is for.
fn instance(config: &Config) -> Result<Option<u32>, Problem> {
    let Some(name) = config.instance() else { return Ok(None) };
    match name.parse::<u32>() {
        Ok(uid) if uid > 0 && name == uid.to_string() => Ok(Some(uid)),
        _ => {
            let why =
                format!("lmtpd's instances are called by the uid that they are for, not {name:?}");
            Err(Problem::file(config.folder(), why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemon::Daemon as _;

    fn read(lmtpd: &str, mail: &str) -> Result<Settings, Vec<Problem>> {
        let texts = [("lmtpd", lmtpd), ("mail", mail)];
        let config = Config::from_texts("lmtpd", &crate::Lmtpd::files(), &texts)?;
        Settings::read(&config)
    }

    #[test]
    fn all_problems_at_once() {
        let problems = read("autocreate = true\n", "mail_location = \"mbox:~/x\"\n");
        assert_eq!(problems.expect_err("two").len(), 2);
        let problems = read("mail_roots = []\n", "").expect_err("in the wrong file");
        let told = daemon::print_problems(&problems);
        assert!(told.contains("mail.toml"), "{told}");
        let settings = read("", "mail_roots = [\"/var/vmail\"]\n").expect("defaults");
        assert_eq!(settings.mail_roots.folders(), [PathBuf::from("/var/vmail")]);
        assert_eq!(settings.work_limit, Duration::from_secs(50));
    }
}
