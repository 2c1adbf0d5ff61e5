//! `dovetail demo`: the whole system on loopback, by the demo contract of docs/architecture.md.
//!
//! The demo binds every socket itself and hands them to the daemons, its children: ports stay the
//! same however often one dies, and clients wait in the kernel's queue until it is back.

mod accounts;
mod announce;
mod certificates;
mod children;
mod files;
mod layout;
mod ready;
mod sockets;

use std::io::Write;
use std::path::Path;

use nix::sys::signal::{SigSet, Signal};

use crate::cli::DemoArguments;
use crate::exit::{EX_CONFIG, Failure};
use crate::{output, places};

use children::Children;
use layout::Layout;
use sockets::Sockets;

/// Everything that the files and the announcement speak of.
pub(crate) struct Demo {
    layout: Layout,
    sockets: Sockets,
    accounts: Vec<accounts::Account>,
}

/// Runs the demo until SIGTERM or Ctrl-C.
pub(crate) fn run(
    arguments: &DemoArguments,
    overlay: Option<&Path>,
    json: bool,
) -> Result<(), Failure> {
    // First of all, so that a signal from now on is waited for and doesn't end us half-way. Daemons
    // clear the mask that they inherit.
    let signals = block_signals()?;
    let layout = Layout::make(arguments)?;
    certificates::make(&layout)?;
    let accounts = accounts::make(&layout)?;
    let sockets = Sockets::bind(&layout, arguments.port_base)?;
    let demo = Demo { layout, sockets, accounts };
    files::write(&demo)?;
    if let Some(overlay) = overlay {
        lay_over(&demo.layout, overlay)?;
    }
    check(&demo.layout)?;
    let mut children = Children::start(&demo)?;
    let ended = serve(&demo, &mut children, &signals, json);
    children.end();
    demo.layout.clean_up();
    ended
}

fn serve(
    demo: &Demo,
    children: &mut Children<'_>,
    signals: &SigSet,
    json: bool,
) -> Result<(), Failure> {
    if !ready::wait(demo, children, signals)? {
        return Ok(());
    }
    // A death during the start was noticed without its signal.
    children.restart_dead()?;
    children.write_pids()?;
    let announcement = if json { announce::json(demo, children) } else { announce::text(demo) };
    output::print(&announcement)?;
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => children.restart_dead()?,
            Ok(Signal::SIGHUP) => children.signal(Signal::SIGHUP),
            Ok(_) => return Ok(()),
            Err(error) => return Err(Failure::system("waiting for signals", error)),
        }
    }
}

/// Merges the user's files into the demo's own, key by key.
fn lay_over(layout: &Layout, overlay: &Path) -> Result<(), Failure> {
    daemon::merge_folders(&layout.etc(), overlay)
        .map_err(|problems| wrong_configuration(&problems))?;
    // A file that only the overlay has was made under our umask; the daemons must read it.
    layout.open_configuration()
}

/// SIGCHLD tells of a child's death; SIGHUP is passed on; the others end the demo.
fn block_signals() -> Result<SigSet, Failure> {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGCHLD] {
        set.add(signal);
    }
    set.thread_block().map_err(|error| Failure::system("signals", error))?;
    Ok(set)
}

/// Wrong files end the demo before anything starts. Whoever sets times that don't fit together, to
/// see what comes of it, is only told.
fn check(layout: &Layout) -> Result<(), Failure> {
    let found = crate::config::look(&layout.etc());
    if !found.errors.is_empty() {
        return Err(wrong_configuration(&found.errors));
    }
    let _ = std::io::stderr()
        .write_all(daemon::print_problems(&crate::config::impatience(&found)).as_bytes());
    Ok(())
}

fn wrong_configuration(problems: &[daemon::Problem]) -> Failure {
    let text = daemon::print_problems(problems);
    Failure::new(EX_CONFIG, format!("configuration:\n{}", text.trim_end()))
}

/// The program of a daemon, or what to do about its absence.
fn program(name: &str) -> Result<std::path::PathBuf, Failure> {
    places::program(name).ok_or_else(|| {
        let own = std::env::current_exe().unwrap_or_default();
        let folder = own.parent().unwrap_or(Path::new("")).display().to_string();
        let message = format!(
            "{name} is neither in {folder} nor in /usr/libexec/dovetail: build or install it"
        );
        Failure::new(crate::exit::EX_OSERR, message)
    })
}
