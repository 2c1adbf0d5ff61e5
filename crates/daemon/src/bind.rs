//! Listening sockets bound here, before privileges are dropped: TCP, and Unix sockets with owner,
//! group and mode. A stale Unix socket is replaced; one that answers is never unlinked.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};

use crate::config::SocketAddress;
use crate::error::Error;

/// Connections that wait for accept.
const BACKLOG: i32 = 1024;

/// Who may use a Unix socket.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// Access bits.
    pub mode: u32,
    /// Owner; none leaves it ours.
    pub uid: Option<u32>,
    /// Group; none leaves it ours.
    pub gid: Option<u32>,
}

/// Binds all sockets that one address stands for.
///
/// # Errors
/// [`Error::Bind`], naming the listener.
pub fn bind(name: &str, address: &SocketAddress, access: Access) -> Result<Vec<OwnedFd>, Error> {
    let failed =
        |why: String| Error::Bind { name: name.to_owned(), address: address.to_string(), why };
    if let Some(path) = address.unix() {
        return unix(path, access).map(|fd| vec![fd]).map_err(failed);
    }
    let mut bound = Vec::new();
    for tcp_address in address.tcp() {
        match tcp(tcp_address) {
            Ok(socket) => bound.push(socket),
            // `*` on a machine without IPv6 is what there is.
            Err(error) if tcp_address.is_ipv6() && no_ipv6(&error, address) => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    if bound.is_empty() { Err(failed("no such address here".to_owned())) } else { Ok(bound) }
}

fn no_ipv6(error: &std::io::Error, address: &SocketAddress) -> bool {
    let absent = [nix::libc::EAFNOSUPPORT, nix::libc::EADDRNOTAVAIL];
    matches!(address, SocketAddress::TcpAny(_))
        && error.raw_os_error().is_some_and(|code| absent.contains(&code))
}

fn tcp(address: SocketAddr) -> std::io::Result<OwnedFd> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Without it a restart within a minute would fail on connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` is IPv6 alone; `*` binds both.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn unix(path: &Path, access: Access) -> Result<OwnedFd, String> {
    if path.as_os_str().len() > crate::config::MAX_UNIX_PATH {
        return Err(format!("the path has more than {} bytes", crate::config::MAX_UNIX_PATH));
    }
    make_way(path)?;
    let listener = UnixListener::bind(path).map_err(|error| error.to_string())?;
    // Until here the umask of the start (0077) lets nobody but us connect.
    let given = (|| {
        if access.uid.is_some() || access.gid.is_some() {
            std::os::unix::fs::chown(path, access.uid, access.gid)?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(access.mode))
    })();
    given.map_err(|error| format!("owner, group or mode: {error}"))?;
    // std listens with a backlog of its own; a second listen(2) sets ours.
    let socket = Socket::from(OwnedFd::from(listener));
    socket.listen(BACKLOG).map_err(|error| error.to_string())?;
    Ok(socket.into())
}

/// Unlinks a socket that nobody listens on; anything else in the way stays.
fn make_way(path: &Path) -> Result<(), String> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.to_string()),
        Ok(found) if !found.file_type().is_socket() => {
            return Err("something that isn't a socket is there already".to_owned());
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Ok(_) => Err("another process answers there".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|error| format!("stale socket: {error}"))
        }
        Err(error) => Err(format!("a socket is there already: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Access = Access { mode: 0o600, uid: None, gid: None };

    #[test]
    fn unix_sockets_are_replaced_only_when_stale() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.sock");
        let address = SocketAddress::Unix(path.clone());
        let first = bind("x", &address, OPEN).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = bind("x", &address, OPEN).unwrap_err().to_string();
        assert!(error.contains("another process answers there"), "{error}");
        drop(first);
        bind("x", &address, OPEN).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "a file").unwrap();
        assert!(bind("x", &address, OPEN).unwrap_err().to_string().contains("isn't a socket"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
    }

    #[test]
    fn long_paths_and_missing_folders_are_errors() {
        let long = SocketAddress::Unix(format!("/tmp/{}", "x".repeat(120)).into());
        assert!(bind("x", &long, OPEN).unwrap_err().to_string().contains("107"));
        let missing = SocketAddress::Unix("/nonexistent/x.sock".into());
        assert!(
            bind("x", &missing, OPEN)
                .unwrap_err()
                .to_string()
                .starts_with("listener x: unix:/nonexistent")
        );
    }

    #[test]
    fn tcp_ports() {
        let one = bind("x", &"127.0.0.1:0".parse().unwrap(), OPEN).unwrap();
        let socket = Socket::from(one.into_iter().next().unwrap());
        let taken = socket.local_addr().unwrap().as_socket().unwrap();
        let error = bind("x", &SocketAddress::Tcp(taken), OPEN).unwrap_err().to_string();
        assert!(error.contains("in use"), "{error}");
    }
}
