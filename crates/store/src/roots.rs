//! The folders that all mail lies below (`mail_roots`), and whether their disks are there: mail that goes
//! into the empty folder of a disk that isn't mounted is mail that nobody finds again.
//!
//! A folder that /etc/fstab (fstab(5)) names as a mount point, and that is on the same file system as
//! its parent, isn't mounted. Bind mounts can't be told so and aren't looked at.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::fs::read_limited;

const FSTAB: &str = "/etc/fstab";
/// Of a longer one nothing is read.
const MAX_FSTAB: u64 = 1 << 20;

/// Where mail may lie; with no folder in it, anywhere. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots(Arc<[PathBuf]>);

/// Why no mailbox may be made now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RootError {
    /// The folder isn't there.
    #[error("{}, a folder of mail_roots, isn't there: is its disk mounted?", .0.display())]
    Missing(PathBuf),
    /// Its disk isn't.
    #[error("{}, a folder of mail_roots, isn't mounted: {FSTAB} has {}", .root.display(), .mount.display())]
    NotMounted {
        /// The folder.
        root: PathBuf,
        /// The mount point that it is on.
        mount: PathBuf,
    },
}

impl Default for Roots {
    fn default() -> Self {
        Self(Arc::new([]))
    }
}

impl Roots {
    /// These folders.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self(folders.into())
    }

    /// The folders.
    #[must_use]
    pub fn folders(&self) -> &[PathBuf] {
        &self.0
    }

    /// Whether mail, or a home, may lie there, by its name alone.
    #[must_use]
    pub fn admit(&self, path: &Path) -> bool {
        let climbs = path.components().any(|part| part == Component::ParentDir);
        self.0.is_empty() || !climbs && self.of(path).is_some()
    }

    /// The innermost folder that a path is below.
    fn of(&self, path: &Path) -> Option<&Path> {
        let above = self.0.iter().filter(|root| path.starts_with(root));
        above.max_by_key(|root| root.as_os_str().len()).map(PathBuf::as_path)
    }

    /// Looks whether the folder that this mail lies below is there, with its disk. Blocks.
    ///
    /// # Errors
    /// It isn't. A path that is below none of them is no error.
    pub fn check(&self, mail: &Path) -> Result<(), RootError> {
        let Some(root) = self.of(mail) else { return Ok(()) };
        if !root.is_dir() {
            return Err(RootError::Missing(root.to_owned()));
        }
        // A system without the file has its own ways.
        let fstab = read_limited(Path::new(FSTAB), MAX_FSTAB).ok().flatten().unwrap_or_default();
        match mount_point(&String::from_utf8_lossy(&fstab), root) {
            Some(mount) if !is_mounted(&mount) => {
                Err(RootError::NotMounted { root: root.to_owned(), mount })
            }
            _ => Ok(()),
        }
    }
}

/// The innermost mount point of fstab that a folder is on; none where that is the root's own.
fn mount_point(fstab: &str, folder: &Path) -> Option<PathBuf> {
    let entry = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let (_, point) = (fields.next().filter(|what| !what.starts_with('#'))?, fields.next()?);
        let (_, options) = (fields.next()?, fields.next().unwrap_or_default());
        let bind = options.split(',').any(|option| matches!(option, "bind" | "rbind"));
        let point = PathBuf::from(unescape(point));
        let counts = !bind && point.parent().is_some() && folder.starts_with(&point);
        counts.then_some(point)
    };
    fstab.lines().filter_map(entry).max_by_key(|point| point.as_os_str().len())
}

/// fstab(5): `\040` is a blank.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(field.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn is_mounted(point: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).map(|meta| meta.dev()).ok();
    let parent = point.parent().unwrap_or(Path::new("/"));
    // One that we may not look at is somebody else's to judge.
    device(point).is_none() || device(point) != device(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_below_and_never_by_climbing() {
        let roots = Roots::new(vec!["/srv/mail".into(), "/home".into()]);
        for good in ["/srv/mail", "/srv/mail/a", "/home/a/Maildir"] {
            assert!(roots.admit(Path::new(good)), "{good}");
        }
        for bad in ["/", "/srv", "/srv/mail2", "/srv/mail/../x", "home/a"] {
            assert!(!roots.admit(Path::new(bad)), "{bad}");
        }
        assert!(Roots::default().admit(Path::new("/anywhere")));
    }

    #[test]
    fn mount_points() {
        let fstab = "# /srv/mail is new\nUUID=1 / ext4 defaults 0 1\nUUID=2 /srv xfs rw\n\
            /dev/sdb1\t/srv/mail\text4\tnoatime,nofail 0 2\nUUID=3 none swap sw 0 0\n\
            /x /home none rw,bind\nUUID=4 /my\\040disk ext4 rw\nshort\n";
        let at = |folder: &str| mount_point(fstab, Path::new(folder));
        assert_eq!(at("/srv/mail/a"), Some("/srv/mail".into()));
        assert_eq!(at("/srv/other"), Some("/srv".into()));
        assert_eq!(at("/my disk/mail"), Some("/my disk".into()));
        for root_or_unknown in ["/var/vmail", "/home/a", "/srv2"] {
            assert_eq!(at(root_or_unknown), None, "{root_or_unknown}");
        }
        assert!(is_mounted(Path::new("/proc")));
        let dir = tempfile::tempdir().expect("dir");
        assert!(!is_mounted(dir.path()));
    }

    #[test]
    fn a_folder_that_is_gone() {
        let dir = tempfile::tempdir().expect("dir");
        let (there, gone) = (dir.path().join("there"), dir.path().join("gone"));
        std::fs::create_dir(&there).expect("mkdir");
        let roots = Roots::new(vec![there.clone(), gone.clone()]);
        assert_eq!(roots.check(&there.join("a/Maildir")), Ok(()));
        assert_eq!(roots.check(&gone.join("a/Maildir")), Err(RootError::Missing(gone)));
        assert_eq!(roots.check(Path::new("/elsewhere")), Ok(()));
    }
}
