//! Mailbox names and folders: `Lists/rust` is the folder `.Lists.rust` beside INBOX's own files.
//!
//! Each part is written in modified UTF-7; a `.` inside a part has no form. Permissions of all that
//! is made in a mailbox come from its folder, as Dovecot does it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use mailbox::{MailboxName, utf7};

use crate::fs::Mode;
use crate::{Error, Result};

/// What a folder's name can hold on Linux file systems.
const MAX_FOLDER_OCTETS: usize = 255;
/// Where deleted mailboxes wait for their end. Never listed.
pub(crate) const TRASH: &str = "..DOVECOT-TRASHED";

/// A mailbox's folder.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) name: MailboxName,
    pub(crate) path: PathBuf,
}

impl Folder {
    /// Where the mailbox is, or would be.
    pub(crate) fn of(root: &Path, name: &MailboxName) -> Result<Self> {
        let path = if name.is_inbox() { root.to_owned() } else { root.join(folder_name(name)?) };
        Ok(Self { name: name.clone(), path })
    }

    /// Mail that no session has seen.
    pub(crate) fn new_mail(&self) -> PathBuf {
        self.path.join("new")
    }

    /// Mail that one has.
    pub(crate) fn cur(&self) -> PathBuf {
        self.path.join("cur")
    }

    /// `new/` or `cur/`.
    pub(crate) fn part(&self, in_new: bool) -> PathBuf {
        if in_new { self.new_mail() } else { self.cur() }
    }

    /// Mail on its way in.
    pub(crate) fn tmp(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// The list of UIDs.
    pub(crate) fn uidlist(&self) -> PathBuf {
        self.path.join("dovecot-uidlist")
    }

    /// How this mailbox shows in errors.
    pub(crate) fn display(&self) -> String {
        self.name.join('/')
    }
}

/// `.Lists.rust`
pub(crate) fn folder_name(name: &MailboxName) -> Result<String> {
    let mut folder = String::new();
    for part in name.parts() {
        if part.contains('.') {
            return Err(Error::Cannot("Character not allowed in mailbox name: '.'"));
        }
        folder.push('.');
        folder.push_str(&utf7::encode(part));
    }
    if folder.len() > MAX_FOLDER_OCTETS {
        return Err(Error::Cannot("Mailbox name is too long"));
    }
    Ok(folder)
}

/// The mailbox that a folder's name stands for. `None` if no name leads to it: wrong UTF-7, empty
/// parts, INBOX in another case, the trash.
pub(crate) fn mailbox_name(folder: &str) -> Option<MailboxName> {
    let parts = folder.strip_prefix('.')?.split('.').map(utf7::decode);
    let name = MailboxName::from_parts(parts.collect::<std::result::Result<_, _>>().ok()?).ok()?;
    let same = !name.is_inbox() && folder_name(&name).is_ok_and(|again| again == folder);
    same.then_some(name)
}

/// The modes for what is made in `folder`: 0600 and 0700 if it isn't there.
pub(crate) fn mode_of(folder: &Path) -> Mode {
    let Ok(meta) = std::fs::metadata(folder) else {
        return Mode { file: 0o600, folder: 0o700, group: None };
    };
    let bits = meta.mode();
    let setgid = bits & 0o2000 != 0;
    let ours = meta.gid() == nix::unistd::getegid().as_raw();
    Mode {
        file: (bits & 0o666) | 0o600,
        folder: (bits & 0o777) | 0o700,
        group: (!setgid && !ours).then_some(meta.gid()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text, '/').expect("name")
    }

    #[test]
    fn names() {
        for (mailbox, folder) in [
            ("A/B", ".A.B"),
            ("Entwürfe", ".Entw&APw-rfe"),
            ("INBOX/k", ".INBOX.k"),
            ("new", ".new"),
        ] {
            assert_eq!(folder_name(&name(mailbox)).expect("good"), folder);
            assert_eq!(mailbox_name(folder), Some(name(mailbox)));
        }
        assert!(folder_name(&name("a.b")).is_err());
        assert!(folder_name(&name(&format!("{}/{}", "x".repeat(200), "y".repeat(100)))).is_err());
        for bad in [".bad&name", ".caf\u{e9}", "..x", ".x.", ".inbox.k", ".INBOX", ".", "x", TRASH]
        {
            assert_eq!(mailbox_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn modes() {
        let dir = tempfile::tempdir().expect("dir");
        let set = |bits| {
            let permissions = std::fs::Permissions::from_mode(bits);
            std::fs::set_permissions(dir.path(), permissions).expect("chmod");
            mode_of(dir.path())
        };
        assert_eq!(set(0o2770), Mode { file: 0o660, folder: 0o770, group: None });
        assert_eq!(set(0o500), Mode { file: 0o600, folder: 0o700, group: None });
    }

    proptest! {
        #[test]
        fn two_folders_never_show_as_one(folder in "[.&A-Za-z,-]{1,16}") {
            if let Some(name) = mailbox_name(&folder) {
                prop_assert_eq!(folder_name(&name).expect("it has one"), folder);
            }
        }
    }
}
