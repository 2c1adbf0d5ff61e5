//! The `subscriptions` file, in both of Dovecot's versions.
//!
//! Version 2 begins with `V<TAB>2` and an empty line; a name's parts are joined by TAB. Version 1 has
//! no header and joins parts by the Maildir's `.`. An existing file keeps its version. Order is kept.

use std::path::Path;
use std::sync::Arc;

use mailbox::{MailboxName, utf7};

use super::folder::{folder_name, mailbox_name, mode_of};
use super::lock::{Lock, SUBSCRIPTIONS_STALE, WAIT};
use crate::error::io;
use crate::fs::{Fs, SyncPoint, read_limited};
use crate::{Error, Result};

const FILE: &str = "subscriptions";
const HEADER: &str = "V\t2\n\n";
/// Some hundred thousand names.
const MAX_FILE_OCTETS: u64 = 16 << 20;

/// The file's text, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Subscriptions {
    two: bool,
    /// As they stand; one that is no name is kept.
    lines: Vec<String>,
}

impl Subscriptions {
    fn parse(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self { two: true, lines: Vec::new() } };
        let (two, names) = match text.strip_prefix("V\t2\n") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let lines = names.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect();
        Self { two, lines }
    }

    fn to_text(&self) -> String {
        let mut text = if self.two { HEADER.to_owned() } else { String::new() };
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    fn line(&self, name: &MailboxName) -> Result<String> {
        if self.two {
            let parts: Vec<String> =
                name.parts().iter().map(|part| escape(&utf7::encode(part))).collect();
            return Ok(parts.join("\t"));
        }
        Ok(match folder_name(name)?.strip_prefix('.') {
            Some(line) => line.to_owned(),
            None => name.join('.'),
        })
    }

    fn name(&self, line: &str) -> Option<MailboxName> {
        if !self.two {
            return if line == "INBOX" {
                Some(MailboxName::inbox())
            } else {
                mailbox_name(&format!(".{line}"))
            };
        }
        let parts = line.split('\t').map(|part| utf7::decode(&unescape(part)?).ok());
        MailboxName::from_parts(parts.collect::<Option<_>>()?).ok()
    }
}

/// Dovecot's escaping of what would end a part or a line.
fn escape(part: &str) -> String {
    let mut out = String::with_capacity(part.len());
    for c in part.chars() {
        match c {
            '\0' => out.push_str("\u{1}0"),
            '\u{1}' => out.push_str("\u{1}1"),
            '\t' => out.push_str("\u{1}t"),
            '\r' => out.push_str("\u{1}r"),
            '\n' => out.push_str("\u{1}n"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(part: &str) -> Option<String> {
    let mut out = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\u{1}' => match chars.next()? {
                '0' => '\0',
                '1' => '\u{1}',
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                _ => return None,
            },
            c => c,
        });
    }
    Some(out)
}

/// The subscribed names.
pub(crate) fn read(root: &Path) -> Result<Vec<MailboxName>> {
    let list = load(root)?;
    Ok(list.lines.iter().filter_map(|line| list.name(line)).collect())
}

fn load(root: &Path) -> Result<Subscriptions> {
    let path = root.join(FILE);
    let bytes = read_limited(&path, MAX_FILE_OCTETS).map_err(io("read", &path))?;
    let text = bytes.map(String::from_utf8).transpose().map_err(|_| Error::Damaged {
        file: path.display().to_string(),
        why: "not UTF-8".to_owned(),
    })?;
    Ok(Subscriptions::parse(text.as_deref()))
}

/// Adds or removes a name; false if there was nothing to do.
pub(crate) fn change(fs: &Arc<dyn Fs>, root: &Path, name: &MailboxName, add: bool) -> Result<bool> {
    let path = root.join(FILE);
    let mode = mode_of(root);
    let _lock = Lock::acquire(fs, &path, mode, SUBSCRIPTIONS_STALE, WAIT)?;
    let mut list = load(root)?;
    let line = list.line(name)?;
    let there = list.lines.contains(&line);
    if there == add {
        return Ok(false);
    }
    if add {
        list.lines.push(line);
    } else {
        list.lines.retain(|other| *other != line);
    }
    let tmp = root.join("subscriptions.tmp");
    match fs.unlink(&tmp) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(io("remove", &tmp)(error));
        }
        _ => {}
    }
    let file = fs.create(&tmp, mode).map_err(io("create", &tmp))?;
    fs.write(&file, list.to_text().as_bytes()).map_err(io("write", &tmp))?;
    fs.sync(&file, SyncPoint::Subscriptions).map_err(io("sync", &tmp))?;
    fs.rename(&tmp, &path).map_err(io("rename", &tmp))?;
    fs.sync_folder(root, SyncPoint::SubscriptionsFolder).map_err(io("sync", root))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::Disk;
    use proptest::prelude::*;

    fn name(text: &str) -> MailboxName {
        MailboxName::parse(text, '/').expect("name")
    }

    fn run(before: Option<&str>, steps: &[(&str, bool)]) -> (String, Vec<String>) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join(FILE);
        if let Some(before) = before {
            std::fs::write(&path, before).expect("write");
        }
        let disk: Arc<dyn Fs> = Arc::new(Disk);
        for (text, add) in steps {
            change(&disk, dir.path(), &name(text), *add).expect("change");
        }
        let names = read(dir.path()).expect("read");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        (text, names.iter().map(|name| name.join('/')).collect())
    }

    #[test]
    fn version_two() {
        let steps = [("A/B", true), ("Entwür", true), ("inbox", true), ("A/B", true), ("x", false)];
        let (text, names) = run(None, &steps);
        assert_eq!(text, "V\t2\n\nA\tB\nEntw&APw-r\nINBOX\n");
        assert_eq!(names, ["A/B", "Entwür", "INBOX"]);
        let (text, _) = run(Some(&text), &[("Entwür", false)]);
        assert_eq!(text, "V\t2\n\nA\tB\nINBOX\n");
    }

    #[test]
    fn version_one_stays() {
        let (text, names) = run(Some("A.B\nbad&\nINBOX"), &[("C/D", true), ("A/B", false)]);
        assert_eq!(text, "bad&\nINBOX\nC.D\n");
        assert_eq!(names, ["INBOX", "C/D"]);
        assert_eq!(run(Some(""), &[("x", true)]).0, "x\n");
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_names(
            text in "(V\t2\n)?[\u{1}-~\t\n]{0,60}", parts in proptest::collection::vec("[^/.~]{1,8}", 1..4),
        ) {
            let mut list = Subscriptions::parse(Some(&text));
            let _ = list.lines.iter().filter_map(|line| list.name(line)).count();
            if let Ok(name) = MailboxName::from_parts(parts) {
                let line = list.line(&name).expect("no dots");
                prop_assert_eq!(list.name(&line), Some(name));
                list.lines.push(line);
                prop_assert_eq!(Subscriptions::parse(Some(&list.to_text())).lines, list.lines);
            }
        }
    }
}
