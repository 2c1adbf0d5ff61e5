//! `imapd.toml` and `mail.toml`, as the daemon uses them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use daemon::tls::ServerTls;
use daemon::{Config, FileSpec, Key, Kind, Problem, Purpose, Table, keys};
use imap::response::ListAttribute;
use mailbox::MailboxName;
use store::{Location, Roots};

use crate::folders::Wanted;
use crate::wire::Patience;

const LISTENER: &[Key] =
    &[keys::ADDRESS, keys::LISTENER_TLS, keys::OWNER, keys::GROUP, keys::MODE, keys::PEERS];

const KEYS: &[Key] = &[
    Key::optional(
        "listener",
        Kind::Tables(LISTENER),
        "The sockets that the daemon listens on: [listener.imap] with tls = \"starttls\", \
         [listener.imaps] with tls = \"implicit\". [listener.admin] is the operator's.",
    )
    .restart(),
    keys::TLS,
    Key::new(
        "auth_client",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/authd/client.sock\"",
        "The auth daemon's socket for logins.",
    ),
    Key::new(
        "auth_userdb",
        Kind::Path(Purpose::ConnectSocket),
        "\"/run/dovetail/authd/userdb.sock\"",
        "The auth daemon's socket that tells where a user's mail is.",
    ),
    Key::new(
        "plaintext_from_loopback",
        Kind::Bool,
        "true",
        "Whether clients on this machine may send their password without TLS. Others never may.",
    ),
    Key::new(
        "max_connections",
        Kind::count(1, 1_000_000),
        "10000",
        "Connections at a time, for each listener. More wait to be accepted.",
    )
    .restart(),
    keys::max_connections_per_address("1000"),
    keys::max_connections_per_user("10"),
    keys::UNLIMITED_NETWORKS,
    Key::new(
        "append_limit",
        Kind::Size { min: 1 << 10, max: 1 << 40 },
        "\"1G\"",
        "The largest message that a client may store.",
    ),
    Key::new(
        "login_time",
        Kind::seconds(1, 3600),
        "\"3m\"",
        "How long a client may take to log in.",
    ),
    Key::new(
        "idle",
        Kind::seconds(30 * 60, 24 * 3600),
        "\"30m\"",
        "How long a logged-in client may be silent. IDLE has no such limit. RFC 3501 §5.4 asks for \
         at least 30 minutes.",
    ),
    Key::new(
        "write_time",
        Kind::seconds(1, 3600),
        "\"5m\"",
        "How long a client may take to take 64 KiB of replies.",
    ),
    Key::new(
        "handshake_time",
        Kind::seconds(1, 600),
        "\"30s\"",
        "How long a TLS handshake may take.",
    ),
];

/// Whether and when a listener's connections are under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListenerTls {
    None,
    StartTls,
    Implicit,
}

/// What imapd's configuration comes to.
#[derive(Debug)]
pub struct Settings {
    pub(crate) listeners: BTreeMap<String, ListenerTls>,
    pub(crate) tls: Option<ServerTls>,
    pub(crate) auth_client: PathBuf,
    pub(crate) auth_userdb: PathBuf,
    pub(crate) plaintext_from_loopback: bool,
    pub(crate) max_connections: usize,
    pub(crate) append_limit: u64,
    pub(crate) login_time: Duration,
    pub(crate) idle: Duration,
    pub(crate) patience: Patience,
    pub(crate) mail: Mail,
}

/// What `mail.toml` says, checked.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) location: Location,
    pub(crate) separator: char,
    /// Where homes and mail must lie.
    pub(crate) roots: Roots,
    special: BTreeMap<MailboxName, String>,
    pub(crate) wanted: Vec<Wanted>,
}

impl Settings {
    pub(crate) fn files() -> Vec<FileSpec> {
        let doc = "imapd: reading mail by IMAP.";
        vec![FileSpec::daemon("imapd", doc, KEYS), daemon::Mail::spec()]
    }

