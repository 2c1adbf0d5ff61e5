//! The daemons as children: started with their sockets, started again when they die, ended.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::sockets::Bound;
use super::{Demo, program};
use crate::exit::{EX_OSERR, Failure};
use crate::places::DAEMONS;

/// A daemon that lived shorter than this died of its start.
const SHORT_LIFE: Duration = Duration::from_millis(300);
/// After so many short lives in a row the next start waits a little, so as not to spin.
const SHORT_LIVES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// How long daemons may take to end; each drains for less.
const END: Duration = Duration::from_secs(15);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

struct Running {
    program: PathBuf,
    child: Child,
    started: Instant,
    short_lives: u32,
}

/// All daemons of a demo.
pub(super) struct Children<'a> {
    demo: &'a Demo,
    running: BTreeMap<&'static str, Running>,
}

impl<'a> Children<'a> {
    /// Starts every daemon. It must be the process's first thread, which lives as long as the
    /// process: a child's tie to its parent is to the thread that made it (prctl(2)).
    pub(super) fn start(demo: &'a Demo) -> Result<Self, Failure> {
        let mut children = Self { demo, running: BTreeMap::new() };
        let programs: Vec<(&'static str, PathBuf)> = DAEMONS
            .into_iter()
            .map(|name| Ok((name, program(name)?)))
            .collect::<Result<_, Failure>>()?;
        for (name, program) in programs {
            match spawn(demo, name, &program) {
                Ok(child) => {
                    let running =
                        Running { program, child, started: Instant::now(), short_lives: 0 };
                    children.running.insert(name, running);
                }
                Err(failure) => {
                    children.end();
                    return Err(failure);
                }
            }
        }
        Ok(children)
    }

    /// The process of each daemon as of now.
    pub(super) fn pids(&self) -> BTreeMap<&'static str, u32> {
        self.running.iter().map(|(name, running)| (*name, running.child.id())).collect()
    }

    /// Tells `ROOT/pids.json`, as pids change when a daemon is started again.
    pub(super) fn write_pids(&self) -> Result<(), Failure> {
        let text =
            serde_json::to_string(&self.pids()).map_err(|error| Failure::system("JSON", error))?;
        self.demo.layout.write(&self.demo.layout.root().join("pids.json"), 0o644, &text)
    }

    /// A daemon that has ended, with its status, if any.
    pub(super) fn dead(&mut self) -> Option<(&'static str, ExitStatus)> {
        self.running.iter_mut().find_map(|(name, running)| match running.child.try_wait() {
            Ok(Some(status)) => Some((*name, status)),
            _ => None,
        })
    }

    /// Starts every dead daemon again at once.
    pub(super) fn restart_dead(&mut self) -> Result<(), Failure> {
        while let Some((name, status)) = self.dead() {
            let Some(running) = self.running.get_mut(name) else { return Ok(()) };
            let short = running.started.elapsed() < SHORT_LIFE;
            running.short_lives = if short { running.short_lives.saturating_add(1) } else { 0 };
            if running.short_lives > SHORT_LIVES {
                std::thread::sleep(PAUSE);
            }
            running.child = spawn(self.demo, name, &running.program)?;
            running.started = Instant::now();
            let pid = running.child.id();
            say(&format!("{name} ended ({}); started again pid={pid}", shown(status)));
            self.write_pids()?;
        }
        Ok(())
    }

    /// Passes a signal on to all.
    pub(super) fn signal(&self, signal: Signal) {
        for running in self.running.values() {
            let pid = i32::try_from(running.child.id()).unwrap_or(0);
            // A child that isn't waited for yet keeps its pid, so nobody else is hit.
            if pid > 0 {
                let _ = kill(Pid::from_raw(pid), signal);
            }
        }
    }

    /// Ends all: SIGTERM, patience, SIGKILL; none is left as a zombie.
    pub(super) fn end(&mut self) {
        self.signal(Signal::SIGTERM);
        let deadline = Instant::now() + END;
        while !self.running.is_empty() && Instant::now() < deadline {
            self.running.retain(|_, running| matches!(running.child.try_wait(), Ok(None)));
            std::thread::sleep(LOOK_AGAIN);
        }
        for (name, mut running) in std::mem::take(&mut self.running) {
            say(&format!("{name} didn't end in time: killed"));
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// How a daemon ended, for people: `signal 9`, `exit status 78`.
pub(super) fn shown(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".to_owned(),
    }
}

fn spawn(demo: &Demo, name: &'static str, program: &PathBuf) -> Result<Child, Failure> {
    let bound: Vec<&Bound> = demo.sockets.of(name).collect();
    let pair = |bound: &&Bound| format!("{}={}", bound.listener, bound.socket.as_raw_fd());
    let sockets: Vec<String> = bound.iter().map(pair).collect();
    inheritable(&bound, true)?;
    let spawned = Command::new(program)
        .arg("--config")
        .arg(demo.layout.etc())
        .env(daemon::SOCKETS_VARIABLE, sockets.join(","))
        .env(daemon::PARENT_VARIABLE, std::process::id().to_string())
        .env_remove("LISTEN_FDS")
        .env_remove("NOTIFY_SOCKET")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .current_dir("/")
        // Ctrl-C goes to the demo alone, which ends them in its own time.
        .process_group(0)
        .spawn();
    // Daemons are started one after the other by this thread alone: none inherits another's.
    inheritable(&bound, false)?;
    spawned.map_err(|error| Failure::system(program.display(), error))
}

fn inheritable(bound: &[&Bound], yes: bool) -> Result<(), Failure> {
    let flags = if yes { FdFlag::empty() } else { FdFlag::FD_CLOEXEC };
    for one in bound {
        fcntl(&one.socket, FcntlArg::F_SETFD(flags))
            .map_err(|error| Failure::new(EX_OSERR, format!("{}: {error}", one.listener)))?;
    }
    Ok(())
}

/// One line on stderr, in the daemons' form.
fn say(text: &str) {
    let time = daemon::rfc3339(daemon::now_millis());
    let _ = writeln!(std::io::stderr(), "{time} dovetail[{}] info: {text}", std::process::id());
}
