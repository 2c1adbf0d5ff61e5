//! `dovecot-uidvalidity`: the counter that gives each new mailbox another UIDVALIDITY.
//!
//! Eight hex digits, and beside the file an empty `dovecot-uidvalidity.HEX`, mode 0444, whose rename
//! to the next number is the lock: two can't both succeed in renaming one name.

use std::io::ErrorKind;
use std::path::Path;

use mailbox::UidValidity;

use super::filename;
use super::unique::now_micros;
use crate::error::io;
use crate::fs::{Fs, Mode, SyncPoint, read_limited};
use crate::{Error, Result};

const FILE: &str = "dovecot-uidvalidity";
/// How often a rename that somebody else was faster at is tried with the next number.
const MAX_TRIES: u32 = 10;

/// Gives the next value. `root` is the folder of the user's mail.
pub(crate) fn next(fs: &dyn Fs, root: &Path, mode: Mode) -> Result<UidValidity> {
    let path = root.join(FILE);
    let from_file = read_limited(&path, 64).map_err(io("read", &path))?;
    let mut value = from_file.as_deref().and_then(parse_hex);
    if value.is_none() || !marker(root, value.unwrap_or(0)).exists() {
        value = highest_marker(root)?.max(value);
    }
    let Some(mut old) = value else { return first(fs, root, mode) };
    for _ in 0..MAX_TRIES {
        let new = old.checked_add(1).ok_or(Error::Limit("no UIDVALIDITY left"))?;
        match fs.rename(&marker(root, old), &marker(root, new)) {
            Ok(()) => return record(fs, root, mode, new),
            Err(error) if error.kind() == ErrorKind::NotFound => old = new,
            Err(error) => return Err(io("rename", &marker(root, old))(error)),
        }
    }
    // Nobody's marker where it should be: begin anew above the number.
    make_marker(fs, root, old)?;
    record(fs, root, mode, old)
}

/// The very first: the time, as Dovecot has it.
fn first(fs: &dyn Fs, root: &Path, mode: Mode) -> Result<UidValidity> {
    let mut value = u32::try_from(now_micros() / 1_000_000).unwrap_or(1).max(1);
    while !make_marker(fs, root, value)? {
        value = value.checked_add(1).ok_or(Error::Limit("no UIDVALIDITY left"))?;
    }
    record(fs, root, mode, value)
}

fn marker(root: &Path, value: u32) -> std::path::PathBuf {
    root.join(format!("{FILE}.{value:08x}"))
}

/// False if it is there.
fn make_marker(fs: &dyn Fs, root: &Path, value: u32) -> Result<bool> {
    let path = marker(root, value);
    match fs.create(&path, Mode { file: 0o444, folder: 0o700, group: None }) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io("create", &path)(error)),
    }
}

/// Writes the digits in place, and makes all of it durable.
fn record(fs: &dyn Fs, root: &Path, mode: Mode, value: u32) -> Result<UidValidity> {
    let path = root.join(FILE);
    let file = match fs.create(&path, mode) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => fs.open(&path),
        other => other,
    };
    let file = file.map_err(io("open", &path))?;
    fs.write(&file, format!("{value:08x}").as_bytes()).map_err(io("write", &path))?;
    fs.sync(&file, SyncPoint::UidValidity).map_err(io("sync", &path))?;
    fs.sync_folder(root, SyncPoint::UidValidity).map_err(io("sync", root))?;
    UidValidity::new(value).ok_or(Error::Limit("no UIDVALIDITY left"))
}

fn parse_hex(text: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(text).ok()?;
    let good = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    good.then(|| u32::from_str_radix(text, 16).ok()).flatten().filter(|&value| value > 0)
}

/// The highest number that a marker carries.
fn highest_marker(root: &Path) -> Result<Option<u32>> {
    let mut highest = None;
    for entry in std::fs::read_dir(root).map_err(io("read", root))? {
        let name = entry.map_err(io("read", root))?.file_name();
        let digits = name.as_encoded_bytes().strip_prefix(FILE.as_bytes());
        let value = digits.and_then(|rest| rest.strip_prefix(b".")).and_then(parse_hex);
        highest = highest.max(value);
    }
    Ok(highest)
}

/// A mailbox's GUID: 32 hex digits.
pub(crate) fn guid() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io {
        what: "get random bytes".to_owned(),
        source: std::io::Error::other(error.to_string()),
    })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a uidlist value is a clean number, for `W` and `S`.
pub(crate) fn size(value: Option<&[u8]>) -> Option<u64> {
    value.and_then(filename::number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;
    use std::collections::BTreeSet;

    const MODE: Mode = Mode { file: 0o600, folder: 0o700, group: None };

    #[test]
    fn counts_and_survives_damage() {
        let dir = tempfile::tempdir().expect("dir");
        let next = || super::next(&Disk, dir.path(), MODE).expect("value").get();
        let first = next();
        assert_eq!(next(), first + 1);
        std::fs::remove_file(dir.path().join(FILE)).expect("remove");
        assert_eq!(next(), first + 2, "from the marker");
        std::fs::write(dir.path().join(FILE), "rubbish!").expect("write");
        assert_eq!(next(), first + 3);
        std::fs::remove_file(marker(dir.path(), first + 3)).expect("remove");
        assert!(next() > first + 3, "from the file alone");
        let text = std::fs::read_to_string(dir.path().join(FILE)).expect("file");
        assert!(marker(dir.path(), u32::from_str_radix(&text, 16).expect("hex")).exists());
    }

    #[test]
    fn never_twice_between_threads() {
        let dir = tempfile::tempdir().expect("dir");
        super::next(&Disk, dir.path(), MODE).expect("first");
        let values: Vec<u32> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let next = || super::next(&Disk, dir.path(), MODE);
                        (0..5).filter_map(|_| next().ok()).map(UidValidity::get).collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|t| t.join().expect("thread")).collect()
        });
        assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
    }
}
