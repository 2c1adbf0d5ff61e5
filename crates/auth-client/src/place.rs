//! Where a user's mail is served: in the daemon that asks, or in an instance of it that runs under the
//! user's uid. No process of ours can change its uid, so there is no third way.

use crate::User;

/// The place for a user's sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The mail is the asking daemon's own uid's.
    Here,
    /// The mail is another uid's: the session goes on at that uid's instance.
    Instance(u32),
}

/// Why a user has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// Root's files are never written.
    #[error("the userdb says uid=0, and nothing is ever written as root")]
    Root,
    /// Postfix's `virtual_minimum_uid`: system users own no mail.
    #[error("the userdb says uid={uid}, which is below minimum_uid = {minimum}")]
    Below {
        /// The user's.
        uid: u32,
        /// `minimum_uid`.
        minimum: u32,
    },
    /// 4294967295 stands for "no uid" in the kernel's calls.
    #[error("the userdb says uid=4294967295, which is nobody's")]
    Nobodys,
    /// Postfix refuses the root group too.
    #[error("the userdb says gid=0, and no mail belongs to root's group")]
    RootGroup,
}

impl Place {
    /// Where a user is served by a daemon that runs as `own_uid`. A user without a uid is the daemon's
    /// own.
    ///
    /// # Errors
    /// [`NoPlace`]: mail for such a user waits until the userdb is mended.
    pub fn of(user: &User, own_uid: u32, minimum_uid: u32) -> Result<Self, NoPlace> {
        if user.gid == Some(0) {
            return Err(NoPlace::RootGroup);
        }
        match user.uid {
            None => Ok(Self::Here),
            Some(0) => Err(NoPlace::Root),
            Some(u32::MAX) => Err(NoPlace::Nobodys),
            Some(uid) if uid < minimum_uid => Err(NoPlace::Below { uid, minimum: minimum_uid }),
            Some(uid) if uid == own_uid => Ok(Self::Here),
            Some(uid) => Ok(Self::Instance(uid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn place(uid: Option<u32>, gid: Option<u32>) -> Result<Place, NoPlace> {
        let user = User { name: "a".into(), uid, gid, home: None, fields: BTreeMap::new() };
        Place::of(&user, 5000, 100)
    }

    #[test]
    fn own_others_and_nobodys() {
        assert_eq!(place(None, None), Ok(Place::Here));
        assert_eq!(place(Some(5000), Some(8)), Ok(Place::Here));
        assert_eq!(place(Some(1001), None), Ok(Place::Instance(1001)));
        assert_eq!(place(Some(100), None), Ok(Place::Instance(100)));
        assert_eq!(place(Some(99), None), Err(NoPlace::Below { uid: 99, minimum: 100 }));
        assert_eq!(place(Some(0), None), Err(NoPlace::Root));
        assert_eq!(place(Some(u32::MAX), None), Err(NoPlace::Nobodys));
        assert_eq!(place(Some(1001), Some(0)), Err(NoPlace::RootGroup));
    }
}
