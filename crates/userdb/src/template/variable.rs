//! The variables: their names in Dovecot 2.3 and 2.4, and what they stand for.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::asking::Secured;
use crate::{Asking, Fields};

/// What the variables stand for. Whatever isn't known is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct Values<'a> {
    /// `%u`, and `%n` and `%d` before and behind its first `@`.
    pub user: &'a str,
    /// `%{original_user}`: the name as the client said it.
    pub original: &'a str,
    /// `%{login_user}`: whom a master user is about to log in as.
    pub login: &'a str,
    /// `%{master_user}`: who logged in as the user.
    pub master: &'a str,
    /// `%h`; "" before it is known.
    pub home: &'a str,
    /// Who asks.
    pub asking: Option<&'a Asking>,
    /// `%{passdb:KEY}`: what the passdbs have said so far.
    pub passdb: Option<&'a Fields>,
    /// `%{userdb:KEY}`: what the userdbs have said so far.
    pub userdb: Option<&'a Fields>,
    /// `%!`: the database's number.
    pub database: usize,
}

impl<'a> Values<'a> {
    /// A user, and nothing else known.
    #[must_use]
    pub fn of_user(user: &'a str) -> Self {
        Self { user, ..Self::default() }
    }
}

/// A name in whole, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// Before the first `@`.
    Local,
    /// Behind the first `@`.
    Domain,
}

impl Part {
    pub(super) fn of(self, name: &str) -> &str {
        match self {
            Self::Whole => name,
            Self::Local => name.split('@').next().unwrap_or_default(),
            Self::Domain => name.split_once('@').map_or("", |(_, domain)| domain),
        }
    }
}

/// What a value may hold where a path is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anything: the operator's word, or a path that was checked when it was set.
    Operators,
    /// A path that stays below where it starts: what a database has.
    Field,
    /// A part of a path's component: what a client says.
    Word,
}

/// Where a field is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Passdb,
    Userdb,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    User(Part),
    Original(Part),
    Login(Part),
    Auth(Part),
    Master,
    DomainFirst,
    DomainLast,
    Service,
    Home,
    LocalIp,
    RemoteIp,
    LocalPort,
    RemotePort,
    RealLocalIp,
    RealRemoteIp,
    RealLocalPort,
    RealRemotePort,
    ClientPid,
    SessionPid,
    Mechanism,
    Secured,
    Certificate,
    Session,
    LocalName,
    ClientId,
    Database,
    Hostname,
    Environment(String),
    Field { side: Side, key: String, default: String },
}

