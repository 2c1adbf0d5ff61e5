//! Our packages, built once a run of the programs that cargo just made.

use std::process::Command;
use std::sync::OnceLock;

use support::tools;

use crate::{need_root, sources};

/// All but `dovetail-postfix`, which wants Postfix, in an order in which dpkg may have them.
pub const ALL: [&str; 8] = [
    "dovetail-common",
    "dovetail-authd",
    "dovetail-smtpd",
    "dovetail-qmgrd",
    "dovetail-relayd",
    "dovetail-lmtpd",
    "dovetail-imapd",
    "dovetail",
];

/// The version that tests upgrade from, and the one they upgrade to.
pub const VERSIONS: [&str; 2] = ["0.0.9-1", "0.1.0-1"];

/// Builds both versions' packages and the staged files of the install script.
pub fn build() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        need_root();
        tools::need("/usr/bin/dpkg-shlibdeps", "dpkg-dev");
        for version in VERSIONS {
            let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
            command.current_dir(sources()).args(["xtask", "package", "--profile", "dev"]);
            tools::run(command.args(["--version", version]));
        }
    });
}

/// The command that installs packages of the newer version, in a machine.
#[must_use]
pub fn install(names: &[&str]) -> String {
    install_version(names, VERSIONS[1])
}

/// The same of this version.
#[must_use]
pub fn install_version(names: &[&str], version: &str) -> String {
    let file = |name: &&str| format!("/run/target/packages/{name}_{version}_*.deb");
    let files: Vec<String> = names.iter().map(file).collect();
    format!("DEBIAN_FRONTEND=noninteractive dpkg --install --force-confold {}", files.join(" "))
}
