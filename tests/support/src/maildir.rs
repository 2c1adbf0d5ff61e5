//! A Maildir seen from outside: which messages lie there, whole or not.

use std::fs;
use std::path::{Path, PathBuf};

/// The Maildir of one user (or one of its folders).
#[derive(Debug, Clone)]
pub struct Maildir(PathBuf);

impl Maildir {
    /// The INBOX below a user's home, where the demo puts it.
    pub fn of_home(home: &str) -> Self {
        Self(Path::new(home).join("Maildir"))
    }

    /// A folder of it: `Lists.rust` for `Lists/rust`.
    pub fn folder(&self, dotted: &str) -> Self {
        Self(self.0.join(format!(".{dotted}")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The text of each message in new/ and cur/, in the order of their file names.
    pub fn messages(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> =
            ["new", "cur"].iter().flat_map(|sub| self.files(sub)).collect();
        files.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
        // A reader may rename a file between the listing and the reading; it is listed again then.
        files
            .iter()
            .filter_map(|file| fs::read(file).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// How many messages hold `needle`.
    pub fn count(&self, needle: &str) -> usize {
        self.messages().iter().filter(|text| text.contains(needle)).count()
    }

    /// The names of the files in `tmp`, `new` or `cur`.
    pub fn files(&self, sub: &str) -> Vec<PathBuf> {
        let listing = fs::read_dir(self.0.join(sub));
        listing.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect()
    }
}
