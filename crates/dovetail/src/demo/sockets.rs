//! Every socket of the system, bound here and inherited by the daemons.

use std::os::fd::OwnedFd;

use daemon::{Access, SocketAddress};
use socket2::SockRef;

use super::layout::Layout;
use crate::exit::Failure;

/// The TCP listeners in the order of `--port-base`; daemons that don't exist yet keep their numbers
/// free behind these.
const PORTS: [(&str, &str); 5] = [
    ("smtpd", "smtp"),
    ("smtpd", "submission"),
    ("smtpd", "submissions"),
    ("imapd", "imap"),
    ("imapd", "imaps"),
];

/// The Unix listeners besides each daemon's `admin`.
const PATHS: [(&str, &str); 7] = [
    ("authd", "client"),
    ("authd", "userdb"),
    ("smtpd", "internal"),
    ("smtpd", "sendmail"),
    ("qmgrd", "lmtp"),
    ("relayd", "lmtp"),
    ("lmtpd", "lmtp"),
];

/// `/smtpd/internal.sock`, the longest that is put to the folder of sockets.
pub(super) const LONGEST_SOCKET: usize = "/smtpd/internal.sock".len();

/// Sockets admit by mode alone here: whoever reaches the folder may connect.
const OPEN: Access = Access { mode: 0o666, uid: None, gid: None };

/// One bound listener.
pub(super) struct Bound {
    pub(super) daemon: &'static str,
    pub(super) listener: &'static str,
    pub(super) address: SocketAddress,
    pub(super) socket: OwnedFd,
}

/// All of them.
pub(super) struct Sockets(Vec<Bound>);

impl Sockets {
    pub(super) fn bind(layout: &Layout, port_base: Option<u16>) -> Result<Self, Failure> {
        let mut all = Vec::new();
        for (index, (daemon, listener)) in (0u16..).zip(PORTS) {
            let port = port_base.map_or(0, |base| base.saturating_add(index));
            all.push(bind(daemon, listener, SocketAddress::Tcp(([127, 0, 0, 1], port).into()))?);
        }
        let admin = crate::places::DAEMONS.map(|daemon| (daemon, "admin"));
        for (daemon, listener) in PATHS.into_iter().chain(admin) {
            let path = layout.socket(daemon, listener);
            // The root is locked: what a killed demo left there is nobody's.
            let _ = std::fs::remove_file(&path);
            all.push(bind(daemon, listener, SocketAddress::Unix(path))?);
        }
        Ok(Self(all))
    }

    pub(super) fn of(&self, daemon: &str) -> impl Iterator<Item = &Bound> {
        self.0.iter().filter(move |bound| bound.daemon == daemon)
    }

    pub(super) fn all(&self) -> &[Bound] {
        &self.0
    }

    /// Where a listener is: `127.0.0.1:PORT`, or the socket's path.
    pub(super) fn place(&self, daemon: &str, listener: &str) -> String {
        let found = self.of(daemon).find(|bound| bound.listener == listener);
        found.map_or_else(String::new, |bound| match &bound.address {
            SocketAddress::Unix(path) => path.display().to_string(),
            tcp => tcp.to_string(),
        })
    }
}

fn bind(
    daemon: &'static str,
    listener: &'static str,
    wanted: SocketAddress,
) -> Result<Bound, Failure> {
    let failed = |why: String| Failure::new(crate::exit::EX_OSERR, why);
    let bound = daemon::bind(listener, &wanted, OPEN).map_err(|error| failed(error.to_string()))?;
    let socket =
        bound.into_iter().next().ok_or_else(|| failed(format!("{listener}: nothing bound")))?;
    let address = match wanted {
        // Port 0 has become a real one.
        SocketAddress::Tcp(_) => {
            let local =
                SockRef::from(&socket).local_addr().ok().and_then(|local| local.as_socket());
            SocketAddress::Tcp(local.ok_or_else(|| failed(format!("{listener}: no address")))?)
        }
        other => other,
    };
    Ok(Bound { daemon, listener, address, socket })
}
