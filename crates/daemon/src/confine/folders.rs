//! Landlock: this process sees the folders of its rules and connects to their ports alone, whatever
//! its user might. landlock(7).

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus,
    Scope,
};

use super::rules::{DEVICES, Rules};
use crate::error::Error;

/// The newest rules that we know; an older kernel keeps what it has of them.
const KNOWN: ABI = ABI::V6;
/// Systems differ in which of these they have.
const NOT_EVERYWHERE: &[&str] = &["/lib64", "/sys/fs/cgroup", "/run/systemd/userdb"];

/// What came of it.
pub(super) struct Held {
    pub(super) enforced: bool,
    pub(super) what: String,
    pub(super) missing: Vec<String>,
}

/// Confines this thread and those that it will make. Folders that aren't there are left out and named.
pub(super) fn restrict(rules: &mut Rules) -> Result<Held, Error> {
    let failed = |error: RulesetError| Error::Privileges(format!("landlock: {error}"));
    let mut created = ruleset().map_err(failed)?;
    let mut missing = Vec::new();
    for (path, access) in accesses(rules) {
        match PathFd::new(&path) {
            Ok(folder) => {
                created = created.add_rule(PathBeneath::new(folder, access)).map_err(failed)?;
            }
            Err(error) => {
                rules.read.remove(&path);
                rules.write.remove(&path);
                if !NOT_EVERYWHERE.iter().any(|one| path == Path::new(one)) {
                    missing.push(format!("closed to us until a restart: {error}"));
                }
            }
        }
    }
    for port in rules.ports.iter().flatten() {
        created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(failed)?;
    }
    let status = created.restrict_self().map_err(failed)?;
    let enforced = status.ruleset != RulesetStatus::NotEnforced;
    let what = if enforced { has().join(", ") } else { "not in this kernel".to_owned() };
    if !enforced {
        missing.push(
            "this kernel has no Landlock that could be used (5.19 or newer has): files and ports aren't \
             guarded"
                .to_owned(),
        );
    }
    Ok(Held { enforced, what, missing })
}

/// Each folder with what may be done below it.
fn accesses(rules: &Rules) -> Vec<(PathBuf, BitFlags<AccessFs>)> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let reads = rules.read.iter().map(|path| (path.clone(), read));
    let writes = rules.write.iter().map(|path| (path.clone(), read | write()));
    let devices = (PathBuf::from(DEVICES), read | AccessFs::WriteFile);
    reads.chain(writes).chain([devices]).collect()
}

/// Everything is forbidden that no rule allows. The first Landlock (5.13 to 5.18) allows no rename from
/// one folder to another, which every delivery is: without that right nothing is confined.
fn ruleset() -> Result<RulesetCreated, RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(AccessFs::Refer)?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?
        .scope(Scope::Signal)?
        .create()
}

/// What of it this kernel has, for the log.
fn has() -> Vec<&'static str> {
    let strict = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let parts = [
        ("files", strict().handle_access(AccessFs::Refer).is_ok()),
        ("TCP ports", strict().handle_access(AccessNet::ConnectTcp).is_ok()),
        ("signals", strict().scope(Scope::Signal).is_ok()),
    ];
    parts.into_iter().filter_map(|(part, there)| there.then_some(part)).collect()
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
