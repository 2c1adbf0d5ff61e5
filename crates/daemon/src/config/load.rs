//! A folder of files, read and checked together.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::check;
use super::key::FileSpec;
use super::problem::Problem;
use super::source::{self, Source};
use super::table::Table;

/// A configuration file has at most this many octets.
pub const MAX_FILE_SIZE: u64 = 1 << 20;

/// A daemon's checked configuration: its own file (whose accessors it has itself) and the shared
/// ones.
#[derive(Debug, Clone)]
pub struct Config {
    folder: PathBuf,
    instance: Option<String>,
    own: Table,
    shared: BTreeMap<&'static str, Table>,
}

impl Config {
    /// Reads and checks all files of `specs` in `folder`; `own` names the daemon's own, which must
    /// be there, while the shared ones may be absent when no key of theirs is required.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load(folder: &Path, own: &str, specs: &[FileSpec]) -> Result<Self, Vec<Problem>> {
        Self::load_instance(folder, own, None, specs)
    }

    /// As [`Config::load`], for an instance of the daemon: its own file is `NAME@INSTANCE.toml` if that
    /// is there, else `NAME.toml`, which all instances without a file of theirs share.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn load_instance(
        folder: &Path,
        own: &str,
        instance: Option<&str>,
        specs: &[FileSpec],
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let own_file = own_file(folder, own, instance);
        let mut tables = Vec::new();
        for spec in specs {
            let path = match spec.name == own {
                true => own_file.clone(),
                false => folder.join(format!("{}.toml", spec.name)),
            };
            let text = read(&path, spec, own, &mut problems).unwrap_or_default();
            let source = Arc::new(Source { path, text });
            let mut found = Vec::new();
            tables.push((spec.name, check::file(spec, specs, &source, &mut found)));
            // A file that couldn't be read has said so; what it lacks would be noise.
            if !problems.iter().any(|problem| problem.file == source.path) {
                problems.append(&mut found);
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut shared: BTreeMap<_, _> = tables.into_iter().collect();
        match shared.remove(own) {
            Some(table) => {
                let instance = instance.map(str::to_owned);
                Ok(Self { folder: folder.to_owned(), instance, own: table, shared })
            }
            None => Err(vec![Problem::file(folder, format!("{own}.toml has no keys defined"))]),
        }
    }

    /// Checks texts that aren't in files, for tests: each with its file's name without `.toml`;
    /// a file without a text is empty.
    ///
    /// # Errors
    /// Every problem of every file.
    pub fn from_texts(
        own: &str,
        specs: &[FileSpec],
        texts: &[(&str, &str)],
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut shared = BTreeMap::new();
        for spec in specs {
            let text =
                texts.iter().find(|(name, _)| *name == spec.name).map_or("", |(_, text)| *text);
            let path = PathBuf::from(format!("{}.toml", spec.name));
            let source = Arc::new(Source { path, text: text.to_owned() });
            shared.insert(spec.name, check::file(spec, specs, &source, &mut problems));
        }
        match shared.remove(own) {
            Some(table) if problems.is_empty() => {
                Ok(Self { folder: PathBuf::new(), instance: None, own: table, shared })
            }
            _ => Err(problems),
        }
    }

    /// Puts back what an earlier configuration has at a key of one of its files.
    pub(crate) fn keep(&mut self, file: &str, key: &str, earlier: &Self) {
        let of = |config: &Self| match config.own.name() == file {
            true => Some(config.own.clone()),
            false => config.shared.get(file).cloned(),
        };
        let table = match self.own.name() == file {
            true => Some(&mut self.own),
            false => self.shared.get_mut(file),
        };
        if let (Some(table), Some(earlier)) = (table, of(earlier)) {
            table.keep(key, &earlier);
        }
    }

    /// The folder that the files stand in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The tables of all files, the daemon's own first.
    pub(super) fn tables_of_files(&self) -> impl Iterator<Item = &Table> {
        std::iter::once(&self.own).chain(self.shared.values())
    }

    /// The instance that the configuration is for: `mx` of `smtpd@mx`.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Whether this is an instance that reads the daemon's file, whose addresses aren't its own.
    #[must_use]
    pub fn shares_file(&self) -> bool {
        let own =
            self.instance.as_ref().map(|instance| format!("{}@{instance}.toml", self.own.name()));
        own.is_some_and(|own| !self.own.source.path.ends_with(own))
    }

    /// A path of the daemon's own; for an instance that doesn't set the key, the default's last part
    /// becomes `NAME@INSTANCE`, so that two instances don't share a folder unasked.
    #[must_use]
    pub fn own_place(&self, key: &str) -> PathBuf {
        let path = self.own.path(key);
        match (&self.instance, path.file_name().and_then(|name| name.to_str())) {
            (Some(instance), Some(last)) if !self.own.is_set(key) => {
                path.with_file_name(format!("{last}@{instance}"))
            }
            _ => path.to_owned(),
        }
    }

    /// A shared file's table, by its name without `.toml`. The daemon's own for a name that isn't
    /// among its files: a mistake in the program, which a debug build stops at.
    #[must_use]
    pub fn file(&self, name: &str) -> &Table {
        let found = self.shared.get(name);
        debug_assert!(found.is_some() || name == self.own.name(), "{name}.toml is not read");
        found.unwrap_or(&self.own)
    }
}

impl Deref for Config {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.own
    }
}

/// The file that a daemon's, or an instance's, own keys stand in.
fn own_file(folder: &Path, own: &str, instance: Option<&str>) -> PathBuf {
    let theirs = instance.map(|instance| folder.join(format!("{own}@{instance}.toml")));
    // Whatever is there counts, readable or not: another file's keys must not take its place.
    let there = theirs.filter(|path| std::fs::symlink_metadata(path).is_ok());
    there.unwrap_or_else(|| folder.join(format!("{own}.toml")))
}

fn read(path: &Path, spec: &FileSpec, own: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let mut octets = Vec::new();
    let opened = std::fs::File::open(path);
    match opened.and_then(|file| file.take(MAX_FILE_SIZE + 1).read_to_end(&mut octets)) {
        Ok(length) if length as u64 > MAX_FILE_SIZE => {
            problems.push(Problem::file(path, format!("longer than {MAX_FILE_SIZE} octets")));
            None
        }
        Ok(_) => source::text(path, octets).map_err(|problem| problems.push(problem)).ok(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let required: Vec<_> =
                spec.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
            if spec.name == own || !required.is_empty() {
                let sets = if required.is_empty() {
                    String::new()
                } else {
                    format!("; it must set {}", required.join(", "))
                };
                problems.push(Problem::file(path, format!("no such file{sets}")));
            }
            None
        }
        Err(error) => {
            problems.push(Problem::file(path, unreadable(&error)));
            None
        }
    }
}

/// Why, and for whom: `dovetail config check` of an ordinary user may not read what a daemon may.
fn unreadable(error: &std::io::Error) -> String {
    if error.kind() != std::io::ErrorKind::PermissionDenied {
        return format!("cannot be read: {error}");
    }
    let (uid, _) = crate::users::own_ids();
    format!("permission denied for {}", crate::users::shown(uid))
}

/// The machine's own name, for a `hostname` that isn't set; `localhost` if it has none.
#[must_use]
pub fn hostname() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}
