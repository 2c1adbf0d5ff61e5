//! Listening sockets that a parent bound: systemd's LISTEN_FDS with LISTEN_FDNAMES
//! (sd_listen_fds(3)), or `DOVETAIL_SOCKETS=smtp=7,submission=9` from a parent that leaves
//! descriptors at the numbers they have.
//!
//! The one place with unsafe code: a number from the environment becomes a descriptor we own.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

/// Environment variable with `NAME=NUMBER` pairs, separated by commas.
pub const SOCKETS_VARIABLE: &str = "DOVETAIL_SOCKETS";
/// No parent passes more.
const MAX_SOCKETS: i32 = 256;
/// sd_listen_fds(3): the first passed descriptor.
const FIRST: RawFd = 3;

/// Takes the sockets that the environment names, each with its listener's name. Call it once,
/// before anything else opens files: afterwards the numbers may be somebody else's.
pub fn take() -> Vec<(String, OwnedFd)> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut named = ours(&variable(SOCKETS_VARIABLE).unwrap_or_default());
    named.extend(systemd(
        variable("LISTEN_PID").as_deref(),
        &variable("LISTEN_FDS").unwrap_or_default(),
        &variable("LISTEN_FDNAMES").unwrap_or_default(),
        std::process::id(),
    ));
    let mut taken: Vec<RawFd> = Vec::new();
    named.retain(|(_, fd)| {
        let first_time = !taken.contains(fd);
        taken.push(*fd);
        first_time
    });
    named.into_iter().filter_map(|(name, fd)| Some((name, own(fd)?))).collect()
}

fn ours(value: &str) -> Vec<(String, RawFd)> {
    let pair = |text: &str| {
        let (name, number) = text.rsplit_once('=')?;
        let number: RawFd = number.parse().ok()?;
        (number >= FIRST).then(|| (name.to_owned(), number))
    };
    value.split(',').filter_map(pair).take(MAX_SOCKETS as usize).collect()
}

/// LISTEN_PID of another process means that the variables were for our parent.
fn systemd(pid: Option<&str>, count: &str, names: &str, own_pid: u32) -> Vec<(String, RawFd)> {
    if pid.is_some_and(|pid| pid.parse() != Ok(own_pid)) {
        return Vec::new();
    }
    let count: i32 = count.parse().unwrap_or(0).clamp(0, MAX_SOCKETS);
    let mut names = names.split(':');
    let name = |fd| (names.next().unwrap_or("unknown").to_owned(), fd);
    (FIRST..FIRST + count).map(name).collect()
}

/// Makes a descriptor ours if it is open, and keeps our children from inheriting it.
#[expect(unsafe_code, reason = "a parent's promise that the descriptor is ours can't be checked")]
fn own(fd: RawFd) -> Option<OwnedFd> {
    // An open descriptor or nothing: /proc knows without touching it.
    std::fs::symlink_metadata(format!("/proc/self/fd/{fd}")).ok()?;
    // SAFETY: the number is open (just seen), and was left to us alone by whoever started us; it is
    // taken once, in the single-threaded start, before anything of ours opens files.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl(&owned, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).ok()?;
    Some(owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_form() {
        assert_eq!(ours("smtp=7,a=b=9"), [("smtp".to_owned(), 7), ("a=b".to_owned(), 9)]);
        assert!(ours("").is_empty());
        assert!(ours("x=1,y=z,=,w").is_empty());
    }

    #[test]
    fn systemd_form() {
        let two = systemd(Some("42"), "2", "smtp:smtps", 42);
        assert_eq!(two, [("smtp".to_owned(), 3), ("smtps".to_owned(), 4)]);
        assert!(systemd(Some("41"), "2", "smtp:smtps", 42).is_empty());
        assert_eq!(systemd(None, "1", "", 42), [(String::new(), 3)]);
        assert!(systemd(None, "-3", "a", 42).is_empty());
        assert!(systemd(Some("x"), "1", "a", 42).is_empty());
    }
}
