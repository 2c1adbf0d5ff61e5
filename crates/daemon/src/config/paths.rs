//! Every path that a checked configuration names, with what the daemon does there: for the trial
//! of `config check` and for the sandbox. Nothing here touches the file system.

use std::path::{Path, PathBuf};

use super::address::SocketAddress;
use super::key::Kind;
use super::load::Config;
use super::problem::Problem;
use super::purpose::Purpose;
use super::source::Offset;
use super::table::{Table, Value};

/// A path in use: what stands there by the file, or by a key's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedPath {
    /// The key with the tables around it: `tls.certificate`.
    pub key: String,
    /// The path. Of one with variables, the folders before the first variable.
    pub path: PathBuf,
    /// What the daemon does there.
    pub purpose: Purpose,
    /// Whether the file names it, rather than a default.
    pub set: bool,
    /// Whether the path is the beginning of one with variables.
    pub template: bool,
    /// Where the key stands in its file, with an empty message.
    place: Problem,
}

impl UsedPath {
    /// Something wrong with it, at the key's place.
    pub fn problem(&self, message: impl std::fmt::Display) -> Problem {
        let message = format!("`{}`: {message}", self.key);
        Problem { message, ..self.place.clone() }
    }

    /// The folder that a rule of a sandbox names: the path if it is one, else its parent, so that a
    /// file renamed over it is seen.
    #[must_use]
    pub fn folder(&self) -> &Path {
        if self.template || self.purpose.is_folder() {
            &self.path
        } else {
            self.path.parent().unwrap_or(&self.path)
        }
    }
}

impl Config {
    /// Every path that the daemon uses by this configuration, of its own file and the shared ones,
    /// sorted by key within each file.
    #[must_use]
    pub fn paths(&self) -> Vec<UsedPath> {
        self.tables_of_files().flat_map(Table::paths).collect()
    }

    /// The same, each with its file's name without `.toml`; the daemon's own by the daemon's name.
    pub(crate) fn paths_by_file(&self) -> impl Iterator<Item = (&str, UsedPath)> {
        self.tables_of_files()
            .flat_map(|table| table.paths().into_iter().map(|used| (table.name(), used)))
    }
}

impl Config {
    /// The files that it was read from, the daemon's own first; shared ones need not be there.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.tables_of_files().map(|table| table.source.path.as_path())
    }
}

impl Table {
    /// Every path of this table and those in it.
    #[must_use]
    pub fn paths(&self) -> Vec<UsedPath> {
        let mut found = Vec::new();
        self.collect("", &mut found);
        found
    }

    fn collect(&self, prefix: &str, found: &mut Vec<UsedPath>) {
        for (name, placed) in &self.values {
            let key = format!("{prefix}{name}");
            let place = Place { key: &key, at: placed.at.or(self.at), set: placed.set };
            self.value_paths(place, placed.kind, &placed.value, found);
        }
    }

    fn value_paths(&self, place: Place<'_>, kind: Kind, value: &Value, found: &mut Vec<UsedPath>) {
        let Place { key, at, set } = place;
        let mut add = |path: &Path, purpose, template| {
            let place = self.source.problem(at, String::new());
            let (key, path) = (key.to_owned(), path.to_owned());
            found.push(UsedPath { key, path, purpose, set, template, place });
        };
        match (kind, value) {
            (Kind::Path(purpose), Value::Path(path)) => add(path, purpose, false),
            (Kind::Template(purpose), Value::Text(text)) => match text.split_once('%') {
                Some((before, _)) => add(whole_folders(before), purpose, true),
                None => add(Path::new(text), purpose, false),
            },
            (Kind::Address, Value::Address(SocketAddress::Unix(path))) => {
                add(path, Purpose::ListenSocket, false);
            }
            (Kind::List(kind), Value::List(items)) => {
                items.iter().for_each(|item| self.value_paths(place, *kind, item, found));
            }
            (Kind::Map(kind), Value::Map(entries)) => {
                for (name, item) in entries {
                    let key = format!("{key}.{name}");
                    self.value_paths(Place { key: &key, ..place }, *kind, item, found);
                }
            }
            (_, Value::Table(table)) => table.collect(&format!("{key}."), found),
            (_, Value::Tables(tables)) => {
                for table in tables {
                    table.collect(&format!("{key}.{}.", table.name()), found);
                }
            }
            _ => {}
        }
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    key: &'a str,
    at: Offset,
    set: bool,
}

/// Of `/etc/vmail/x%d` the part `/etc/vmail`.
fn whole_folders(before: &str) -> &Path {
    let end = before.rfind('/').unwrap_or(0).max(1);
    Path::new(before.get(..end).unwrap_or("/"))
}

#[cfg(test)]
mod tests {
    use super::super::key::{FileSpec, Key};
    use super::*;
    use crate::keys;

    const TABLES: &[Key] =
        &[Key::optional("path", Kind::Template(Purpose::ReadFile), "A passwd-file.")];

    #[test]
    fn every_path_with_its_purpose_and_place() {
        let own = [
            Key::new("spool", Kind::Path(Purpose::WriteFolder), "\"/var/spool/x\"", "The spool."),
            Key::optional("roots", Kind::List(&Kind::Path(Purpose::MailRoot)), "Roots."),
            Key::optional("passdb", Kind::Tables(TABLES), "Passwords."),
            Key::optional("routes", Kind::Map(&Kind::Path(Purpose::ConnectSocket)), "Routes."),
            keys::TLS,
        ];
        let specs = [FileSpec::daemon("x", "tries.", &own)];
        let text = "roots = [\"/home\", \"/srv/mail\"]\n[passdb.a]\npath = \"/etc/vmail/p%d/passwd\"\n\
                    [routes]\n\"a.test\" = \"/run/a.sock\"\n[tls]\nkey = \"/etc/k.pem\"\n\
                    [listener.admin]\naddress = \"unix:/run/x/admin.sock\"\n\
                    [listener.smtp]\naddress = \"*:25\"\n";
        let config = Config::from_texts("x", &specs, &[("x", text)]).unwrap();
        let shown: Vec<String> = config
            .paths()
            .iter()
            .map(|used| {
                let folder = used.folder().display();
                format!("{} {:?} {folder}", used.problem(used.path.display()), used.purpose)
            })
            .collect();
        let unset: Vec<_> =
            config.paths().into_iter().filter(|used| !used.set).map(|used| used.key).collect();
        assert_eq!(unset, ["spool"]);
        let want = [
            "x.toml:9:11: `listener.admin.address`: /run/x/admin.sock ListenSocket /run/x",
            "x.toml:3:8: `passdb.a.path`: /etc/vmail ReadFile /etc/vmail",
            "x.toml:1:9: `roots`: /home MailRoot /home",
            "x.toml:1:9: `roots`: /srv/mail MailRoot /srv/mail",
            "x.toml:4:1: `routes.a.test`: /run/a.sock ConnectSocket /run",
            "x.toml: `spool`: /var/spool/x WriteFolder /var/spool/x",
            "x.toml:7:7: `tls.key`: /etc/k.pem ReadFile /etc",
        ];
        assert_eq!(shown, want);
        assert_eq!(whole_folders("/"), Path::new("/"));
    }
}
