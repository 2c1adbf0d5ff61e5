//! What `smtpd.toml` and `domains.toml` come to: values that fit together, tables that are open.

mod keys;

use std::path::PathBuf;
use std::time::Duration;

use address::Domain;
use daemon::{Config, Domains, FileSpec, Problem, Table, tls};
use lookup::table::alias::AliasTable;
use lookup::table::{Limits, alias};

use crate::resolve::{CatchAll, Rules};
use crate::uids::PerUid;
use daemon::networks::{Network, Networks};

/// Who comes to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Other mail servers.
    Mx,
    /// Mail programs that must log in.
    Submission,
    /// Our own daemons, by LMTP.
    Internal,
    /// Programs of this machine's users, by `sendmail`.
    Sendmail,
}

/// When a listener speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Never.
    None,
    /// When the client asks.
    StartTls,
    /// From the first octet.
    Implicit,
}

/// One of the listeners.
#[derive(Debug, Clone)]
pub struct Listen {
    /// `smtp` of `[listener.smtp]`.
    pub name: String,
    /// Who comes there.
    pub role: Role,
    /// When it speaks TLS.
    pub tls: Tls,
}

/// Limits of time and number.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For lmtpd's answer to the final dot.
    pub straight_in_wait: Duration,
    /// For qmgrd's.
    pub queue_wait: Duration,
    /// Connections to each of the two.
    pub hop_connections: usize,
    /// For one of them to be free.
    pub hop_wait: Duration,
    /// For a silent client.
    pub idle: Duration,
    /// For a client to take a reply.
    pub write: Duration,
    /// For a TLS handshake.
    pub handshake: Duration,
    /// Octets a second that a message must come with beyond `idle`; 0: any.
    pub min_data_rate: u64,
}

/// smtpd's settings.
#[derive(Debug)]
pub struct Settings {
    /// This system's name.
    pub hostname: String,
    /// The listeners.
    pub listeners: Vec<Listen>,
    /// Certificate and key.
    pub tls: Option<tls::ServerTls>,
    /// How recipients are resolved.
    pub rules: Rules,
    /// Virtual alias tables, in the order in which they are asked.
    pub aliases: Vec<AliasTable>,
    /// Who may relay without a login.
    pub mynetworks: Networks,
    /// authd's socket for logins.
    pub auth_client: PathBuf,
    /// authd's socket for users.
    pub auth_userdb: PathBuf,
    /// lmtpd's socket, if mail may go straight in.
    pub straight_in: Option<PathBuf>,
    /// qmgrd's socket.
    pub queue: PathBuf,
    /// Limits of time and number.
    pub patience: Patience,
    /// The largest message in octets.
    pub size_limit: u64,
    /// Octets of a body that stay in memory.
    pub body_in_memory: usize,
    /// The folder for the rest.
    pub scratch: PathBuf,
    /// Users whose trace ids count.
    pub trusted_ids: Vec<u32>,
    /// Users whose programs may send; none: all users.
    pub submit_users: Option<Vec<u32>>,
    /// What one user's programs may do.
    pub per_uid: PerUid,
    /// Recipients a message may have.
    pub max_recipients: usize,
    /// Received fields a message may bring along.
    pub hop_limit: usize,
    /// Connections at a time, for each listener.
    pub max_connections: usize,
}

/// The files and their keys.
#[must_use]
pub fn files() -> Vec<FileSpec> {
    vec![FileSpec::daemon("smtpd", "takes mail in.", keys::KEYS), Domains::spec()]
}

impl Settings {
    /// Makes values of the checked configuration, and opens the tables.
    ///
    /// # Errors
    /// All that doesn't fit together or can't be opened.
    pub fn read(config: &Config) -> Result<Self, Vec<Problem>> {
        let domains = Domains::read(config.file("domains"));
        let mut problems = Vec::new();
        let keys = config.table("tls");
        let tls = tls::from_table(keys).unwrap_or_else(|wrong| {
            problems.extend(wrong);
            None
        });
        // A broken certificate was told already.
        let have_tls = tls.is_some() || !problems.is_empty();
        let listeners = listeners(config, have_tls, &mut problems);
        let rules = rules(config, &domains, &mut problems);
        let aliases = aliases(config, &mut problems);
        let mynetworks = networks(config, &mut problems);
        let lmtp = config.opt_path("lmtp").map_or(domains.local_lmtp, PathBuf::from);
        let (Some(rules), true) = (rules, problems.is_empty()) else { return Err(problems) };
        Ok(Self {
            hostname: domains.hostname,
            listeners,
            tls,
            rules,
            aliases,
            mynetworks,
            auth_client: config.path("auth_client").to_owned(),
            auth_userdb: config.path("auth_userdb").to_owned(),
            straight_in: config.boolean("straight_in").then_some(lmtp),
            queue: config.path("queue").to_owned(),
            patience: patience(config),
            size_limit: domains.message_size_limit,
            body_in_memory: usize::try_from(config.size("body_in_memory")).unwrap_or(usize::MAX),
            scratch: config.own_place("scratch"),
            trusted_ids: config.users("trusted_ids"),
            submit_users: config
                .is_set("authorized_submit_users")
                .then(|| config.users("authorized_submit_users")),
            per_uid: PerUid {
                sessions: config.count("max_connections_per_uid"),
                messages: config.count("max_messages_per_uid"),
            },
            max_recipients: config.count("max_recipients"),
            hop_limit: config.count("hop_limit"),
            max_connections: config.count("max_connections"),
        })
    }
}

