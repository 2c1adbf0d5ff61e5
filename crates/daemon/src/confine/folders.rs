//! Landlock: this process sees the folders of its rules and connects to their ports alone, whatever
//! its user might. landlock(7).

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};

use super::rules::Rules;
use crate::error::Error;

/// The newest rules that we know; an older kernel keeps what it has of them.
const KNOWN: ABI = ABI::V6;

/// What came of it.
pub(super) struct Held {
    pub(super) enforced: bool,
    pub(super) what: String,
    pub(super) missing: Vec<String>,
}

/// Confines this thread and those that it will make. Folders that aren't there are left out and named.
pub(super) fn restrict(rules: &mut Rules) -> Result<Held, Error> {
    let failed = |error: landlock::RulesetError| Error::Privileges(format!("landlock: {error}"));
    let mut missing = Vec::new();
    let mut created = ruleset().map_err(failed)?;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let all: Vec<(&Path, BitFlags<AccessFs>)> = (rules.read.iter().map(|path| (&**path, read)))
        .chain(rules.write.iter().map(|path| (&**path, read | write())))
        .collect();
    let mut absent = Vec::new();
    for (path, access) in all {
        match PathFd::new(path) {
            Ok(folder) => {
                created = created.add_rule(PathBeneath::new(folder, access)).map_err(failed)?;
            }
            Err(_) => absent.push(path.to_owned()),
        }
    }
    for port in rules.ports.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(failed)?;
    }
    let status = created.restrict_self().map_err(failed)?;
    for path in absent {
        rules.read.remove(&path);
        rules.write.remove(&path);
        // Systems differ in which of them they have.
        let system = ["/lib64", "/sys/fs/cgroup", "/run/systemd/userdb"];
        if !system.iter().any(|one| path == Path::new(one)) {
            let path = path.display();
            missing.push(format!("{path} isn't there: it stays closed to us until a restart"));
        }
    }
    let (enforced, what) = match status.ruleset {
        RulesetStatus::FullyEnforced => (true, "files, TCP ports, signals"),
        RulesetStatus::PartiallyEnforced => (true, "what this kernel has of it"),
        RulesetStatus::NotEnforced => (false, "not in this kernel"),
    };
    if !enforced {
        missing.push("this kernel has no Landlock: files and ports aren't guarded".to_owned());
    }
    Ok(Held { enforced, what: what.to_owned(), missing })
}

/// Everything is forbidden that no rule allows.
fn ruleset() -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
        .scope(Scope::Signal)?
        .create()
}

/// Files, folders and links; no devices, no sockets, and nothing is executed.
fn write() -> BitFlags<AccessFs> {
    AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::MakeSym
        | AccessFs::Refer
}
