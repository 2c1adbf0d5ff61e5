//! `dovecot-keywords`: which letter `a`–`z` in file names is which keyword.
//!
//! Lines `NUMBER NAME`, 0 to 25. Entries are never removed. Written only under the uidlist's lock.
//! Dovecot reads the file again only if its time in whole seconds moved, so a writer moves it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mailbox::{Flag, Flags, Keyword};

use super::filename;
use crate::error::io;
use crate::fs::{Fs, Mode, SyncPoint, read_limited};
use crate::{Error, Result};

/// Letters there are.
const LETTERS: usize = 26;
/// The largest file that is read: 26 names of any sane length.
const MAX_FILE_OCTETS: u64 = 64 * 1024;
const FILE: &str = "dovecot-keywords";

/// What tells that a file was replaced or written.
type Stamp = Option<(u64, u64, SystemTime)>;

/// A mailbox's letters, and the flag sets that file names spelled so far.
#[derive(Debug, Default)]
pub(crate) struct Keywords {
    names: [Option<String>; LETTERS],
    stamp: Stamp,
    sets: HashMap<Box<[u8]>, Arc<Flags>>,
}

impl Keywords {
    /// Reads the file if it changed; tells whether it did.
    pub(crate) fn refresh(&mut self, folder: &Path) -> Result<bool> {
        let path = folder.join(FILE);
        let stamp = stamp(&path);
        if stamp == self.stamp {
            return Ok(false);
        }
        let bytes = read_limited(&path, MAX_FILE_OCTETS).map_err(io("read", &path))?;
        self.names = parse(&bytes.unwrap_or_default());
        self.stamp = stamp;
        self.sets.clear();
        Ok(true)
    }

    /// The flags that a file's name spells.
    pub(crate) fn flags(&mut self, name: &[u8]) -> Arc<Flags> {
        let letters = filename::letters(name);
        if let Some(set) = self.sets.get(letters) {
            return Arc::clone(set);
        }
        let set: Arc<Flags> = Arc::new(letters.iter().filter_map(|&l| self.flag(l)).collect());
        self.sets.insert(letters.into(), Arc::clone(&set));
        set
    }

    fn flag(&self, letter: u8) -> Option<Flag> {
        Some(match letter {
            b'D' => Flag::Draft,
            b'F' => Flag::Flagged,
            b'R' => Flag::Answered,
            b'S' => Flag::Seen,
            b'T' => Flag::Deleted,
            b'a'..=b'z' => Flag::Keyword(self.keyword(usize::from(letter - b'a'))?),
            _ => return None,
        })
    }

    /// A letter that has no line, or one that is no atom, has the name that Dovecot gives it.
    fn keyword(&self, index: usize) -> Option<Keyword> {
        let named = self.names.get(index)?.as_deref().and_then(|name| Keyword::parse(name).ok());
        named.or_else(|| Keyword::parse(&format!("unknown-{index}")).ok())
    }

    /// All keywords of the file.
    pub(crate) fn all(&self) -> Vec<Keyword> {
        self.names.iter().flatten().filter_map(|name| Keyword::parse(name).ok()).collect()
    }

    /// Whether there is a letter left.
    pub(crate) fn has_room(&self) -> bool {
        self.names.iter().any(Option::is_none)
    }

    /// The letters that spell `flags`, sorted. All keywords must have one ([`Keywords::add`]).
    pub(crate) fn letters(&self, flags: &Flags) -> Vec<u8> {
        let mut letters: Vec<u8> = flags
            .iter()
            .filter_map(|flag| match flag {
                Flag::Draft => Some(b'D'),
                Flag::Flagged => Some(b'F'),
                Flag::Answered => Some(b'R'),
                Flag::Seen => Some(b'S'),
                Flag::Deleted => Some(b'T'),
                Flag::Keyword(keyword) => self.letter(keyword),
            })
            .collect();
        letters.sort_unstable();
        letters
    }

    fn letter(&self, keyword: &Keyword) -> Option<u8> {
        let index = (0..LETTERS).find(|&index| {
            self.keyword(index).is_some_and(|other| {
                let named = self.names.get(index).is_some_and(Option::is_some);
                other == *keyword && (named || keyword.as_str().starts_with("unknown-"))
            })
        })?;
        u8::try_from(index).ok().map(|index| b'a' + index)
    }

    /// Gives a letter to each keyword of `flags` that has none. Under the uidlist's lock, after
    /// [`Keywords::refresh`]. `used` are letters that stand in file names.
    pub(crate) fn add(
        &mut self,
        fs: &dyn Fs,
        folder: &Path,
        mode: Mode,
        flags: &Flags,
        used: impl Fn() -> [bool; LETTERS],
    ) -> Result<()> {
        let new: Vec<&Keyword> = flags.keywords().filter(|k| self.letter(k).is_none()).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut names = self.names.clone();
        for (index, (slot, used)) in names.iter_mut().zip(used()).enumerate() {
            if used && slot.is_none() {
                *slot = Some(format!("unknown-{index}"));
            }
        }
        for keyword in new {
            let slot = names.iter_mut().find(|slot| slot.is_none());
            *slot.ok_or(Error::Limit("Mailbox can't have more than 26 keywords"))? =
                Some(keyword.as_str().to_owned());
        }
        write(fs, folder, mode, &names)?;
        self.names = names;
        self.stamp = stamp(&folder.join(FILE));
        self.sets.clear();
        Ok(())
    }
}

