//! Names of system users and groups, as uid and gid fields may hold them.

use std::collections::HashMap;

use nix::unistd::{Group, User};

/// Turns a uid or gid field into a number.
pub trait Owners {
    /// The uid that this number or name stands for.
    fn uid(&mut self, text: &str) -> Option<u32>;
    /// The gid that this number or name stands for.
    fn gid(&mut self, text: &str) -> Option<u32>;
}

/// Asks the system, once for each name.
#[derive(Debug, Default)]
pub struct SystemOwners {
    uids: HashMap<String, Option<u32>>,
    gids: HashMap<String, Option<u32>>,
}

impl Owners for SystemOwners {
    fn uid(&mut self, text: &str) -> Option<u32> {
        let ask = || Some(User::from_name(text).ok()??.uid.as_raw());
        number(text).or_else(|| *self.uids.entry(text.into()).or_insert_with(ask))
    }

    fn gid(&mut self, text: &str) -> Option<u32> {
        let ask = || Some(Group::from_name(text).ok()??.gid.as_raw());
        number(text).or_else(|| *self.gids.entry(text.into()).or_insert_with(ask))
    }
}

/// Digits alone; the last number means "no id" to the kernel.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|&id| id != u32::MAX) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names() {
        let mut owners = SystemOwners::default();
        assert_eq!(owners.uid("5000"), Some(5000));
        assert_eq!(owners.uid("root"), Some(0));
        assert_eq!(owners.gid("root"), Some(0));
        assert_eq!(owners.uid("no-such-user-here"), None);
        assert_eq!(owners.uid("4294967295"), None);
        assert_eq!(owners.uid("-1"), None);
        assert_eq!(owners.uid(""), None);
    }
}
