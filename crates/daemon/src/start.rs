//! The order of starting, which nothing may change: arguments and configuration, keys, logs,
//! sockets, identity, confinement; and only then threads and tokio.

use std::ffi::CString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::arguments::{self, Arguments};
use crate::config::{Config, Problem};
use crate::confine::Confined;
use crate::error::Error;
use crate::log::{Log, LogSettings};
use crate::name::Name;
use crate::pid_file::PidFile;
use crate::privileges::{self, Identity};
use crate::sessions::SessionLimits;
use crate::sockets::Sockets;
use crate::{Daemon, admin, confine, inherit, limits, peers, run, sockets, tls};

/// sysexits(3).
const EX_USAGE: u8 = 64;
const EX_OSERR: u8 = 71;
const EX_CONFIG: u8 = 78;
/// Every exit code and what it means, for the manual.
pub(crate) const EXIT_CODES: &[(u8, &str)] = &[
    (0, "It ended as it was asked to."),
    (EX_USAGE, "Wrong arguments."),
    (EX_OSERR, "The system refused something: a socket, a file, a change of user."),
    (
        EX_CONFIG,
        "Wrong configuration; all of what is wrong is on standard error. systemd starts it again after any other \
         failure, but after this and 64 only when it is told to.",
    ),
];
/// How long the last log lines may take.
const LAST_LINES: Duration = Duration::from_secs(5);

/// The whole life of a daemon's process; `fn main() -> ExitCode { daemon::main::<Smtpd>() }`.
///
/// Ends with 0 after a stop that was asked for, 64 for wrong arguments, 78 for wrong configuration,
/// 71 when the system refuses something.
#[must_use]
pub fn main<D: Daemon>() -> ExitCode {
    let (name, folder) = match arguments::read(D::NAME, std::env::args_os().skip(1)) {
        Arguments::Serve(name, folder) => (name, folder),
        Arguments::Say(text) => {
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Arguments::Wrong(text) => {
            say(D::NAME, &text);
            return ExitCode::from(EX_USAGE);
        }
    };
    match start::<D>(&name, &folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if matches!(error, Error::Config(_)) { EX_CONFIG } else { EX_OSERR };
            say(&name.to_string(), &error.to_string());
            ExitCode::from(code)
        }
    }
}

/// Everything of a daemon's configuration that can be wrong: types, limits, combinations, keys and
/// certificates. `dovetail config check` and a reload ask the same.
///
/// # Errors
/// All problems.
pub fn check<D: Daemon>(folder: &Path) -> Result<(Config, D::Settings), Vec<Problem>> {
    check_instance::<D>(folder, None)
}

/// As [`check`], for an instance of the daemon.
///
/// # Errors
/// All problems.
pub fn check_instance<D: Daemon>(
    folder: &Path,
    instance: Option<&str>,
) -> Result<(Config, D::Settings), Vec<Problem>> {
    settle::<D>(Config::load_instance(folder, D::NAME, instance, &D::files())?)
}

/// Makes settings of a configuration whose types and limits were checked.
pub(crate) fn settle<D: Daemon>(config: Config) -> Result<(Config, D::Settings), Vec<Problem>> {
    let mut others = LogSettings::check(config.table("log"));
    others.extend(SessionLimits::read(&config).err().unwrap_or_default());
    others.extend(peers::check::<D>(config.tables("listener")));
    match D::settings(&config) {
        Ok(settings) if others.is_empty() => Ok((config, settings)),
        Ok(_) => Err(others),
        Err(problems) => Err([problems, others].concat()),
    }
}

fn start<D: Daemon>(name: &Name, folder: &Path) -> Result<(), Error> {
    // The process's own, for as long as it lives: logs and the operator's view are named so.
    let shown: &'static str = name.to_string().leak();
    call_process(shown);
    // Before anything of ours opens a descriptor.
    let inherited = inherit::take();
    // Files and sockets that we make are nobody else's until we say so.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    // A parent that waits for signals hands its mask down; ours are to arrive.
    let _ = nix::sys::signal::SigSet::all().thread_unblock();
    tls::install_provider();
    // Configuration; and keys, which settings read while we may.
    let (config, settings) = check_instance::<D>(folder, name.instance()).map_err(Error::Config)?;
    let identity = Identity::of(D::NAME, &config)?;
    let owner = (identity.uid, identity.gid);
    // Logs.
    let log = Log::start(shown, &LogSettings::read(config.table("log")), owner)?;
    log_panics();
    let descriptors =
        limits::raise_descriptors(u64::try_from(config.integer("max_descriptors")).unwrap_or(0));
    // The pid file, which only root may write in some places.
    let pid_file = PidFile::write(shown, &config)?;
    // Sockets.
    let sockets = sockets::open::<D>(shown, &config, inherited, owner)?;
    admin::process::open();
    // Identity: for good.
    identity.assume()?;
    // Confinement.
    let confined = confine::confine::<D>(&config)?;
    // From here on threads may be.
    log.start_writer()?;
    announce(shown, &sockets, &identity, descriptors);
    say_sandbox(&confined);
    let ended = run::run::<D>(shown, (config, confined.rules), settings, sockets, &log);
    if let Err(error) = &ended {
        tracing::error!(%error, "stopped");
    }
    drop(pid_file);
    log.flush(LAST_LINES);
    ended
}

fn say_sandbox(confined: &Confined) {
    for warning in &confined.warnings {
        tracing::warn!("sandbox: {warning}");
    }
    let Confined { landlock, seccomp, .. } = confined;
    tracing::info!(landlock, seccomp, "sandbox");
}

fn announce(name: &str, sockets: &Sockets, identity: &Identity, descriptors: u64) {
    for warning in &sockets.warnings {
        tracing::warn!("{warning}");
    }
    for missing in &sockets.missing {
        tracing::error!("{missing}; the others are served");
    }
    if privileges::has_capabilities() {
        tracing::warn!("this process holds capabilities that it doesn't need");
    }
    let listeners = sockets.listeners.iter().chain(&sockets.admin);
    let shown: Vec<String> =
        listeners.map(|one| format!("{}={}", one.name(), one.addresses().join(","))).collect();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        uid = identity.uid,
        as_user = identity.user_name(),
        descriptors,
        listeners = shown.join(" "),
        "starting {name}"
    );
}

/// A panic costs one session; its message goes to the log like everything else.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        tracing::error!(place, panic = text, "a task panicked: this is a bug");
    }));
}

/// Names the process, which tools show in fifteen octets.
fn call_process(name: &str) {
    let short: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(short) = CString::new(short) {
        let _ = nix::sys::prctl::set_name(&short);
    }
}

fn say(name: &str, text: &str) {
    let text = text.trim_end();
    let _ = writeln!(std::io::stderr(), "{name}: {text}");
}
