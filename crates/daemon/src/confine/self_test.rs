//! `POST /v1/sandbox/self-test`: tries, from inside, what the daemon mustn't do, and tells what the
//! kernel said to each. Only where `[sandbox] self_test` is on; nothing that it tries takes anything
//! from the request, and what would succeed changes nothing.

use std::fs::{File, OpenOptions};
use std::io::Error;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::admin::{Admin, Method, Refusal};
use crate::config::Table;

/// How long a connection that shouldn't come about may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// tcpmux: no daemon needs it.
const NO_DAEMONS_PORT: u16 = 1;
/// Beyond the kernel's highest process number.
const NO_PROCESS: i32 = i32::MAX;

type Attempt = fn() -> Result<(), Error>;

const ATTEMPTS: &[(&str, Attempt)] = &[
    ("list /", || std::fs::read_dir("/").map(drop)),
    ("list /var/log", || std::fs::read_dir("/var/log").map(drop)),
    ("read /etc/shadow", || File::open("/etc/shadow").map(drop)),
    ("read the memory of the first process", || File::open("/proc/1/mem").map(drop)),
    ("write in /tmp", || write_in("/tmp")),
    ("write in /etc", || write_in("/etc")),
    ("open a netlink socket", || family(AddressFamily::Netlink, SockType::Raw)),
    ("open a packet socket", || family(AddressFamily::Packet, SockType::Raw)),
    ("open a raw internet socket", || family(AddressFamily::Inet, SockType::Raw)),
    ("open a vsock socket", || family(AddressFamily::Vsock, SockType::Stream)),
    ("connect to a TCP port", || {
        let address = (std::net::Ipv4Addr::LOCALHOST, NO_DAEMONS_PORT).into();
        match TcpStream::connect_timeout(&address, PATIENCE) {
            // Nobody is there: it wasn't forbidden.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
            other => other.map(drop),
        }
    }),
    ("listen on a TCP port", || {
        // Port 0 is any free one.
        TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).map(drop)
    }),
    ("execute a program", || {
        let mut command = Command::new("/bin/true");
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().and_then(|mut child| child.wait()).map(drop)
    }),
    ("trace a process", || match nix::sys::ptrace::attach(Pid::from_raw(NO_PROCESS)) {
        // There is none of that number: it wasn't forbidden.
        Err(Errno::ESRCH) => Ok(()),
        other => other.map_err(Into::into),
    }),
    ("change the user", || nix::unistd::setuid(nix::unistd::getuid()).map_err(Into::into)),
    ("set the setgid bit", || match chmod("/dovetail-self-test", 0o2755) {
        // Nothing is called so: it wasn't forbidden.
        Err(Errno::ENOENT) => Ok(()),
        other => other.map_err(Into::into),
    }),
    ("leave its name spaces", || {
        // No flag: where it may, nothing changes.
        nix::sched::unshare(nix::sched::CloneFlags::empty()).map_err(Into::into)
    }),
];

fn write_in(folder: &str) -> Result<(), Error> {
    let path = Path::new(folder).join(format!("dovetail-self-test-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)
}

fn chmod(path: &str, mode: u32) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(mode);
    fchmodat(AT_FDCWD, path, mode, FchmodatFlags::FollowSymlink)
}

fn family(family: AddressFamily, kind: SockType) -> Result<(), Error> {
    let made: Result<OwnedFd, Errno> = socket(family, kind, SockFlag::SOCK_CLOEXEC, None);
    made.map(drop).map_err(Into::into)
}

/// Registers the route, where the operator wants it.
pub(crate) fn route(admin: &Admin, sandbox: &Table) {
    if !sandbox.boolean("self_test") {
        return;
    }
    tracing::warn!(
        "sandbox.self_test is on: the operator's socket may have us try what we mustn't"
    );
    admin.route(Method::POST, "/v1/sandbox/self-test", |_| async {
        let all = tokio::task::spawn_blocking(attempt_all).await;
        all.map_err(|error| Refusal::unavailable(error.to_string()))
    });
}

fn attempt_all() -> Value {
    let mut attempts = Vec::new();
    for (what, attempt) in ATTEMPTS {
        let result = attempt();
        let error = result.as_ref().err().map(ToString::to_string);
        match &result {
            Ok(()) => tracing::error!("self test: could {what}"),
            Err(error) => tracing::warn!(%error, "self test: couldn't {what}"),
        }
        attempts.push(json!({ "what": what, "denied": result.is_err(), "error": error }));
    }
    json!({ "attempts": attempts })
}
