//! A root with processes in namespaces of its own: its files, network, processes and control groups
//! are nobody else's, and go with it.

use std::fmt::Debug;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::{eventually, tools};

use crate::cgroup::Cgroup;
use crate::process::Status;
use crate::root::{Layer, lower};
use crate::{need_root, target};

/// How long a command in a machine may take, in seconds.
const COMMAND_SECONDS: &str = "120";

/// What a machine's first process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// systemd, with an empty network of its own.
    Systemd,
    /// Nothing: commands run as in a chroot, with this machine's network.
    Idle,
}

/// A running machine; dropped, it is gone.
#[derive(Debug)]
pub struct Machine {
    unshare: Child,
    /// Its first process, as this machine counts.
    first: u32,
    init: Init,
    scratch: PathBuf,
    // After the processes.
    _cgroup: Option<Cgroup>,
    _folder: tempfile::TempDir,
}

impl Machine {
    /// A systemd that has come up, on the minimal root with these layers.
    #[must_use]
    pub fn boot(layers: &[&Layer]) -> Self {
        let machine = Self::start(&lower(layers), Init::Systemd, None);
        eventually("systemd to come up", || {
            let state = machine.try_run("systemctl is-system-running");
            let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
            assert!(state != "degraded", "{}", machine.run("systemctl --failed"));
            (state == "running").then_some(())
        });
        machine
    }

    /// A root without a systemd that runs.
    #[must_use]
    pub fn idle(layers: &[&Layer]) -> Self {
        Self::start(&lower(layers), Init::Idle, None)
    }

    /// Starts one that reads `lower`, and writes to memory or to these folders.
    pub(crate) fn start(lower: &str, init: Init, upper: Option<(&Path, &Path)>) -> Self {
        need_root();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::Builder::new().prefix("dvm").tempdir().unwrap();
        let scratch = folder.path().join("scratch");
        fs::create_dir(&scratch).unwrap();
        let script = folder.path().join("boot.sh");
        fs::write(&script, include_str!("boot.sh")).unwrap();
        let cgroup = (init == Init::Systemd)
            .then(|| Cgroup::new(&format!("{}-{number}", std::process::id())));
        // It joins its control group before it gets a namespace whose root that is.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "sh", "-c"]);
        command.arg("[ -z \"$GROUP\" ] || echo $$ >\"$GROUP\"; exec \"$@\"").arg("sh");
        command.args(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc"]);
        if init == Init::Systemd {
            command.args(["--net", "--cgroup"]);
        }
        command.arg("sh").arg(&script);
        let group = cgroup.as_ref().map(Cgroup::processes).unwrap_or_default();
        command.env("GROUP", group).env("LOWER", lower).env("SCRATCH", &scratch);
        command.env("INIT", if init == Init::Systemd { "systemd" } else { "idle" });
        command.env("TARGET", target());
        if let Some((upper, work)) = upper {
            command.env("UPPER", upper).env("WORK", work);
        }
        let errors = folder.path().join("errors");
        let log = fs::File::create(&errors).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut unshare = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(unshare.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let why = || fs::read_to_string(&errors).unwrap();
        assert_eq!(said, "ready\n", "a root could not be put together: {}", why());
        let children = format!("/proc/{0}/task/{0}/children", unshare.id());
        let first = fs::read_to_string(children).unwrap().trim().parse().unwrap();
        Self { unshare, first, init, scratch, _cgroup: cgroup, _folder: folder }
    }

    /// A path of the machine, as this one's programs may open it.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.first)).join(path.trim_start_matches('/'))
    }

    /// Writes a file in it.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Runs a shell script in it, and says how it ended.
    #[must_use]
    pub fn try_run(&self, script: &str) -> Output {
        let mut command = self.enter(&["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"]);
        command.args(["sh", "-c", script]);
        tools::finish(&mut command, "")
    }

    /// Runs a shell script in it; returns what it wrote to standard output. If it fails so does the
    /// test, with what it said and the journal's end.
    pub fn run(&self, script: &str) -> String {
        let output = self.try_run(script);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("{script}: {}\n{said}\n{errors}\n{}", output.status, self.journal());
        }
        said
    }

    /// Runs one of this machine's programs in its network.
    #[must_use]
    pub fn in_network(&self, program: &str, arguments: &[&str]) -> Output {
        tools::finish(self.command_in_network(program).args(arguments), "")
    }

    /// One of this machine's programs, to be run in its network.
    #[must_use]
    pub fn command_in_network(&self, program: &str) -> Command {
        let mut command = self.enter(&["-n"]);
        command.arg(program);
        command
    }

    fn enter(&self, namespaces: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=5", COMMAND_SECONDS, "nsenter", "-t"]);
        command.arg(self.first.to_string()).args(namespaces).arg("--");
        command
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("LC_ALL", "C.UTF-8").env("HOME", "/root");
        command
    }

    /// The last lines of its journal.
    #[must_use]
    pub fn journal(&self) -> String {
        if self.init == Init::Idle {
            return String::new();
        }
        let output = self.try_run("journalctl --no-pager --lines=60");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the script, run again and again, ends with success; returns what it said.
    pub fn wait_for(&self, what: &str, script: &str) -> String {
        let look = || {
            let output = self.try_run(script);
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let waited =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| eventually(what, look)));
        waited.unwrap_or_else(|_| panic!("waited in vain for {what}\n{}", self.journal()))
    }

    /// A property of a unit.
    #[must_use]
    pub fn show(&self, unit: &str, property: &str) -> String {
        self.run(&format!("systemctl show --value --property={property} {unit}")).trim().to_owned()
    }

    /// The main process of a unit, as this machine counts; none while there is none.
    #[must_use]
    pub fn main_process(&self, unit: &str) -> Option<u32> {
        let inner: u32 = self.show(unit, "MainPID").parse().unwrap();
        self.processes().into_iter().find(|(_, status)| status.inner_pid() == inner).map(|p| p.0)
    }

    /// Every process in it, by its number here.
    #[must_use]
    pub fn processes(&self) -> Vec<(u32, Status)> {
        let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let own = namespace(self.first);
        let all = fs::read_dir("/proc").unwrap().filter_map(|entry| {
            let pid: u32 = entry.unwrap().file_name().to_str()?.parse().ok()?;
            (namespace(pid) == own).then(|| Some((pid, Status::of(pid)?)))?
        });
        all.collect()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With its first process everything in it ends.
        let _ = kill(Pid::from_raw(i32::try_from(self.first).unwrap()), Signal::SIGKILL);
        let _ = self.unshare.wait();
        let _ = fs::remove_dir(&self.scratch);
    }
}

/// Says what was expected where it isn't so; for tables whose rows should all be shown.
pub fn assert_same<T: PartialEq + Debug>(what: &str, found: &T, wanted: &T) {
    assert!(found == wanted, "{what}:\nfound  {found:?}\nwanted {wanted:?}");
}