impl Variable {
    /// The variable of a letter (2.3).
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'u' => Self::User(Part::Whole),
            'n' => Self::User(Part::Local),
            'd' => Self::User(Part::Domain),
            's' => Self::Service,
            'h' => Self::Home,
            'l' => Self::LocalIp,
            'r' => Self::RemoteIp,
            'a' => Self::LocalPort,
            'b' => Self::RemotePort,
            'p' => Self::ClientPid,
            'm' => Self::Mechanism,
            'c' => Self::Secured,
            'k' => Self::Certificate,
            '!' => Self::Database,
            _ => return None,
        })
    }

    /// The variable of a long name: 2.3's or 2.4's.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        if let Some((provider, key)) = name.split_once(':') {
            return Self::provided(provider, key);
        }
        Some(match name {
            "user" => Self::User(Part::Whole),
            "username" => Self::User(Part::Local),
            "domain" => Self::User(Part::Domain),
            "orig_user" | "original_user" => Self::Original(Part::Whole),
            "orig_username" | "original_username" => Self::Original(Part::Local),
            "orig_domain" | "original_domain" => Self::Original(Part::Domain),
            "login_user" => Self::Login(Part::Whole),
            "login_username" => Self::Login(Part::Local),
            "login_domain" => Self::Login(Part::Domain),
            "auth_user" => Self::Auth(Part::Whole),
            "auth_username" => Self::Auth(Part::Local),
            "auth_domain" => Self::Auth(Part::Domain),
            "master_user" => Self::Master,
            "domain_first" => Self::DomainFirst,
            "domain_last" => Self::DomainLast,
            "service" | "protocol" => Self::Service,
            "home" => Self::Home,
            "lip" | "local_ip" => Self::LocalIp,
            "rip" | "remote_ip" => Self::RemoteIp,
            "lport" | "local_port" => Self::LocalPort,
            "rport" | "remote_port" => Self::RemotePort,
            "real_lip" | "real_local_ip" => Self::RealLocalIp,
            "real_rip" | "real_remote_ip" => Self::RealRemoteIp,
            "real_lport" | "real_local_port" => Self::RealLocalPort,
            "real_rport" | "real_remote_port" => Self::RealRemotePort,
            "pid" | "client_pid" => Self::ClientPid,
            "session_pid" => Self::SessionPid,
            "mech" | "mechanism" => Self::Mechanism,
            "secured" => Self::Secured,
            "cert" => Self::Certificate,
            "session" => Self::Session,
            "local_name" => Self::LocalName,
            "client_id" => Self::ClientId,
            "hostname" => Self::Hostname,
            _ => return None,
        })
    }

    fn provided(provider: &str, key: &str) -> Option<Self> {
        let (name, default) = key.split_once(':').unwrap_or((key, ""));
        if name.is_empty() {
            return None;
        }
        let side = match provider {
            "passdb" => Side::Passdb,
            "userdb" => Side::Userdb,
            "env" => return Some(Self::Environment(key.into())),
            _ => return None,
        };
        Some(Self::Field { side, key: name.into(), default: default.into() })
    }

    /// Whether the value may be a path, and how far it is believed.
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Home | Self::Environment(_) => Kind::Operators,
            Self::Field { .. } => Kind::Field,
            _ => Kind::Word,
        }
    }

    pub(super) fn value<'a>(&'a self, values: &Values<'a>) -> Cow<'a, str> {
        let original = if values.original.is_empty() { values.user } else { values.original };
        let domain = Part::Domain.of(values.user);
        match self {
            Self::User(part) => part.of(values.user).into(),
            Self::Original(part) => part.of(original).into(),
            Self::Login(part) => part.of(values.login).into(),
            Self::Auth(part) if values.master.is_empty() => part.of(original).into(),
            Self::Auth(part) => part.of(values.master).into(),
            Self::Master => values.master.into(),
            Self::DomainFirst => domain.split('@').next().unwrap_or_default().into(),
            Self::DomainLast => domain.rsplit('@').next().unwrap_or_default().into(),
            Self::Home => values.home.into(),
            Self::Database => values.database.to_string().into(),
            Self::Hostname => hostname().into(),
            Self::Environment(name) => std::env::var(name).unwrap_or_default().into(),
            Self::Field { side, key, default } => {
                let fields = match side {
                    Side::Passdb => values.passdb,
                    Side::Userdb => values.userdb,
                };
                fields.and_then(|fields| fields.get(key)).unwrap_or(default).into()
            }
            _ => values.asking.map_or(Cow::Borrowed(""), |asking| self.of_asking(asking)),
        }
    }

    fn of_asking<'a>(&self, asking: &'a Asking) -> Cow<'a, str> {
        let address = |ip: Option<IpAddr>| ip.map(|ip| ip.to_string()).unwrap_or_default().into();
        let number = |of: Option<u32>| of.unwrap_or_default().to_string().into();
        match self {
            Self::Service => asking.service.as_str().into(),
            Self::Mechanism => asking.mechanism.as_str().into(),
            Self::Session => asking.session.as_str().into(),
            Self::LocalName => asking.local_name.as_str().into(),
            Self::ClientId => asking.client_id.as_str().into(),
            Self::LocalIp => address(asking.local),
            Self::RemoteIp => address(asking.remote),
            Self::RealLocalIp => address(asking.real_local()),
            Self::RealRemoteIp => address(asking.real_remote()),
            Self::LocalPort => number(asking.local_port.map(u32::from)),
            Self::RemotePort => number(asking.remote_port.map(u32::from)),
            Self::RealLocalPort => number(asking.real_local_port().map(u32::from)),
            Self::RealRemotePort => number(asking.real_remote_port().map(u32::from)),
            Self::ClientPid => number(asking.client_pid),
            Self::SessionPid => asking.session_pid.map_or("".into(), |pid| pid.to_string().into()),
            Self::Secured => match asking.secured {
                Secured::No => "".into(),
                Secured::Yes => "secured".into(),
                Secured::Tls => "TLS".into(),
            },
            Self::Certificate if asking.valid_certificate => "valid".into(),
            _ => "".into(),
        }
    }
}

fn hostname() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}
