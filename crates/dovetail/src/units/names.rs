//! Names for uids that have none: systemd takes no number of nobody's as `User=`.

use std::collections::BTreeSet;

use super::owners::Owners;
use super::steps::Steps;
use super::system::System;
use crate::exit::Failure;

/// Where systemd-sysusers finds files, and ours.
const FOLDER: &str = "/etc/sysusers.d";
const FILE: &str = "dovetail-uids.conf";

/// The name that a uid without one gets.
fn name(uid: u32) -> String {
    format!("dvmail-{uid}")
}

pub(super) fn plan(system: &System, owners: &Owners, steps: &mut Steps) -> Result<(), Failure> {
    let mut named = Vec::new();
    for (uid, gid) in &owners.instances {
        match system.user_name(*uid) {
            None => {
                steps.users.push(name(*uid));
                named.push((*uid, gid.unwrap_or(*uid)));
            }
            Some(known) if known == name(*uid) => named.push((*uid, gid.unwrap_or(*uid))),
            Some(_) => {}
        }
    }
    let text = (!named.is_empty()).then(|| text(&named, |gid| system.group_name(gid)));
    let changed = steps.file(system.at(&format!("{FOLDER}/{FILE}")), text.clone())?;
    if text.is_some() && (changed || !steps.users.is_empty()) {
        steps.sysusers = Some(FILE.to_owned());
    }
    Ok(())
}

/// The file. A group of ours goes with a gid that nobody has; one that we made keeps its line.
fn text(named: &[(u32, u32)], group_name: impl Fn(u32) -> Option<String>) -> String {
    let mut text = String::from(
        "# Written by `dovetail units sync`: names for the userdb's uids that have none, so that\n\
         # dovetail-lmtpd@UID can run as them.\n",
    );
    let gids: BTreeSet<u32> = named.iter().map(|(_, gid)| *gid).collect();
    for gid in gids {
        // A group that is there under another name stays the gid's.
        if group_name(gid).is_none_or(|known| known == name(gid)) {
            text.push_str(&format!("g {} {gid}\n", name(gid)));
        }
    }
    for (uid, gid) in named {
        text.push_str(&format!(
            "u {} {uid}:{gid} \"Dovetail mail of uid {uid}\" /nonexistent\n",
            name(*uid)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups() {
        let named = [(1001, 1001), (1002, 8), (1003, 1003)];
        let known = |gid| match gid {
            8 => Some("mail".to_owned()),
            1003 => Some("dvmail-1003".to_owned()),
            _ => None,
        };
        let text = text(&named, known);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "g dvmail-1001 1001",
                "g dvmail-1003 1003",
                "u dvmail-1001 1001:1001 \"Dovetail mail of uid 1001\" /nonexistent",
                "u dvmail-1002 1002:8 \"Dovetail mail of uid 1002\" /nonexistent",
                "u dvmail-1003 1003:1003 \"Dovetail mail of uid 1003\" /nonexistent",
            ]
        );
    }
}
