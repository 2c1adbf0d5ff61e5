//! Users and groups of the system by name or number.

use nix::unistd::{Gid, Group, Uid, User};

/// A user's number: the text is one, or a name that the system knows.
#[must_use]
pub fn uid(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    User::from_name(text).ok().flatten().map(|user| user.uid.as_raw())
}

/// A group's number: the text is one, or a name that the system knows.
#[must_use]
pub fn gid(text: &str) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    Group::from_name(text).ok().flatten().map(|group| group.gid.as_raw())
}

/// The first group of a user that the system knows by name or number.
#[must_use]
pub fn primary_gid(text: &str) -> Option<u32> {
    let user = match text.parse() {
        Ok(number) => User::from_uid(Uid::from_raw(number)),
        Err(_) => User::from_name(text),
    };
    user.ok().flatten().map(|user| user.gid.as_raw())
}

/// A user's name, if the system knows one.
#[must_use]
pub fn name(uid: u32) -> Option<String> {
    User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name)
}

/// A group's name, if the system knows one.
#[must_use]
pub fn group_name(gid: u32) -> Option<String> {
    Group::from_gid(Gid::from_raw(gid)).ok().flatten().map(|group| group.name)
}

/// Who this process is.
#[must_use]
pub fn own_ids() -> (u32, u32) {
    (Uid::effective().as_raw(), Gid::effective().as_raw())
}

/// A user for a message: the name if the system knows one, and the number.
#[must_use]
pub fn shown(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| format!("{} (uid {uid})", user.name))
}

/// A user's name, or the number of one that the system has no name for.
#[must_use]
pub fn name_or_number(uid: u32) -> String {
    name(uid).unwrap_or_else(|| uid.to_string())
}
