//! Waits until every listener accepts: a socket that is bound only queues connections.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use daemon::SocketAddress;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::Demo;
use super::children::{Children, shown};
use super::sockets::Bound;
use crate::exit::{EX_OSERR, Failure};

/// A system that isn't up by then never will be.
const START: Duration = Duration::from_secs(60);
/// How long one listener may take for its first words, before the daemons are looked at again.
const WORDS: Duration = Duration::from_millis(500);

/// Waits; false if a signal asked for the end meanwhile.
///
/// A daemon that dies before it ever served is a failure, not a case for starting it again.
pub(super) fn wait(
    demo: &Demo,
    children: &mut Children<'_>,
    signals: &SigSet,
) -> Result<bool, Failure> {
    let signals = SignalFd::with_flags(signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
        .map_err(|error| Failure::system("signals", error))?;
    let deadline = Instant::now() + START;
    for bound in demo.sockets.all() {
        while !speaks(bound) {
            if let Some((name, status)) = children.dead() {
                return Err(Failure::new(
                    EX_OSERR,
                    format!("{name} didn't start: {}", shown(status)),
                ));
            }
            if Instant::now() > deadline {
                let message =
                    format!("{}'s listener {} doesn't answer", bound.daemon, bound.listener);
                return Err(Failure::new(EX_OSERR, message));
            }
            if asked_to_end(&signals)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// A signal that came meanwhile; SIGCHLD and SIGHUP don't end the start.
fn asked_to_end(signals: &SignalFd) -> Result<bool, Failure> {
    while let Some(found) =
        signals.read_signal().map_err(|error| Failure::system("signals", error))?
    {
        let number = i32::try_from(found.ssi_signo).unwrap_or(0);
        if [Signal::SIGTERM as i32, Signal::SIGINT as i32].contains(&number) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the daemon says something on a connection: every protocol here greets, but the admin
/// socket, which is asked, and TLS from the first byte, which answers a wrong first byte.
fn speaks(bound: &Bound) -> bool {
    let first_words: &[u8] = match bound.listener {
        "admin" => b"GET /v1/status HTTP/1.0\r\n\r\n",
        "imaps" | "submissions" => b"?\r\n\r\n\r\n",
        _ => b"",
    };
    let mut byte = [0; 1];
    let heard = match &bound.address {
        SocketAddress::Unix(path) => UnixStream::connect(path).and_then(|mut stream| {
            stream.set_read_timeout(Some(WORDS))?;
            stream.write_all(first_words)?;
            stream.read(&mut byte)
        }),
        SocketAddress::Tcp(address) => TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(WORDS))?;
            stream.write_all(first_words)?;
            stream.read(&mut byte)
        }),
        SocketAddress::TcpAny(_) => return true,
    };
    match heard {
        Ok(_) => true,
        // Wrong first bytes may also end in a reset: somebody was there.
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    }
}
