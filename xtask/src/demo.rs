//! `cargo demo`: build, then become `dovetail demo`, so that Ctrl-C goes to it alone.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::process;

/// Builds the release binaries with cargo's progress shown and replaces itself by the demo.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    process::run(process::cargo().args([
        "build",
        "--locked",
        "--release",
        "--workspace",
        "--bins",
        "--exclude=xtask",
        "--exclude=bench",
    ]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| process::root().join("target"), PathBuf::from);
    let dovetail = target.join("release").join("dovetail");
    let error = Command::new(&dovetail).arg("demo").args(arguments).exec();
    Err(format!("{}: {error}", dovetail.display()))
}
