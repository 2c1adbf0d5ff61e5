//! The file's lines.

use std::collections::HashMap;

use crate::scheme::{Scheme, StoredPassword};
use crate::{Fields, Owners};

/// One user's line.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The stored password, its scheme in front if it names one.
    pub password: String,
    /// The uid, if the line has one.
    pub uid: Option<u32>,
    /// The gid, if the line has one.
    pub gid: Option<u32>,
    /// The home folder, if the line has one.
    pub home: Option<String>,
    /// The extra fields as they stand, blanks between them.
    pub extra: String,
    /// The line has at least four fields. Those with fewer are for logging in only: the user
    /// look-up doesn't know them.
    pub has_user: bool,
    /// The line has at least three fields.
    pub has_uid_field: bool,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry")
            .field("uid", &self.uid)
            .field("gid", &self.gid)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// The extra fields, one by one: key and, unless bare, value.
    pub fn extra(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let fields = self.extra.split([' ', '\t', '\r']).filter(|field| !field.is_empty());
        fields.map(|field| match field.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (field, None),
        })
    }

    /// Adds uid, gid and home as fields.
    pub(crate) fn set_user_fields(&self, fields: &mut Fields) {
        if let Some(uid) = self.uid {
            fields.set("uid", &uid.to_string());
        }
        if let Some(gid) = self.gid {
            fields.set("gid", &gid.to_string());
        }
    }
}

/// A line that was dropped, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line's number, from 1.
    pub line: usize,
    /// What is wrong with it; never the password.
    pub what: String,
}

/// A file's users.
#[derive(Debug, Clone, Default)]
pub struct Table {
    entries: HashMap<String, Entry>,
    order: Vec<String>,
    /// A stored password of the kind that most users have.
    typical: Option<String>,
    /// The lines that were dropped.
    pub problems: Vec<Problem>,
}

impl Table {
    /// Reads a file. `owners` turns names into numbers; `None` leaves uid and gid fields unread,
    /// as where the file serves logins alone.
    #[must_use]
    pub fn parse(bytes: &[u8], default: Scheme, mut owners: Option<&mut dyn Owners>) -> Self {
        let mut table = Self::default();
        for (at, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            // Only the first byte counts; there is no comment behind a line.
            if matches!(line.first(), None | Some(b'#' | b':')) {
                continue;
            }
            let parsed = match std::str::from_utf8(line) {
                Err(_) => Err("the line isn't UTF-8".to_owned()),
                Ok(line) => match &mut owners {
                    Some(owners) => entry(line, Some(&mut **owners)),
                    None => entry(line, None),
                },
            };
            let added = parsed.and_then(|(user, entry)| table.add(user, entry));
            if let Err(what) = added {
                table.problems.push(Problem { line: at + 1, what });
            }
        }
        table.typical = typical(table.entries.values(), default);
        table
    }

    /// The first line of a user wins.
    fn add(&mut self, user: &str, entry: Entry) -> Result<(), String> {
        if self.entries.contains_key(user) {
            return Err(format!("user {user:?} exists more than once"));
        }
        self.entries.insert(user.into(), entry);
        self.order.push(user.into());
        Ok(())
    }

    /// The user of exactly this name.
    #[must_use]
    pub fn get(&self, user: &str) -> Option<&Entry> {
        self.entries.get(user)
    }

    /// All users in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.order.iter().filter_map(|user| Some((user.as_str(), self.entries.get(user)?)))
    }

    /// How many users there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// A stored password of the scheme and cost that most users have. Checking against it takes
    /// as long as a real check: what it finds is to be thrown away.
    #[must_use]
    pub fn typical(&self) -> Option<&str> {
        self.typical.as_deref()
    }
}

fn entry<'a>(
    line: &'a str,
    owners: Option<&mut (dyn Owners + '_)>,
) -> Result<(&'a str, Entry), String> {
    // From the eighth field on, colons are kept.
    let fields: Vec<&str> = line.splitn(8, ':').collect();
    let field = |at: usize| fields.get(at).copied().unwrap_or_default();
    let user = field(0);
    let has_user = fields.len() >= 4;
    let (mut uid, mut gid) = (None, None);
    if let Some(owners) = owners.filter(|_| has_user) {
        uid = owner(user, "uid", field(2), |text| owners.uid(text))?;
        gid = owner(user, "gid", field(3), |text| owners.gid(text))?;
    }
    let password = pam_form(field(1));
    let home = Some(field(5)).filter(|home| !home.is_empty()).map(str::to_owned);
    let extra = field(7).to_owned();
    let has_uid_field = fields.len() >= 3;
    Ok((user, Entry { password, uid, gid, home, extra, has_user, has_uid_field }))
}

/// A uid or gid field: a number or a system name. 0 is root's, who has no mailbox here.
fn owner(
    user: &str,
    what: &str,
    text: &str,
    number: impl FnOnce(&str) -> Option<u32>,
) -> Result<Option<u32>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match number(text) {
        Some(0) => Err(format!("user {user:?} has {what} 0, which is refused")),
        Some(number) => Ok(Some(number)),
        None => Err(format!("user {user:?} has a {what} that the system doesn't know: {text:?}")),
    }
}

