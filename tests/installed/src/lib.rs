//! Fresh Debian roots, a systemd booted in each, and the packages in them.
//!
//! [`root::base`] makes a minimal root once with mmdebstrap, from the machine's own package sources;
//! [`Machine`] is a writable copy of it in namespaces of its own, which vanish with it, whatever
//! happened inside; [`packages`] builds what is installed. All of it needs root, and says so.
//!
//! A test that can't go on has nothing better to do than panic, so this crate's functions do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "only tests use this crate, and a test ends by panicking"
)]

mod cgroup;
pub mod machine;
pub mod packages;
pub mod process;
pub mod root;

pub use machine::{Init, Machine};

use std::path::PathBuf;

/// The workspace's `target`, where roots and packages are kept.
#[must_use]
pub fn target() -> PathBuf {
    let manifest = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.ancestors().nth(2).unwrap().to_owned();
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The source tree.
#[must_use]
pub fn sources() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Fails with the remedy where these tests can't run.
pub fn need_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "tests of an installation boot a systemd in a root of their own, which only root may: \
         run them as root (cargo verify installed)"
    );
}