fn stamp(path: &Path) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.ino(), meta.len(), meta.modified().ok()?))
}

/// Lines that aren't `0`–`25`, a blank, and a name not yet there are passed over.
fn parse(bytes: &[u8]) -> [Option<String>; LETTERS] {
    let mut names: [Option<String>; LETTERS] = Default::default();
    for line in bytes.split(|&b| b == b'\n') {
        let Ok(line) = std::str::from_utf8(line) else { continue };
        let Some((index, name)) = line.split_once(' ') else { continue };
        let index = filename::number(index.as_bytes()).and_then(|n| usize::try_from(n).ok());
        let known = names.iter().flatten().any(|other| other.eq_ignore_ascii_case(name));
        if name.is_empty() || known {
            continue;
        }
        if let Some(slot) = index.and_then(|index| names.get_mut(index)) {
            slot.get_or_insert_with(|| name.to_owned());
        }
    }
    names
}

fn write(fs: &dyn Fs, folder: &Path, mode: Mode, names: &[Option<String>; LETTERS]) -> Result<()> {
    let path = folder.join(FILE);
    let lock = folder.join("dovecot-keywords.lock");
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(name) = name {
            text.push_str(&format!("{index} {name}\n"));
        }
    }
    let old = std::fs::symlink_metadata(&path).and_then(|meta| meta.modified()).ok();
    // We hold the uidlist's lock: what lies here is left over from a crash.
    match fs.unlink(&lock) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(io("remove", &lock)(error));
        }
        _ => {}
    }
    let file = fs.create(&lock, mode).map_err(io("create", &lock))?;
    fs.write(&file, text.as_bytes()).map_err(io("write", &lock))?;
    let later = old.map(|old| old + Duration::from_secs(1));
    let time = later.map_or_else(SystemTime::now, |later| later.max(SystemTime::now()));
    file.set_modified(time).map_err(io("set the time of", &lock))?;
    fs.sync(&file, SyncPoint::Keywords).map_err(io("sync", &lock))?;
    fs.rename(&lock, &path).map_err(io("rename", &lock))?;
    fs.sync_folder(folder, SyncPoint::KeywordsFolder).map_err(io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;
    use proptest::prelude::*;

    const MODE: Mode = Mode { file: 0o600, folder: 0o700, group: None };

    fn flags(texts: &[&str]) -> Flags {
        texts.iter().map(|text| Flag::parse(text).expect("flag")).collect()
    }

    #[test]
    fn letters_are_given_and_kept() {
        let dir = tempfile::tempdir().expect("dir");
        let mut keywords = Keywords::default();
        assert!(!keywords.refresh(dir.path()).expect("no file"));
        let want = flags(&["\\Seen", "$Forwarded", "Work"]);
        let mut used = [false; LETTERS];
        used[0] = true; // some file has an `a` that no line explains
        keywords.add(&Disk, dir.path(), MODE, &want, || used).expect("add");
        assert_eq!(keywords.letters(&want), b"Sbc");
        let text = std::fs::read_to_string(dir.path().join(FILE)).expect("file");
        assert_eq!(text, "0 unknown-0\n1 $Forwarded\n2 Work\n");
        let before = std::fs::metadata(dir.path().join(FILE)).and_then(|m| m.modified());
        let more = flags(&["work", "x"]);
        keywords.add(&Disk, dir.path(), MODE, &more, || used).expect("add");
        let after = std::fs::metadata(dir.path().join(FILE)).and_then(|m| m.modified());
        assert!(after.expect("time") >= before.expect("time") + Duration::from_secs(1));
        let mut other = Keywords::default();
        assert!(other.refresh(dir.path()).expect("read"));
        assert_eq!(*other.flags(b"m:2,Scd"), flags(&["\\Seen", "Work", "x"]));
        assert_eq!(*other.flags(b"m:2,PZz"), flags(&["unknown-25"]));
        assert!(other.has_room() && other.all().len() == 4);
        assert_eq!(other.letters(&flags(&["unknown-25"])), b"z");
    }

    #[test]
    fn twenty_seven_are_too_many() {
        let dir = tempfile::tempdir().expect("dir");
        let many: Flags = (0..27).map(|n| Flag::parse(&format!("k{n}")).expect("flag")).collect();
        let error = Keywords::default()
            .add(&Disk, dir.path(), MODE, &many, || [false; LETTERS])
            .expect_err("limit");
        assert_eq!(error.kind(), crate::Kind::Limit);
        assert!(!dir.path().join(FILE).exists());
    }

    #[test]
    fn odd_lines_are_passed_over() {
        let names = parse(b"0 a\n0 b\n1 A\n26 c\nx d\n3 \n4\n5 e f\n7 g");
        let got: Vec<(usize, &str)> =
            names.iter().enumerate().filter_map(|(i, n)| n.as_deref().map(|n| (i, n))).collect();
        assert_eq!(got, [(0, "a"), (5, "e f"), (7, "g")]);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), letters in "[ -~]{0,20}") {
            let mut keywords = Keywords { names: parse(&bytes), ..Keywords::default() };
            let name = format!("m:2,{letters}");
            let flags = keywords.flags(name.as_bytes());
            let known: std::collections::BTreeSet<u8> = filename::letters(name.as_bytes())
                .iter().copied().filter(|&l| filename::is_known_letter(l)).collect();
            prop_assert!(flags.len() <= known.len());
        }
    }
}
