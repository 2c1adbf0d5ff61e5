//! Where a socket is: `127.0.0.1:25`, `[::]:25`, `*:25`, `unix:/path`. Numbers only: a name would
//! have to be looked up before anything has started.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The longest path that fits a Unix socket's address (sun_path less its NUL; unix(7)).
pub(crate) const MAX_UNIX_PATH: usize = 107;

/// Where to listen or connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SocketAddress {
    /// One address and port.
    Tcp(SocketAddr),
    /// Every address of this machine, IPv4 and IPv6, on one port.
    TcpAny(u16),
    /// A path in the file system, at most 107 bytes.
    Unix(PathBuf),
}

impl SocketAddress {
    /// The socket addresses that it stands for; none for a path.
    #[must_use]
    pub fn tcp(&self) -> Vec<SocketAddr> {
        match self {
            Self::Tcp(address) => vec![*address],
            Self::TcpAny(port) => {
                vec![(Ipv6Addr::UNSPECIFIED, *port).into(), (Ipv4Addr::UNSPECIFIED, *port).into()]
            }
            Self::Unix(_) => Vec::new(),
        }
    }

    /// The path, if it is a Unix socket.
    #[must_use]
    pub fn unix(&self) -> Option<&Path> {
        match self {
            Self::Unix(path) => Some(path),
            Self::Tcp(_) | Self::TcpAny(_) => None,
        }
    }
}

/// Why a text is no socket address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SocketAddressError {
    /// None of the forms.
    #[error("want \"127.0.0.1:25\", \"[::1]:25\", \"*:25\" or \"unix:/path\"")]
    Form,
    /// A Unix socket's path must be absolute.
    #[error("a Unix socket's path must begin with /")]
    Relative,
    /// The kernel takes 107 bytes.
    #[error("a Unix socket's path has at most {MAX_UNIX_PATH} bytes")]
    Long,
}

impl FromStr for SocketAddress {
    type Err = SocketAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                _ if !path.starts_with('/') => Err(SocketAddressError::Relative),
                _ if path.len() > MAX_UNIX_PATH => Err(SocketAddressError::Long),
                _ if path.contains('\0') => Err(SocketAddressError::Form),
                _ => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        if let Some(port) = text.strip_prefix("*:") {
            return port.parse().map(Self::TcpAny).map_err(|_| SocketAddressError::Form);
        }
        text.parse().map(Self::Tcp).map_err(|_| SocketAddressError::Form)
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::TcpAny(port) => write!(f, "*:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for text in ["127.0.0.1:25", "[::1]:587", "*:25", "unix:/run/x.sock", "[::]:0"] {
            assert_eq!(text.parse::<SocketAddress>().unwrap().to_string(), text);
        }
        let parse = |text: &str| text.parse::<SocketAddress>().unwrap_err();
        assert_eq!(parse("unix:run/x"), SocketAddressError::Relative);
        assert_eq!(parse("localhost:25"), SocketAddressError::Form);
        assert_eq!(parse("::1:25"), SocketAddressError::Form);
        assert_eq!(parse(&format!("unix:/{}", "x".repeat(107))), SocketAddressError::Long);
        assert!(format!("unix:/{}", "x".repeat(106)).parse::<SocketAddress>().is_ok());
    }
}
