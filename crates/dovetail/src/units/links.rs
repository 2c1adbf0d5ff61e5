//! Instances' sockets: which are enabled, and which should be.

use std::collections::BTreeSet;

use lmtpd::Settings;

use super::owners::Owners;
use super::socket_unit;
use super::steps::Steps;
use super::system::System;
use crate::exit::Failure;

/// Where the unit's [Install] section has it linked.
const WANTS: [&str; 2] =
    ["/etc/systemd/system/dovetail.target.wants", "/etc/systemd/system/sockets.target.wants"];
/// What the links point at.
const TEMPLATE: &str = "/usr/lib/systemd/system/dovetail-lmtpd@.socket";

pub(super) fn plan(
    system: &System,
    settings: &Settings,
    owners: &Owners,
    keep: bool,
    steps: &mut Steps,
) -> Result<(), Failure> {
    for uid in owners.instances.keys() {
        let there = WANTS.map(|folder| system.at(&format!("{folder}/{}", socket_unit(*uid))));
        let missing: Vec<_> =
            there.into_iter().filter(|link| link.symlink_metadata().is_err()).collect();
        if !missing.is_empty() || (system.is_live() && !listens(settings, *uid)) {
            steps.enable.push(*uid);
        }
        if !system.is_live() {
            steps.links.extend(missing.into_iter().map(|link| (link, TEMPLATE.to_owned())));
        }
    }
    let left: BTreeSet<u32> =
        enabled(system)?.into_iter().filter(|uid| !owners.instances.contains_key(uid)).collect();
    if left.is_empty() {
        return Ok(());
    }
    let units: Vec<String> = left.iter().copied().map(socket_unit).collect();
    // A userdb without anybody is one that isn't there yet, more likely than one that lost everybody.
    if keep || owners.users == 0 {
        let why = if keep { "--keep" } else { "the userdb has no users at all" };
        steps.notes.push(format!("left enabled ({why}): {}", units.join(", ")));
        return Ok(());
    }
    if !system.is_live() {
        let links = |unit: &String| WANTS.map(|folder| system.at(&format!("{folder}/{unit}")));
        steps.unlinks.extend(units.iter().flat_map(links));
    }
    steps.disable.extend(left);
    Ok(())
}

/// Whether the instance's socket is there.
pub(super) fn listens(settings: &Settings, uid: u32) -> bool {
    let path = settings.instances.replace("%i", &uid.to_string());
    std::fs::symlink_metadata(path).is_ok()
}

/// Uids whose sockets are enabled.
fn enabled(system: &System) -> Result<BTreeSet<u32>, Failure> {
    let mut found = BTreeSet::new();
    for folder in WANTS.map(|folder| system.at(folder)) {
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::system(folder.display(), error)),
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let uid: Option<u32> = name.to_str().and_then(|name| {
                name.strip_prefix("dovetail-lmtpd@")?.strip_suffix(".socket")?.parse().ok()
            });
            found.extend(uid);
        }
    }
    Ok(found)
}
