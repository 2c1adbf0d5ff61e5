//! The page of a configuration file: every key with its paragraph, kind and default, and whether a
//! change needs a restart, all of it from the key's definition.

use super::roff::{Page, Roff};
use super::text::Span;
use super::values;
use crate::arguments::DEFAULT_FOLDER;
use crate::config::{FileSpec, Key, Kind, describe, is_table};

/// What the page of a file is called: `dovetail-smtpd.toml`.
#[must_use]
pub fn file_page_name(file: &str) -> String {
    format!("dovetail-{file}.toml")
}

/// The page of a file, in section 5. `daemons` read it; one that is named like the file has it for its
/// own. `see` are further pages, `dovetail-tls(1)`.
#[must_use]
pub fn file_page(spec: &FileSpec, daemons: &[&str], see: &[&str]) -> Page {
    let file = File { spec, daemons };
    let mut page = Roff::new(&file_page_name(spec.name), 5, &file.summary());
    page.section("SYNOPSIS");
    page.synopsis(&[(&file.path(), Vec::new())]);
    page.section("DESCRIPTION");
    file.describe(&mut page);
    values::write(&mut page, &spec.keys);
    let (tables, plain): (Vec<Key>, Vec<Key>) =
        spec.keys.iter().partition(|key| is_table(key.kind));
    if !plain.is_empty() {
        page.section("KEYS");
        plain.iter().for_each(|key| write_key(&mut page, key));
    }
    if !tables.is_empty() {
        page.section("TABLES");
        tables.iter().for_each(|key| write_table(&mut page, key, ""));
    }
    file.files(&mut page);
    let daemons = daemons.iter().map(|name| format!("dovetail-{name}(8)"));
    let mut all: Vec<String> = daemons.collect();
    all.extend(
        ["dovetail(1)", "dovetail-config(1)"].iter().chain(see).map(|page| (*page).to_owned()),
    );
    page.see_also(&all);
    page.finish()
}

struct File<'a> {
    spec: &'a FileSpec,
    daemons: &'a [&'a str],
}

impl File<'_> {
    fn path(&self) -> String {
        format!("{DEFAULT_FOLDER}/{}.toml", self.spec.name)
    }

    fn is_daemons_own(&self) -> bool {
        self.daemons == [self.spec.name]
    }

    fn summary(&self) -> String {
        if self.is_daemons_own() {
            format!("configuration of dovetail-{}", self.spec.name)
        } else {
            self.spec.doc.trim_end_matches('.').to_owned()
        }
    }

    fn describe(&self, page: &mut Roff) {
        let (name, path) = (self.spec.name, self.path());
        if self.is_daemons_own() {
            page.paragraph(&format!(
                "`{path}`, in TOML, is what dovetail-{name}(8) goes by. An instance of it, {name}@X, reads \
                 {name}@X.toml beside it in its place, if that is there."
            ));
        } else {
            let pages: Vec<String> =
                self.daemons.iter().map(|name| format!("dovetail-{name}(8)")).collect();
            let readers = match pages.as_slice() {
                [] => String::new(),
                [all @ .., last] if !all.is_empty() => {
                    format!(" It is read by {} and {last}.", all.join(", "))
                }
                [one, ..] => format!(" It is read by {one}."),
            };
            page.paragraph(&format!(
                "`{path}`, in TOML, says {}{readers} A file that isn't there counts as empty.",
                self.spec.doc
            ));
        }
        page.paragraph(
            "Every key that follows has its default in brackets; only those that `must be set` have to \
             stand in the file. A file's keys come before its tables. No secret stands in it: secrets \
             are in files of their own, which keys name.",
        );
        self.changes(page);
        page.paragraph(&format!(
            "`dovetail config check` says everything that is wrong, with line, column and the key that was \
             probably meant. `dovetail config show {name}` prints what the file comes to, `dovetail config \
             sample {name}` all of this as a commented file."
        ));
    }

    fn changes(&self, page: &mut Roff) {
        let reload = match self.daemons {
            [] => return,
            [name] => format!("`dovetail reload {name}` or `systemctl reload dovetail-{name}`"),
            _ => "`dovetail reload` or `systemctl reload dovetail`".to_owned(),
        };
        page.paragraph(&format!(
            "Changes are taken up by {reload}; keys that need a restart say so. Where something is wrong, \
             the configuration before it stays in use."
        ));
    }

    fn files(&self, page: &mut Roff) {
        let name = self.spec.name;
        let samples = match self.is_daemons_own() {
            true => format!("/usr/share/doc/dovetail-{name}/{name}.toml"),
            false => format!("/usr/share/doc/dovetail-common/samples/{name}.toml"),
        };
        page.section("FILES");
        page.entry(&[Span::Bold(&self.path())], "The file. `--config` names another folder.");
        page.entry(&[Span::Bold(&samples)], "All of this as a commented file.");
    }
}

fn write_key(page: &mut Roff, key: &Key) {
    let state = match key.default {
        Some(default) => format!(" (default: {default})"),
        None if key.required => " (must be set)".to_owned(),
        None => " (not set)".to_owned(),
    };
    page.entry(&[Span::Bold(key.name), Span::Plain(&state)], &whole(key.doc));
    let restart = if key.restart { " A change needs a restart." } else { "" };
    page.further(&format!("{}{restart}", sentence(&describe(key.kind))));
}

fn write_table(page: &mut Roff, key: &Key, path: &str) {
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let (head, keys): (String, &[Key]) = match key.kind {
        Kind::Table(keys) => (path, keys),
        Kind::Tables(keys) => (format!("{path}.NAME"), keys),
        _ => (path, &[]),
    };
    let restart = if key.restart { " A change needs a restart." } else { "" };
    page.subsection(&format!("[{head}]"));
    page.paragraph(&format!("{}{restart}", whole(key.doc)));
    if let Kind::Map(kind) = key.kind {
        let tag = [
            Span::Bold("\""),
            Span::Italic("KEY"),
            Span::Bold("\""),
            Span::Plain(" = "),
            Span::Italic("VALUE"),
        ];
        page.entry(&tag, &format!("Any number of them. The value: {}.", describe(*kind)));
    }
    let (tables, plain): (Vec<&Key>, Vec<&Key>) = keys.iter().partition(|key| is_table(key.kind));
    plain.into_iter().for_each(|key| write_key(page, key));
    tables.into_iter().for_each(|key| write_table(page, key, &head));
}

/// The paragraph, which ends with a stop.
fn whole(doc: &str) -> String {
    if doc.ends_with(['.', ')']) { doc.to_owned() } else { format!("{doc}.") }
}

/// `a number from 1 to 3` as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
