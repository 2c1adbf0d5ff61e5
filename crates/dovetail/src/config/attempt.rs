//! Tries a path as the user that this process is: what a daemon will do there, as far as that changes
//! nothing. `config check` starts itself for it under each daemon's ids; this never asks who owns what,
//! it does what the daemon does and sees what the kernel says.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use daemon::{Identity, Purpose};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use serde::{Deserialize, Serialize};

use crate::exit::{EX_OSERR, EX_USAGE, Failure};
use crate::output;

/// Symbolic links followed to say which folder is in the way.
const MAX_LINKS: usize = 8;
/// Octets of a list of attempts.
const MAX_INPUT: u64 = 16 << 20;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Act {
    Read,
    Append,
    Write,
    Enter,
    Connect,
    Listen,
}

impl From<Purpose> for Act {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::ReadFile => Self::Read,
            Purpose::AppendFile => Self::Append,
            Purpose::WriteFolder => Self::Write,
            Purpose::MailRoot => Self::Enter,
            Purpose::ConnectSocket => Self::Connect,
            Purpose::ListenSocket => Self::Listen,
        }
    }
}

/// What is in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Obstacle {
    /// The file or folder: the path or one above it.
    pub(super) at: PathBuf,
    pub(super) why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Why {
    /// Nothing of that name.
    Missing,
    /// The rights that it denies, of `r`, `w`, `x`.
    Denied(String),
    /// It should be a folder.
    NotAFolder,
    /// It should be a file.
    AFolder,
    /// The system's other words.
    Other(String),
}

/// The child's side: becomes somebody else for good, tries the paths on standard input, and says what
/// is in the way of each.
pub(super) fn serve(user: u32, group: u32, groups: &[u32]) -> Result<(), Failure> {
    let mut input = String::new();
    let read = std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut input);
    read.map_err(|error| Failure::system("standard input", error))?;
    let list: Vec<(Act, PathBuf)> = serde_json::from_str(&input)
        .map_err(|error| Failure::new(EX_USAGE, format!("standard input: {error}")))?;
    Identity::become_for_good(user, group, groups)
        .map_err(|error| Failure::new(EX_OSERR, error.to_string()))?;
    let found: Vec<Option<Obstacle>> =
        list.iter().map(|(act, path)| attempt(*act, path).err()).collect();
    output::print_json(&serde_json::json!(found))
}

/// Goes to the path and does there what the act needs.
pub(super) fn attempt(act: Act, path: &Path) -> Result<(), Obstacle> {
    try_with(act, path, MAX_LINKS)
}

fn try_with(act: Act, path: &Path, links: usize) -> Result<(), Obstacle> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.reverse();
    for folder in above {
        may(folder, "x").or_else(|why| behind_link(Act::Enter, folder, why, links))?;
    }
    at_last(act, path).or_else(|obstacle| {
        // Of a file that isn't there the folder is what was asked.
        if obstacle.at == path {
            behind_link(act, path, obstacle.why, links)
        } else {
            Err(obstacle)
        }
    })
}

fn at_last(act: Act, path: &Path) -> Result<(), Obstacle> {
    let here = |why| Obstacle { at: path.to_owned(), why };
    let folder = path.parent().unwrap_or(path);
    let there = std::fs::metadata(path);
    let is_folder = there.as_ref().is_ok_and(std::fs::Metadata::is_dir);
    let missing = there.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    match act {
        Act::Read | Act::Append | Act::Connect if is_folder => Err(here(Why::AFolder)),
        Act::Read if there.as_ref().is_ok_and(std::fs::Metadata::is_file) => {
            std::fs::File::open(path).map(drop).map_err(|error| {
                let denied = error.kind() == std::io::ErrorKind::PermissionDenied;
                here(if denied { Why::Denied("r".to_owned()) } else { other(&error) })
            })
        }
        Act::Read => may(path, "r").map_err(here),
        Act::Append if missing => {
            may(folder, "wx").map_err(|why| Obstacle { at: folder.to_owned(), why })
        }
        Act::Append => may(path, "w").map_err(here),
        Act::Write => may(path, "rwx").map_err(here),
        Act::Enter => may(path, "x").map_err(here),
        // Its daemon isn't running: no fault of the configuration.
        Act::Connect if missing => Ok(()),
        Act::Connect => may(path, "w").map_err(here),
        // The folders above were gone through already.
        Act::Listen => Ok(()),
    }
}

/// A link that leads to somewhere closed: the closed place is what the operator must know.
fn behind_link(act: Act, path: &Path, why: Why, links: usize) -> Result<(), Obstacle> {
    let here = Obstacle { at: path.to_owned(), why };
    let Ok(target) = std::fs::read_link(path) else { return Err(here) };
    if links == 0 {
        return Err(here);
    }
    let folder = path.parent().unwrap_or(path);
    let target = plain(&folder.join(target));
    try_with(act, &target, links - 1).and(Err(here))
}

/// Without `.` and `..`: close enough to name a folder in a message.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

/// Asks the kernel for each of the rights; for `x`, that it is a folder as well.
fn may(path: &Path, rights: &str) -> Result<(), Why> {
    let is_folder = std::fs::metadata(path).map(|found| found.is_dir());
    if rights.contains('x') && matches!(is_folder, Ok(false)) {
        return Err(Why::NotAFolder);
    }
    let mut denied = String::new();
    for right in rights.chars() {
        let flag = match right {
            'r' => AccessFlags::R_OK,
            'w' => AccessFlags::W_OK,
            _ => AccessFlags::X_OK,
        };
        match access(path, flag) {
            Ok(()) => {}
            Err(Errno::EACCES) => denied.push(right),
            Err(Errno::ENOENT) => return Err(Why::Missing),
            Err(Errno::ENOTDIR) => return Err(Why::NotAFolder),
            Err(error) => return Err(other(&error.into())),
        }
    }
    if denied.is_empty() { Ok(()) } else { Err(Why::Denied(denied)) }
}

fn other(error: &std::io::Error) -> Why {
    Why::Other(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let (root, file) = (dir.path(), dir.path().join("file"));
        std::fs::write(&file, "x").unwrap();
        symlink("gone/really", root.join("link")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let said = |act, name: &str| match attempt(act, &root.join(name)) {
            Ok(()) => "good".to_owned(),
            Err(found) => {
                format!("{} {:?}", found.at.strip_prefix(root).unwrap().display(), found.why)
            }
        };
        for (act, name, want) in [
            (Act::Read, "file", "good"),
            (Act::Read, "none", "none Missing"),
            (Act::Read, "none/file", "none Missing"),
            (Act::Read, "", " AFolder"),
            (Act::Read, "file/x", "file NotAFolder"),
            (Act::Read, "link", "gone Missing"),
            (Act::Append, "new", "good"),
            (Act::Append, "none/new", "none Missing"),
            (Act::Write, "", "good"),
            (Act::Write, "file", "file NotAFolder"),
            (Act::Write, "none", "none Missing"),
            (Act::Enter, "file", "file NotAFolder"),
            (Act::Connect, "none.sock", "good"),
            (Act::Connect, "none/none.sock", "none Missing"),
            (Act::Listen, "new.sock", "good"),
            (Act::Listen, "none/new.sock", "none Missing"),
        ] {
            assert_eq!(said(act, name), want, "{act:?} {name}");
        }
        assert!(said(Act::Read, "loop").starts_with("loop Other"), "{}", said(Act::Read, "loop"));
    }
}
