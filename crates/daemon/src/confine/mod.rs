//! The place in the order of starting where a daemon confines itself to its row of the design's
//! table: after its sockets are bound and its identity is final, before there are threads.
//!
//! What it may is made of its configuration (`rules`), so that no path has to be named twice; Landlock
//! holds it to folders and ports (`folders`), seccomp keeps system calls from it (`calls`). Neither can
//! be widened later. docs/sandbox.md says what they don't guard.

mod arguments;
mod calls;
mod folders;
mod keys;
mod parent;
mod rules;
mod self_test;
mod tell;

pub(crate) use keys::SANDBOX;
pub use parent::PARENT_VARIABLE;
pub(crate) use rules::Rules;
pub(crate) use self_test::route;
pub(crate) use tell::tell;

use crate::Daemon;
use crate::config::Config;
use crate::error::Error;

/// What holds a process from now on.
#[derive(Debug, Clone)]
pub(crate) struct Confined {
    /// What Landlock allows; none where it doesn't hold.
    pub(crate) rules: Option<Rules>,
    /// For the log: what this kernel gave.
    pub(crate) landlock: String,
    /// Likewise.
    pub(crate) seccomp: &'static str,
    /// What the operator should know: a folder that isn't there, a part that is off.
    pub(crate) warnings: Vec<String>,
}

/// Confines this process, which has one thread.
///
/// # Errors
/// The kernel refused what it says it has. What it doesn't have is a warning.
pub(crate) fn confine<D: Daemon>(config: &Config) -> Result<Confined, Error> {
    parent::follow();
    let table = config.table("sandbox");
    rules::make_folders(config);
    let mut rules = Rules::of::<D>(config);
    let mut confined = Confined {
        rules: None,
        landlock: "off".to_owned(),
        seccomp: "off",
        warnings: rules.open_mail().map(str::to_owned).into_iter().collect(),
    };
    if table.boolean("landlock") {
        let held = folders::restrict(&mut rules)?;
        confined.warnings.extend(held.missing);
        confined.landlock = held.what;
        confined.rules = held.enforced.then_some(rules);
    } else {
        confined
            .warnings
            .push("sandbox.landlock is off: files and ports aren't guarded".to_owned());
    }
    if table.boolean("seccomp") {
        calls::forbid(calls::Needs {
            internet: D::connects(config).is_some(),
            chown: D::files().iter().any(|spec| spec.name == "mail"),
        })?;
        confined.seccomp = "on";
    } else {
        confined.warnings.push("sandbox.seccomp is off: system calls aren't guarded".to_owned());
    }
    Ok(confined)
}
