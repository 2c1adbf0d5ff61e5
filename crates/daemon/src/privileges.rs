//! Root drops to the daemon's user for good; nobody else changes anything but no_new_privs.

use caps::CapSet;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::config::Table;
use crate::error::Error;
use crate::users;

/// The users of the design's table, for a `user` that isn't set.
#[must_use]
pub fn default_user(daemon: &str) -> &'static str {
    match daemon {
        "authd" => "doveauth",
        "smtpd" => "dvsmtpd",
        "qmgrd" => "dvqueue",
        "relayd" => "dvrelay",
        _ => "vmail",
    }
}

/// What is root's group's, a daemon must not have either.
const ROOTS_GROUP: &str = "the daemon doesn't run in root's group: name another";

/// Who the daemon is going to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub uid: u32,
    /// The first group.
    pub gid: u32,
    /// The further groups; none for a process that stays who it is.
    pub groups: Vec<u32>,
    /// Started as root: there is something to drop.
    drop: bool,
}

impl Identity {
    /// Looks `user`, `group` and `groups` up; a process that isn't root stays who it is.
    ///
    /// # Errors
    /// What the system doesn't know, at its key; root as the user.
    pub fn of(daemon: &str, table: &Table) -> Result<Self, Error> {
        let (own_uid, own_gid) = users::own_ids();
        if own_uid != 0 {
            return Ok(Self { uid: own_uid, gid: own_gid, groups: Vec::new(), drop: false });
        }
        let user = table.opt_text("user").unwrap_or_else(|| default_user(daemon));
        let fail =
            |key: &str, message: String| Err(Error::Config(vec![table.problem(key, message)]));
        let Some(uid) = users::uid(user) else {
            return fail(
                "user",
                format!("there is no user \"{user}\" on this system: make it, or name another"),
            );
        };
        if uid == 0 {
            return fail("user", "the daemon doesn't run as root: name another user".to_owned());
        }
        let gid = match table.opt_text("group") {
            Some(group) => users::gid(group).ok_or(group),
            None => users::primary_gid(user).ok_or(user),
        };
        let gid = match gid {
            Ok(gid) => gid,
            Err(name) => {
                return fail("group", format!("there is no group of \"{name}\" on this system"));
            }
        };
        if gid == 0 {
            return fail("group", ROOTS_GROUP.to_owned());
        }
        let mut groups = Vec::new();
        for group in table.texts("groups") {
            match users::gid(&group) {
                Some(0) => return fail("groups", ROOTS_GROUP.to_owned()),
                Some(gid) => groups.push(gid),
                None => {
                    return fail("groups", format!("there is no group \"{group}\" on this system"));
                }
            }
        }
        Ok(Self { uid, gid, groups, drop: true })
    }

    /// Becomes it for good, and checks that there is no way back.
    pub(crate) fn assume(&self) -> Result<(), Error> {
        if self.drop {
            return Self::become_for_good(self.uid, self.gid, &self.groups);
        }
        no_way_back()
    }

    /// From root to a user, a group and further groups in one way only: no capability is left, and
    /// nothing brings one back. For a process that has one thread.
    ///
    /// # Errors
    /// What the kernel refused; that root could be had back.
    pub fn become_for_good(uid: u32, gid: u32, groups: &[u32]) -> Result<(), Error> {
        let groups: Vec<Gid> = groups.iter().copied().map(Gid::from_raw).collect();
        setgroups(&groups).map_err(|error| failed("setgroups", error))?;
        let gid = Gid::from_raw(gid);
        setresgid(gid, gid, gid).map_err(|error| failed("setresgid", error))?;
        // While we may: then no program that we'd execute has any either. A container may have kept it.
        let _ = caps::clear(None, CapSet::Bounding);
        // From a uid of 0 to another in all three the kernel clears every capability
        // (capabilities(7)), and with no_new_privs no exec brings one back.
        let uid = Uid::from_raw(uid);
        setresuid(uid, uid, uid).map_err(|error| failed("setresuid", error))?;
        no_way_back()?;
        if has_capabilities() {
            return Err(Error::Privileges("capabilities are left after dropping root".to_owned()));
        }
        Ok(())
    }

    /// The name for logs.
    pub(crate) fn user_name(&self) -> String {
        users::name_or_number(self.uid)
    }
}

fn failed(what: &str, error: nix::errno::Errno) -> Error {
    Error::Privileges(format!("{what}: {error}"))
}

fn no_way_back() -> Result<(), Error> {
    if nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        return Err(Error::Privileges("root could be had back; refusing to serve".to_owned()));
    }
    // Those that a unit or a parent gave to a user that isn't root.
    for set in [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
        // An empty one is left alone: systemd's @privileged, which our units refuse, has capset(2).
        let held = caps::read(None, set);
        let cleared = held.and_then(|held| match held.is_empty() {
            true => Ok(()),
            false => caps::clear(None, set),
        });
        cleared.map_err(|error| Error::Privileges(format!("capabilities, {set:?}: {error}")))?;
    }
    nix::sys::prctl::set_no_new_privs().map_err(|error| failed("no_new_privs", error))
}

/// Whether the process holds any capability, by the kernel's word.
pub(crate) fn has_capabilities() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value.is_some_and(|bits| bits.trim().bytes().any(|digit| digit != b'0'))
    };
    held("CapEff:") || held("CapPrm:")
}