fn patience(config: &Config) -> Patience {
    Patience {
        straight_in_wait: config.duration("straight_in_wait"),
        queue_wait: config.duration("queue_wait"),
        hop_connections: config.count("hop_connections"),
        hop_wait: config.duration("hop_wait"),
        idle: config.duration("idle"),
        write: config.duration("write_time"),
        handshake: config.duration("handshake_time"),
        min_data_rate: config.count("min_data_rate") as u64,
    }
}

fn problem<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn listeners(config: &Config, have_tls: bool, problems: &mut Vec<Problem>) -> Vec<Listen> {
    let own = config.tables("listener").iter().filter(|table| table.name() != "admin");
    own.map(|table| {
        let listen = Listen {
            name: table.name().to_owned(),
            role: match table.text("role") {
                "submission" => Role::Submission,
                "internal" => Role::Internal,
                "sendmail" => Role::Sendmail,
                _ => Role::Mx,
            },
            tls: match table.text("tls") {
                "starttls" => Tls::StartTls,
                "implicit" => Tls::Implicit,
                _ => Tls::None,
            },
        };
        check_listener(table, &listen, have_tls, problems);
        listen
    })
    .collect()
}

fn check_listener(table: &Table, listen: &Listen, have_tls: bool, problems: &mut Vec<Problem>) {
    if listen.tls != Tls::None && !have_tls {
        problems.push(table.problem("tls", "needs [tls] with certificate and key"));
    }
    if listen.role == Role::Submission && listen.tls == Tls::None {
        let why = "a submission listener needs \"starttls\" or \"implicit\": logins aren't taken in clear";
        problems.push(table.problem("tls", why));
    }
    let on_tcp = table.address("address").is_some_and(|address| address.unix().is_none());
    if listen.role == Role::Internal && on_tcp {
        let why = "the internal listener believes its clients: it must be a Unix socket";
        problems.push(table.problem("address", why));
    }
    if listen.role == Role::Sendmail && on_tcp {
        let why = "a sendmail listener knows its clients by their user: it must be a Unix socket";
        problems.push(table.problem("address", why));
    }
    if listen.role == Role::Sendmail && listen.tls != Tls::None {
        problems.push(table.problem("tls", "a sendmail listener never leaves this machine"));
    }
}

fn rules(config: &Config, domains: &Domains, problems: &mut Vec<Problem>) -> Option<Rules> {
    let shared = config.file("domains");
    let origin = Domain::parse(&domains.myorigin)
        .map_err(|why| shared.problem("myorigin", format!("{}: {why}", domains.myorigin)));
    let postmaster = domains
        .postmaster
        .parse()
        .map_err(|why| shared.problem("postmaster", format!("{}: {why}", domains.postmaster)));
    let (origin, postmaster) = (problem(origin, problems), problem(postmaster, problems));
    Some(Rules {
        mailbox_domains: domains.mailbox_domains.iter().cloned().collect(),
        myorigin: origin?,
        postmaster: postmaster?,
        delimiters: domains.recipient_delimiter.clone(),
        catch_all: match config.text("catch_all") {
            "postfix" => CatchAll::Postfix,
            _ => CatchAll::Dovetail,
        },
        max_depth: config.count("alias_depth_limit"),
        max_addresses: config.count("alias_expansion_limit"),
    })
}

fn aliases(config: &Config, problems: &mut Vec<Problem>) -> Vec<AliasTable> {
    let paths = config.texts("virtual_alias_maps").into_iter();
    paths
        .filter_map(|path| {
            let opened = alias::open(path, Limits::default());
            let told = opened.map_err(|why| config.problem("virtual_alias_maps", why.to_string()));
            problem(told, problems)
        })
        .collect()
}

fn networks(config: &Config, problems: &mut Vec<Problem>) -> Networks {
    let texts = config.texts("mynetworks").into_iter();
    texts
        .filter_map(|text| {
            let read = text.parse::<Network>();
            let told = read.map_err(|why| config.problem("mynetworks", why.to_string()));
            problem(told, problems)
        })
        .collect()
}

#[cfg(test)]
mod tests;
