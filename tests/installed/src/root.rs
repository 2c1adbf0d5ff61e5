//! Roots that machines start from: a minimal Debian made once and kept below target/roots, and
//! layers over it with more packages installed, kept for one run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use support::tools;

use crate::{Init, Machine, need_root, packages, target};

/// What a machine has beyond Debian's essential packages: systemd, what our units call, a `man` for
/// `systemd-analyze verify`.
const PACKAGES: &str = "man-db,procps,systemd,systemd-sysv";
/// How long a root may take to be made.
const MAKING: &str = "400";

/// The minimal root.
///
/// # Panics
/// Where it can't be made: not as root, or without package sources.
#[must_use]
pub fn base() -> &'static Path {
    static BASE: OnceLock<PathBuf> = OnceLock::new();
    BASE.get_or_init(|| {
        need_root();
        tools::need("/usr/bin/mmdebstrap", "mmdebstrap");
        let roots = target().join("roots");
        let suite = suite();
        let made = roots.join(format!("{suite}-{}", PACKAGES.replace(',', "-")));
        if !made.is_dir() {
            make(&suite, &made);
        }
        made
    })
}

fn make(suite: &str, made: &Path) {
    let partial = made.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(made.parent().unwrap()).unwrap();
    // In mounts of its own: those of one that was killed would keep the half root from being removed.
    let mut command = Command::new("unshare");
    command.args(["--mount", "timeout", "--kill-after=10", MAKING]);
    command.args(["mmdebstrap", "--quiet", "--variant=minbase"]);
    command.args(["--format=directory", "--mode=root", &format!("--include={PACKAGES}")]);
    for option in proxies() {
        command.arg(format!("--aptopt={option}"));
    }
    command.arg(suite).arg(&partial).args(sources());
    tools::run(&mut command);
    fs::rename(&partial, made).unwrap();
}

/// The release that this machine is.
fn suite() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.expect("/etc/os-release names the release").trim_matches('"').to_owned()
}

/// The machine's own package sources.
fn sources() -> Vec<PathBuf> {
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    let parts = parts.map(|entry| entry.unwrap().path()).filter(|path| {
        path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
    });
    let main = PathBuf::from("/etc/apt/sources.list");
    let mut found: Vec<PathBuf> = parts.chain([main].into_iter().filter(|p| p.is_file())).collect();
    found.sort();
    found
}

/// How the machine's apt reaches its sources.
fn proxies() -> Vec<String> {
    let said = tools::run(Command::new("apt-config").args(["dump", "Acquire"]));
    let is_proxy = |line: &&str| line.contains("Proxy") && !line.ends_with("\"\";");
    said.lines().filter(is_proxy).map(str::to_owned).collect()
}

/// What was installed over the minimal root; goes with this value.
#[derive(Debug)]
pub struct Layer {
    folder: tempfile::TempDir,
}

impl Layer {
    /// Runs a script in a copy of the minimal root, with the network, and keeps what it changed.
    #[must_use]
    pub fn new(script: &str) -> Self {
        let roots = target().join("roots");
        fs::create_dir_all(&roots).unwrap();
        let folder = tempfile::Builder::new().prefix("layer-").tempdir_in(roots).unwrap();
        let layer = Self { folder };
        let (upper, work) = (layer.upper(), layer.folder.path().join("work"));
        fs::create_dir_all(&upper).unwrap();
        fs::create_dir_all(&work).unwrap();
        let machine = Machine::start(&lower(&[]), Init::Idle, Some((&upper, &work)));
        machine.run(script);
        drop(machine);
        layer
    }

    fn upper(&self) -> PathBuf {
        self.folder.path().join("upper")
    }
}

/// What a machine with these layers reads, the last on top.
pub(crate) fn lower(layers: &[&Layer]) -> String {
    let layers = layers.iter().rev().map(|layer| layer.upper());
    let all: Vec<String> =
        layers.chain([base().to_owned()]).map(|path| path.display().to_string()).collect();
    all.join(":")
}

/// Debian's own packages, from the machine's sources.
#[must_use]
pub fn with(names: &str) -> Layer {
    Layer::new(&format!(
        "printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d\n\
         apt-get --quiet update && DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes \
         --no-install-recommends install {names} && apt-get clean && rm /usr/sbin/policy-rc.d"
    ))
}

/// A machine on the minimal root with all our packages but -postfix installed, booted.
#[must_use]
pub fn with_dovetail() -> Machine {
    packages::build();
    let machine = Machine::boot(&[]);
    machine.run(&packages::install(&packages::ALL));
    machine
}
