//! `cargo verify`: everything that guards the project, cheapest first, stopping at the first that
//! fails. `cargo verify fmt clippy` runs the named steps alone.

use std::time::Instant;

use crate::process::{self, cargo};
use crate::{packages, tidy};

type Step = (&'static str, fn() -> Result<(), String>);

/// The version that CI and developers agree on; its configuration is `deny.toml`.
const CARGO_DENY: &str = "0.20.2";

const STEPS: &[Step] = &[
    ("packages", packages::ensure),
    ("fmt", || process::run(cargo().args(["fmt", "--all", "--check"]))),
    ("tidy", tidy::run),
    ("clippy", || {
        process::run(cargo().args([
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("deny", deny),
    ("build", || process::run(cargo().args(["build", "--locked", "--workspace", "--bins"]))),
    ("test", test),
    ("installed", || process::run(cargo().args(["test", "--locked", "--package", "installed"]))),
    ("doc", || {
        process::run(
            cargo()
                .args(["doc", "--locked", "--workspace", "--no-deps", "--quiet"])
                .env("RUSTDOCFLAGS", "-D warnings"),
        )
    }),
];

/// Runs the steps in their order, or those that are named.
pub(crate) fn run(names: &[String]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|(step, _)| step == name)) {
        let known: Vec<&str> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("no step is called {unknown}; there are: {}", known.join(" ")));
    }
    let wanted = |step: &str| names.is_empty() || names.iter().any(|name| name == step);
    let begun = Instant::now();
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted(name)) {
        println!("── {name}");
        let started = Instant::now();
        step().map_err(|error| format!("verify: {name} failed: {error}"))?;
        println!("── {name}: good, {:.0} s", started.elapsed().as_secs_f64());
    }
    println!("── verified in {:.0} s", begun.elapsed().as_secs_f64());
    Ok(())
}

/// Several times what all tests take: past it one of them hangs, and cargo's last lines name it.
const TEST_MINUTES: &str = "30m";

/// All tests but those of an installation, which are a step of their own: they need root and take
/// minutes. Where nobody watches, time ends a test that hangs; a developer has Ctrl-C.
fn test() -> Result<(), String> {
    let arguments = ["test", "--locked", "--workspace", "--exclude=installed", "--no-fail-fast"];
    if std::env::var_os("CI").is_none() {
        return process::run(cargo().args(arguments));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut timeout = std::process::Command::new("timeout");
    timeout.current_dir(process::root());
    timeout.args(["--kill-after=10s", TEST_MINUTES]).arg(cargo);
    process::run(timeout.args(arguments))
}

/// Licences, bans and sources. The advisories need a database from the network, so they are left to
/// whoever has one.
fn deny() -> Result<(), String> {
    let tools = process::root().join("target").join("tools");
    let program = tools.join("bin").join("cargo-deny");
    let current =
        process::output(std::process::Command::new(&program).arg("--version")).is_ok_and(|out| {
            String::from_utf8_lossy(&out).trim() == format!("cargo-deny {CARGO_DENY}")
        });
    if !current {
        println!("building cargo-deny {CARGO_DENY} once");
        // Unoptimised and without debug information it is there in a third of the time, and its own
        // work is small.
        let mut install = cargo();
        install.env("CARGO_PROFILE_DEV_DEBUG", "0");
        install.args([
            "install",
            "--quiet",
            "--debug",
            "--locked",
            "cargo-deny",
            "--version",
            CARGO_DENY,
            "--root",
        ]);
        process::run(install.arg(&tools))?;
    }
    let mut check = std::process::Command::new(&program);
    check.current_dir(process::root());
    process::run(check.args([
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))
}
