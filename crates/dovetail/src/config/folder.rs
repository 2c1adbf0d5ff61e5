//! A folder of configuration, file by file: what its daemons' files say, and what is wrong with each.

use std::collections::BTreeSet;
use std::path::Path;

use daemon::{Config, Problem};

use super::elsewhere;
use crate::files::{KNOWN, base_and_instance, is_daemon, knows, specs};
use crate::tls;

/// A folder's configurations.
pub(super) struct Folder<'a> {
    /// Where the files are.
    pub(super) path: &'a Path,
    /// Each daemon and instance whose files are right: its name (`smtpd`, `smtpd@mx`) and what they say.
    pub(super) configs: &'a [(String, Config)],
}

impl Folder<'_> {
    /// A daemon's configuration, if its files are there and right.
    pub(super) fn config(&self, name: &str) -> Option<&Config> {
        self.configs.iter().find(|(known, _)| known == name).map(|(_, config)| config)
    }
}

/// What was found in a folder.
#[derive(Default)]
pub(crate) struct Found {
    /// What each configured daemon would say and not start, and files that no daemon reads.
    pub(crate) errors: Vec<Problem>,
    /// The daemons and instances whose files are right by themselves.
    pub(super) configs: Vec<(String, Config)>,
}

/// Has every configured daemon and instance check its files.
pub(crate) fn look(folder: &Path) -> Found {
    let mut found = Found::default();
    let names = match files_in(folder) {
        Ok(names) => names,
        Err(error) => {
            found.errors.push(Problem::file(folder, format!("cannot be read: {error}")));
            return found;
        }
    };
    for name in names.iter().filter(|name| is_daemon(name)) {
        let (base, instance) = base_and_instance(name);
        let Some(daemon) = KNOWN.iter().find(|daemon| daemon.name == base) else { continue };
        match (daemon.check)(folder, instance) {
            Ok(config) => found.configs.push((name.clone(), config)),
            Err(problems) => found.errors.extend(problems),
        }
    }
    if names.contains(tls::FILE)
        && let Err(problems) = tls::check(folder)
    {
        found.errors.extend(problems);
    }
    for name in names.iter().filter(|name| !knows(name)) {
        let file = folder.join(format!("{name}.toml"));
        found.errors.push(Problem::file(file, elsewhere::unread(name, &specs())));
    }
    if !names.iter().any(|name| is_daemon(name)) {
        found.errors.push(Problem::file(folder, "configures no daemon"));
    }
    elsewhere::point(&mut found.errors, &specs());
    found
}

/// The folder's files, without `.toml`.
pub(super) fn files_in(folder: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        // An editor's hidden copies are nobody's files.
        if let Some(name) = name.strip_suffix(".toml").filter(|name| !name.starts_with('.')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}