/// The form of pam_pwdfile, `hash[NN]`: the number names the scheme.
fn pam_form(password: &str) -> String {
    let bare = !password.starts_with(['{', '$']);
    let split = password.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    match split.filter(|(_, number)| bare && number.parse::<u32>().is_ok()) {
        Some((hash, "34")) => format!("{{PLAIN-MD5}}{hash}"),
        Some((hash, "56")) => format!("{{DIGEST-MD5}}{hash}"),
        Some((hash, _)) => format!("{{CRYPT}}{hash}"),
        None => password.to_owned(),
    }
}

/// One password of the commonest kind.
fn typical<'a>(entries: impl Iterator<Item = &'a Entry>, default: Scheme) -> Option<String> {
    let mut kinds: HashMap<String, (usize, &str)> = HashMap::new();
    for entry in entries {
        if let Ok(stored) = StoredPassword::parse(&entry.password, default)
            && !stored.is_empty()
        {
            kinds.entry(stored.cost_class()).or_insert((0, &entry.password)).0 += 1;
        }
    }
    let most = kinds.into_values().max_by_key(|(count, _)| *count);
    most.map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemOwners;
    use proptest::prelude::*;

    fn table(text: &str) -> Table {
        Table::parse(text.as_bytes(), Scheme::Crypt, Some(&mut SystemOwners::default()))
    }

    #[test]
    fn fields_of_a_line() {
        let table = table("bob@x:{PLAIN}pw:5000:5001:Bob:/home/bob:/bin/sh:a=1 b userdb_q=*:s=5K");
        let bob = table.get("bob@x").unwrap();
        assert_eq!(
            (bob.password.as_str(), bob.uid, bob.gid),
            ("{PLAIN}pw", Some(5000), Some(5001))
        );
        assert_eq!(bob.home.as_deref(), Some("/home/bob"));
        let extra: Vec<_> = bob.extra().collect();
        assert_eq!(extra, [("a", Some("1")), ("b", None), ("userdb_q", Some("*:s=5K"))]);
        assert!(bob.has_user);
    }

    #[test]
    fn lines_that_count_for_nothing() {
        let table = table("\n#bob:x\n:bob:x\n bob:x:::\nlast:x");
        let users: Vec<_> = table.iter().map(|(user, _)| user).collect();
        assert_eq!(users, [" bob", "last"]);
        assert_eq!(table.problems, []);
    }

    #[test]
    fn the_first_duplicate_wins_and_bad_lines_are_dropped() {
        let table =
            table("a:1:::\na:2:::\nr:x:0:0::\nn:x:no-such-user-here:1::\nok:x:root:1::\nz:z::");
        assert_eq!(table.get("a").unwrap().password, "1");
        let lines: Vec<_> = table.problems.iter().map(|p| p.line).collect();
        assert_eq!(lines, [2, 3, 4, 5]);
        assert_eq!(table.len(), 2);
        assert!(!format!("{:?}", table.problems).contains("x:"));
    }

    #[test]
    fn short_lines_are_for_login_only() {
        let table = table("a\nb:pw\nc:pw:0\nd:pw::");
        let has_user: Vec<_> = table.iter().map(|(_, entry)| entry.has_user).collect();
        assert_eq!(has_user, [false, false, false, true]);
    }

    #[test]
    fn without_a_user_side_owners_are_not_read() {
        let table = Table::parse(b"a:pw:0:0::", Scheme::Crypt, None);
        assert!(table.get("a").is_some());
    }

    #[test]
    fn pam_pwdfile_numbers() {
        let table = table("a:abc[13]\nb:abc[34]\nc:$6$x[13]\nd:abc[x]");
        let get = |user| table.get(user).unwrap().password.as_str();
        assert_eq!(
            [get("a"), get("b"), get("c"), get("d")],
            ["{CRYPT}abc", "{PLAIN-MD5}abc", "$6$x[13]", "abc[x]"]
        );
    }

    #[test]
    fn the_typical_password_is_of_the_commonest_kind() {
        let table = table("a:{PLAIN}x\nb:$6$aaaa$bb\nc:$6$cccc$dd\nd:{FOO}x\ne:");
        assert!(table.typical().unwrap().starts_with("$6$"));
        assert_eq!(super::tests::table("a:").typical(), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let table = Table::parse(&bytes, Scheme::Crypt, Some(&mut SystemOwners::default()));
            for (_, entry) in table.iter() {
                let _ = entry.extra().count();
            }
        }

        #[test]
        fn never_panics_on_lines(text in "([a-z@#:\\[\\]{}= 0-9]{0,40}\n){0,8}") {
            let table = table(&text);
            prop_assert!(table.iter().all(|(user, _)| !user.contains(':')));
        }
    }
}
