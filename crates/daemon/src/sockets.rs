//! The listeners of the configuration, inherited or bound.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::bind::{Access, bind};
use crate::config::{SocketAddress, Table};
use crate::error::Error;
use crate::listener::Listener;
use crate::users;

/// The operator's listener.
const ADMIN: &str = "admin";
/// Its group, where nothing else is said and the group exists.
const ADMIN_GROUP: &str = "dovetail-admin";

/// The daemon's listeners, and the operator's apart.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) admin: Option<Listener>,
    /// Inherited sockets that no listener is named like, and listeners that couldn't be made but
    /// needn't be there.
    pub(crate) warnings: Vec<String>,
}

/// Makes every `[listener.NAME]`: an inherited socket of that name takes the address's place.
/// `owner` is who Unix sockets belong to when nothing else is said.
pub(crate) fn open(
    daemon: &str,
    tables: &[Table],
    mut inherited: Vec<(String, OwnedFd)>,
    owner: (u32, u32),
) -> Result<Sockets, Error> {
    let mut sockets = Sockets { listeners: Vec::new(), admin: None, warnings: Vec::new() };
    // Whoever binds for us leaves a socket out on purpose: a unit that isn't enabled.
    let activated = !inherited.is_empty();
    for table in tables {
        let name = table.name();
        let taken = take_named(&mut inherited, name);
        if taken.is_empty() && activated && table.address("address").is_none() {
            let why = "has no address, and no socket of its name was inherited";
            sockets.warnings.push(format!("listener {name}: {why}; going on without it"));
            continue;
        }
        let fds = if taken.is_empty() { bind_table(table, owner)? } else { taken };
        let listener = Listener::new(name, fds, table.users("peers"))?;
        if name == ADMIN {
            sockets.admin = Some(listener);
        } else {
            sockets.listeners.push(listener);
        }
    }
    if sockets.admin.is_none() {
        let taken = take_named(&mut inherited, ADMIN);
        match default_admin(daemon, taken, owner) {
            Ok(listener) => sockets.admin = Some(listener),
            Err(error) => sockets.warnings.push(format!("{error}; going on without it")),
        }
    }
    for (name, _) in inherited {
        sockets.warnings.push(format!("an inherited socket is named {name:?}, but no listener is"));
    }
    Ok(sockets)
}

fn take_named(inherited: &mut Vec<(String, OwnedFd)>, wanted: &str) -> Vec<OwnedFd> {
    inherited.extract_if(.., |(name, _)| name == wanted).map(|(_, fd)| fd).collect()
}

fn bind_table(table: &Table, owner: (u32, u32)) -> Result<Vec<OwnedFd>, Error> {
    let wrong = |problem| Error::Config(vec![problem]);
    let Some(address) = table.address("address") else {
        let why = "must be set: no socket of the listener's name was inherited";
        return Err(wrong(table.problem("address", why)));
    };
    let (is_root, own) = (users::own_ids().0 == 0, |id: u32| Some(id));
    let mut access = Access { mode: table.mode("mode"), uid: None, gid: None };
    if is_root {
        let group = if table.name() == ADMIN { admin_group(owner.1) } else { owner.1 };
        (access.uid, access.gid) = (own(owner.0), own(group));
    }
    if let Some(name) = table.opt_text("owner") {
        let unknown =
            || wrong(table.problem("owner", format!("there is no user \"{name}\" on this system")));
        access.uid = Some(users::uid(name).ok_or_else(unknown)?);
    }
    if let Some(name) = table.opt_text("group") {
        let unknown = || {
            wrong(table.problem("group", format!("there is no group \"{name}\" on this system")))
        };
        access.gid = Some(users::gid(name).ok_or_else(unknown)?);
    }
    bind(table.name(), address, access)
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
