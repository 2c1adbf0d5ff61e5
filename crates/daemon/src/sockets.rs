//! The listeners of the configuration, inherited or bound.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::bind::{Access, bind};
use crate::config::{Config, SocketAddress, Table};
use crate::error::Error;
use crate::listener::Listener;
use crate::peers::Admission;
use crate::{Daemon, users};

/// The operator's listener.
const ADMIN: &str = "admin";
/// Its group, where nothing else is said and the group exists.
const ADMIN_GROUP: &str = "dovetail-admin";

/// Where our own sockets lie; a missing folder elsewhere is another program's, which needn't be there.
const RUN: &str = "/run/dovetail";

/// The daemon's listeners, and the operator's apart.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) admin: Option<Listener>,
    /// Inherited sockets that no listener is named like, listeners that admit more than the design wants,
    /// and an operator's socket that couldn't be made.
    pub(crate) warnings: Vec<String>,
    /// Listeners in another program's folder that couldn't be made.
    pub(crate) missing: Vec<String>,
}

/// Why a listener has no socket.
enum Unbound {
    /// Its place is another program's, and isn't there or isn't ours to use.
    Missing(String),
    Failed(Error),
}

/// Makes every `[listener.NAME]`: inherited sockets of that name take the address's place. `owner` is
/// who Unix sockets belong to when nothing else is said. An instance that reads its daemon's file has none
/// of the addresses in it: once it inherited anything, it binds nothing.
pub(crate) fn open<D: Daemon>(
    name: &str,
    config: &Config,
    mut inherited: Vec<(String, OwnedFd)>,
    owner: (u32, u32),
) -> Result<Sockets, Error> {
    let (warnings, missing) = (Vec::new(), Vec::new());
    let mut sockets = Sockets { listeners: Vec::new(), admin: None, warnings, missing };
    // Whoever binds for us leaves a socket out on purpose: a unit that isn't enabled.
    let activated = !inherited.is_empty();
    let given_only = activated && config.shares_file();
    for table in config.tables("listener") {
        let taken = take_named(&mut inherited, table.name());
        if taken.is_empty() && given_only {
            continue;
        }
        if taken.is_empty() && activated && table.address("address").is_none() {
            if D::may_be_missing(table) {
                continue;
            }
            let why = "has no address, and no socket of its name was inherited";
            let text = format!("listener {}: {why}; going on without it", table.name());
            sockets.warnings.push(text);
            continue;
        }
        let given = !taken.is_empty();
        match if given { Ok(taken) } else { bind_table(table, owner) } {
            Ok(fds) => sockets.add::<D>(table, (fds, given), owner.0)?,
            Err(Unbound::Failed(error)) => return Err(error),
            Err(Unbound::Missing(why)) => {
                sockets.missing.push(format!("listener {} is off: {why}", table.name()));
            }
        }
    }
    if let (true, [first, ..]) = (sockets.listeners.is_empty(), sockets.missing.as_slice()) {
        return Err(Error::other(format!("{first}; no other is left")));
    }
    if sockets.admin.is_none() {
        let taken = take_named(&mut inherited, ADMIN);
        let another_ones = taken.is_empty() && given_only;
        match (!another_ones).then(|| default_admin(name, taken, owner)) {
            Some(Ok(listener)) => sockets.admin = Some(listener),
            Some(Err(error)) => sockets.warnings.push(format!("{error}; going on without it")),
            None => {}
        }
    }
    for (name, _) in inherited {
        sockets.warnings.push(format!("an inherited socket is named {name:?}, but no listener is"));
    }
    Ok(sockets)
}

impl Sockets {
    /// Adds the listener of these sockets, which were `given` or bound here.
    fn add<D: Daemon>(
        &mut self,
        table: &Table,
        (fds, given): (Vec<OwnedFd>, bool),
        own: u32,
    ) -> Result<(), Error> {
        let name = table.name();
        if name == ADMIN {
            self.admin = Some(Listener::new(ADMIN, fds, table.users("peers"))?);
            return Ok(());
        }
        let admission = Admission::of::<D>(table, own);
        if let Some(users) = admission.missing {
            let text = "everybody whom the socket's mode admits is believed";
            let users = users.join(", ");
            self.warnings.push(format!("listener {name}: no user {users} here, so {text}"));
        }
        let mut listener = Listener::new(name, fds, admission.uids)?;
        if given {
            listener.mark_inherited();
        }
        self.listeners.push(listener);
        Ok(())
    }
}

fn take_named(inherited: &mut Vec<(String, OwnedFd)>, wanted: &str) -> Vec<OwnedFd> {
    inherited.extract_if(.., |(name, _)| name == wanted).map(|(_, fd)| fd).collect()
}

fn bind_table(table: &Table, owner: (u32, u32)) -> Result<Vec<OwnedFd>, Unbound> {
    let wrong = |problem| Unbound::Failed(Error::Config(vec![problem]));
    let Some(address) = table.address("address") else {
        let why = "must be set: no socket of the listener's name was inherited";
        return Err(wrong(table.problem("address", why)));
    };
    let foreign = address.unix().filter(|path| !path.starts_with(RUN) && table.name() != ADMIN);
    if let Some(why) = foreign.and_then(Path::parent).and_then(not_usable) {
        return Err(Unbound::Missing(why));
    }
    let unknown = |key: &str, name: &str| {
        let why = format!("there is no {} \"{name}\" on this system", noun(key));
        match foreign {
            Some(_) => Unbound::Missing(why),
            None => wrong(table.problem(key, why)),
        }
    };
    let mut access = Access { mode: table.mode("mode"), uid: None, gid: None };
    if users::own_ids().0 == 0 {
        let group = if table.name() == ADMIN { admin_group(owner.1) } else { owner.1 };
        (access.uid, access.gid) = (Some(owner.0), Some(group));
    }
    if let Some(name) = table.opt_text("owner") {
        access.uid = Some(users::uid(name).ok_or_else(|| unknown("owner", name))?);
    }
    if let Some(name) = table.opt_text("group") {
        access.gid = Some(users::gid(name).ok_or_else(|| unknown("group", name))?);
    }
    bind(table.name(), address, access).map_err(Unbound::Failed)
}

fn noun(key: &str) -> &'static str {
    if key == "owner" { "user" } else { "group" }
}

/// Why no socket can be made in this folder; none if one can.
fn not_usable(folder: &Path) -> Option<String> {
    let shown = folder.display();
    match std::fs::metadata(folder) {
        Err(error) => Some(format!("{shown}: {error}")),
        Ok(found) if !found.is_dir() => Some(format!("{shown}: not a folder")),
        Ok(_) => access(folder, AccessFlags::W_OK | AccessFlags::X_OK)
            .err()
            .map(|error| format!("{shown}: {}; a socket unit can", error.desc())),
    }
}

fn admin_group(otherwise: u32) -> u32 {
    users::gid(ADMIN_GROUP).unwrap_or(otherwise)
}

fn default_admin(daemon: &str, taken: Vec<OwnedFd>, owner: (u32, u32)) -> Result<Listener, Error> {
    if !taken.is_empty() {
        return Listener::new(ADMIN, taken, Vec::new());
    }
    let path = PathBuf::from(format!("/run/dovetail/{daemon}/admin.sock"));
    let given = (users::own_ids().0 == 0).then(|| (owner.0, admin_group(owner.1)));
    let access = Access { mode: 0o660, uid: given.map(|ids| ids.0), gid: given.map(|ids| ids.1) };
    let fds = bind(ADMIN, &SocketAddress::Unix(path), access)?;
    Listener::new(ADMIN, fds, Vec::new())
}
