//! The two shared files as values: `domains.toml` and `mail.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::config::{FileSpec, Table, hostname};
use crate::keys;

/// What `domains.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domains {
    /// This system's name.
    pub hostname: String,
    /// The domain put to addresses without one.
    pub myorigin: String,
    /// Where mail for the postmaster goes.
    pub postmaster: String,
    /// Domains whose mailboxes are here, in lower case.
    pub mailbox_domains: Vec<String>,
    /// What separates the user from a detail; empty: nothing.
    pub recipient_delimiter: String,
    /// The largest message, in octets.
    pub message_size_limit: u64,
    /// Where mail for the mailbox domains goes.
    pub local_lmtp: PathBuf,
    /// Where mail for other domains goes.
    pub remote_lmtp: PathBuf,
    /// Domains, in lower case, with a socket of their own.
    pub routes: BTreeMap<String, PathBuf>,
}

impl Domains {
    /// The file and its keys, for [`crate::Daemon::files`].
    #[must_use]
    pub fn spec() -> FileSpec {
        FileSpec::shared(
            "domains",
            "what smtpd, qmgrd, relayd and lmtpd share: names, domains, routes.",
            keys::DOMAINS,
        )
    }

    /// Reads the checked table: `Domains::read(config.file("domains"))`.
    #[must_use]
    pub fn read(table: &Table) -> Self {
        let name = table.opt_text("hostname").map_or_else(hostname, str::to_owned);
        let myorigin = table.opt_text("myorigin").unwrap_or(&name).to_owned();
        let postmaster = table
            .opt_text("postmaster")
            .map_or_else(|| format!("postmaster@{myorigin}"), str::to_owned);
        let lower = |domain: String| domain.to_lowercase();
        let routes = table.text_map("routes").into_iter();
        Self {
            hostname: name,
            myorigin,
            postmaster,
            mailbox_domains: table.texts("mailbox_domains").into_iter().map(lower).collect(),
            recipient_delimiter: table.text("recipient_delimiter").to_owned(),
            message_size_limit: table.size("message_size_limit"),
            local_lmtp: table.path("local_lmtp").to_owned(),
            remote_lmtp: table.path("remote_lmtp").to_owned(),
            routes: routes.map(|(domain, path)| (lower(domain), path.into())).collect(),
        }
    }

    /// Hops between the daemons allow so many octets more than a message may have, for the headers that
    /// each hop adds.
    pub const HEADER_ALLOWANCE: u64 = 64 << 10;

    /// The largest content on a hop between the daemons, in octets.
    #[must_use]
    pub fn hop_size_limit(&self) -> u64 {
        self.message_size_limit.saturating_add(Self::HEADER_ALLOWANCE)
    }

    /// Whether mailboxes of this domain are here; letter case doesn't matter.
    #[must_use]
    pub fn is_mailbox_domain(&self, domain: &str) -> bool {
        let domain = domain.to_lowercase();
        self.mailbox_domains.contains(&domain)
    }
}

/// A mailbox with a purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecialMailbox {
    /// Its name.
    pub name: String,
    /// `\Sent`, `\Trash` … (RFC 6154).
    pub special_use: Option<String>,
    /// Made for a user who lacks it.
    pub create: bool,
    /// Subscribed to when it is made.
    pub subscribe: bool,
}

/// What `mail.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// Where a user's mail is, unexpanded: `maildir:~/Maildir`.
    pub location: String,
    /// What separates a mailbox's name from its parent's.
    pub separator: char,
    /// Folders below which homes and mail must lie; empty: anywhere.
    pub mail_roots: Vec<PathBuf>,
    /// Mailboxes with a purpose, in the order of the file.
    pub mailboxes: Vec<SpecialMailbox>,
}

impl Mail {
    /// The file and its keys, for [`crate::Daemon::files`].
    #[must_use]
    pub fn spec() -> FileSpec {
        FileSpec::shared(
            "mail",
            "what lmtpd and imapd share: where mail is and how mailboxes are named.",
            keys::MAIL,
        )
    }

    /// Reads the checked table: `Mail::read(config.file("mail"))`.
    #[must_use]
    pub fn read(table: &Table) -> Self {
        let mailbox = |table: &Table| SpecialMailbox {
            name: table.name().to_owned(),
            special_use: table.opt_text("special_use").map(str::to_owned),
            create: table.text("auto") != "no",
            subscribe: table.text("auto") == "subscribe",
        };
        Self {
            location: table.text("mail_location").to_owned(),
            separator: table.text("separator").chars().next().unwrap_or('/'),
            mail_roots: table.texts("mail_roots").into_iter().map(PathBuf::from).collect(),
            mailboxes: table.tables("mailbox").iter().map(mailbox).collect(),
        }
    }
}
