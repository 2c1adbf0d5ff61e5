//! What is known of the client on the other end of a session, and how Received, XFORWARD and the
//! log name it.

use std::net::IpAddr;

use auth_client::VerifiedLogin;
use daemon::Peer;
use daemon::tls::TlsInfo;
use smtp::XForward;

use crate::settings::Role;
use daemon::networks::Networks;

/// The client of a session.
#[derive(Debug)]
pub struct Client {
    /// Where it comes from.
    pub peer: Peer,
    /// Which kind of listener it came to.
    pub role: Role,
    /// The name it gave, empty before HELO.
    pub helo: String,
    /// It said EHLO (or LHLO), not HELO.
    pub extended: bool,
    /// TLS, once it is there.
    pub tls: Option<TlsInfo>,
    /// The login, once it is good.
    pub login: Option<VerifiedLogin>,
    /// It stands in `mynetworks`.
    pub in_mynetworks: bool,
    /// What a daemon of ours told of the client before it (internal listener only).
    pub forwarded: XForward,
}

impl Client {
    /// A client that hasn't said anything yet.
    #[must_use]
    pub fn new(peer: Peer, role: Role, mynetworks: &Networks) -> Self {
        let remote = peer.remote.map(|remote| remote.ip());
        Self {
            in_mynetworks: role == Role::Mx && remote.is_some_and(|ip| mynetworks.contains(ip)),
            peer,
            role,
            helo: String::new(),
            extended: false,
            tls: None,
            login: None,
            forwarded: XForward::default(),
        }
    }

    /// Whether it may relay, and whether its mail is completed and queued where a stranger's would
    /// be refused for now.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        matches!(self.role, Role::Internal | Role::Sendmail)
            || self.in_mynetworks
            || self.login.is_some()
    }

    /// The user of this machine whose program this is, if it came as one.
    #[must_use]
    pub fn userid(&self) -> Option<u32> {
        self.peer.uid.filter(|_| self.role == Role::Sendmail)
    }

    /// RFC 3848's `with` word; UTF8SMTP and its like (RFC 6531 §3.7.3) where the message needs it.
    #[must_use]
    pub fn protocol(&self, smtputf8: bool) -> String {
        let base = match (self.role, smtputf8) {
            (Role::Internal, false) => "LMTP",
            (Role::Internal, true) => "UTF8LMTP",
            (_, true) => "UTF8SMTP",
            (_, false) if self.extended => "ESMTP",
            // HELO knows neither TLS nor AUTH.
            (_, false) => return "SMTP".to_owned(),
        };
        let secured = if self.tls.is_some() { "S" } else { "" };
        let authenticated = if self.login.is_some() { "A" } else { "" };
        format!("{base}{secured}{authenticated}")
    }

    /// The client's address as Received and XFORWARD write it.
    #[must_use]
    pub fn address(&self) -> Option<String> {
        self.peer.remote.map(|remote| match remote.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("IPv6:{ip}"),
        })
    }

    /// `unknown[192.0.2.1]` as Postfix's log has it; a Unix socket's user for our own daemons.
    #[must_use]
    pub fn shown(&self) -> String {
        match self.peer.remote {
            Some(remote) => format!("unknown[{}]", remote.ip()),
            None => format!("local[uid={}]", self.peer.uid.map_or(-1, i64::from)),
        }
    }

    /// The log's `user=`: who is logged in, or was at the daemon before us.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(VerifiedLogin::user).or(self.forwarded.login.as_deref())
    }

    /// What the next hop is told (Postfix's XFORWARD_README). A daemon's own mail passes on what
    /// it was told itself.
    #[must_use]
    pub fn xforward(&self, trace: &str, protocol: String) -> XForward {
        if self.role == Role::Internal {
            return XForward {
                ident: Some(trace.to_owned()),
                source: self.forwarded.source.clone().or_else(|| Some("LOCAL".into())),
                ..self.forwarded.clone()
            };
        }
        if self.role == Role::Sendmail {
            let (ident, source) = (Some(trace.to_owned()), Some("LOCAL".into()));
            return XForward { ident, source, ..XForward::default() };
        }
        XForward {
            name: None,
            addr: self.address(),
            port: self.peer.remote.map(|remote| remote.port().to_string()),
            proto: Some(protocol),
            helo: Some(self.helo.clone()).filter(|helo| !helo.is_empty()),
            ident: Some(trace.to_owned()),
            source: Some("REMOTE".into()),
            login: self.login.as_ref().map(|login| login.user().to_owned()),
        }
    }
}