    pub(crate) fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let listeners = listeners(config);
        let tls = daemon::tls::from_table(config.table("tls"));
        let tls = tls.unwrap_or_else(|wrong| {
            problems.extend(wrong);
            None
        });
        for table in config.tables("listener") {
            let wants = listeners.get(table.name()).is_some_and(|tls| *tls != ListenerTls::None);
            // A broken [tls] was told already.
            if wants && tls.is_none() && problems.is_empty() {
                problems.push(table.problem("tls", "needs [tls] with `certificate` and `key`"));
            }
        }
        let mail = Mail::read(config.file("mail"), &mut problems);
        let Some(mail) = mail.filter(|_| problems.is_empty()) else { return Err(problems) };
        Ok(Self {
            listeners,
            tls,
            auth_client: config.path("auth_client").to_owned(),
            auth_userdb: config.path("auth_userdb").to_owned(),
            plaintext_from_loopback: config.boolean("plaintext_from_loopback"),
            max_connections: config.count("max_connections"),
            append_limit: config.size("append_limit"),
            login_time: config.duration("login_time"),
            idle: config.duration("idle"),
            patience: Patience {
                write: config.duration("write_time"),
                handshake: config.duration("handshake_time"),
            },
            mail,
        })
    }
}

fn listeners(config: &Config) -> BTreeMap<String, ListenerTls> {
    let tls = |table: &Table| match table.text("tls") {
        "starttls" => ListenerTls::StartTls,
        "implicit" => ListenerTls::Implicit,
        _ => ListenerTls::None,
    };
    config.tables("listener").iter().map(|table| (table.name().to_owned(), tls(table))).collect()
}

impl Mail {
    fn read(table: &Table, problems: &mut Vec<Problem>) -> Option<Self> {
        let said = daemon::Mail::read(table);
        let location = Location::parse(&said.location)
            .map_err(|why| problems.push(table.problem("mail_location", why.to_string())))
            .ok();
        let mut special = BTreeMap::new();
        let mut wanted = Vec::new();
        for mailbox in &said.mailboxes {
            let name = match MailboxName::parse(&mailbox.name, said.separator) {
                Ok(name) => name,
                Err(why) => {
                    problems.push(table.problem("mailbox", format!("{}: {why}", mailbox.name)));
                    continue;
                }
            };
            if mailbox.create {
                wanted.push(Wanted { name: name.clone(), subscribe: mailbox.subscribe });
            }
            if let Some(special_use) = &mailbox.special_use {
                special.insert(name, special_use.clone());
            }
        }
        let (separator, roots) = (said.separator, Roots::new(said.mail_roots));
        Some(Self { location: location?, separator, roots, special, wanted })
    }

    /// `\Sent` and its like, as the configuration gives it.
    pub(crate) fn special_use(&self, name: &MailboxName) -> Option<ListAttribute<'_>> {
        self.special.get(name).map(|attribute| ListAttribute::SpecialUse(attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(imapd: &str, mail: &str) -> Result<Settings, String> {
        let texts = [("imapd", imapd), ("mail", mail)];
        Config::from_texts("imapd", &Settings::files(), &texts)
            .and_then(|config| Settings::read(&config))
            .map_err(|problems| daemon::print_problems(&problems))
    }

    #[test]
    fn the_demos_mailboxes() {
        let mail = "[mailbox.Sent]\nspecial_use = \"\\\\Sent\"\nauto = \"create\"\n\
                    [mailbox.\"a/b\"]\nauto = \"subscribe\"\n";
        let settings = read("", mail).expect("good");
        let name = MailboxName::parse("Sent", '/').expect("good");
        assert_eq!(settings.mail.special_use(&name), Some(ListAttribute::SpecialUse("\\Sent")));
        assert_eq!(settings.mail.wanted.len(), 2);
        assert!(
            settings.mail.wanted[1].subscribe && settings.mail.wanted[1].name.parts().len() == 2
        );
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let imapd = "[listener.imaps]\naddress = \"127.0.0.1:0\"\ntls = \"implicit\"\n";
        let mail = "mail_location = \"mbox:~/mail\"\n[mailbox.\"a//b\"]\nauto = \"create\"\n";
        let problems = read(imapd, mail).expect_err("wrong");
        for part in ["imapd.toml:3", "certificate", "mbox", "a//b"] {
            assert!(problems.contains(part), "{part}: {problems}");
        }
    }
}
