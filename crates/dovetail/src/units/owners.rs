//! Who owns mail, by the userdb's word: each user is asked about, as lmtpd would ask.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use auth_client::{Place, User, UserClient};
use lmtpd::Settings;

use crate::auth;
use crate::exit::Failure;

/// What look-ups name as their service.
const SERVICE: &str = "lmtp";
/// Users named for each thing that is said about many.
const NAMED: usize = 5;

/// What the userdb says of all users together.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// How many users there are.
    pub(super) users: usize,
    /// Each uid that needs an instance, with the gid that the userdb says first.
    pub(super) instances: BTreeMap<u32, Option<u32>>,
    /// Homes.
    pub(super) homes: BTreeSet<PathBuf>,
    /// Users who get no mail as things are, each with the reason.
    pub(super) without: Vec<(String, String)>,
    /// Uids whose users have several gids.
    mixed: BTreeSet<u32>,
}

/// Asks about every user.
///
/// # Errors
/// One answer that can't be had makes the whole list worth nothing.
pub(super) async fn ask(
    client: &UserClient,
    settings: &Settings,
    front: u32,
) -> Result<Owners, Failure> {
    let mut owners = Owners::default();
    for name in client.list().await.map_err(auth::away)? {
        // One that was removed meanwhile is nobody.
        if let Some(user) = client.user(&name, SERVICE).await.map_err(auth::away)? {
            owners.add(user, settings, front);
        }
    }
    Ok(owners)
}

impl Owners {
    fn add(&mut self, user: User, settings: &Settings, front: u32) {
        self.users += 1;
        match Place::of(&user, front, settings.minimum_uid) {
            Err(why) => return self.without.push((user.name, why.to_string())),
            Ok(Place::Here) => {}
            Ok(Place::Instance(uid)) => {
                let known = self.instances.entry(uid).or_insert(user.gid);
                if *known != user.gid {
                    self.mixed.insert(uid);
                }
            }
        }
        self.homes.extend(user.home.clone());
        let name = user.name.clone();
        if let Err(why) = lmtpd::mail_place(user, settings) {
            self.without.push((name, why));
        }
    }

    /// What an operator should know; nothing of it is mended here.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, why) in &self.without {
            reasons.entry(why).or_default().push(name);
        }
        let mut notes: Vec<String> = reasons
            .into_iter()
            .map(|(why, names)| {
                let more = names.len().saturating_sub(NAMED);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                let some: Vec<&str> = names.into_iter().take(NAMED).collect();
                format!("no mail for {}{more}: {why}", some.join(", "))
            })
            .collect();
        for uid in &self.mixed {
            notes.push(format!(
                "the users of uid {uid} have several gids in the userdb: its instance runs with one"
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemon::{Config, Daemon as _};

    pub(crate) fn settings() -> Settings {
        let files = lmtpd::Lmtpd::files();
        let mail = "mail_roots = [\"/var/vmail\"]";
        let config = Config::from_texts("lmtpd", &files, &[("mail", mail)]).unwrap();
        lmtpd::Lmtpd::settings(&config).unwrap()
    }

    fn user(name: &str, uid: Option<u32>, gid: Option<u32>, home: &str) -> User {
        let home = Some(home.into());
        User { name: name.into(), uid, gid, home, fields: BTreeMap::new() }
    }

    #[test]
    fn instances_and_those_without_mail() {
        let (settings, mut owners) = (settings(), Owners::default());
        for user in [
            user("own", Some(5000), None, "/var/vmail/own"),
            user("none", None, None, "/var/vmail/none"),
            user("ann", Some(1001), Some(1001), "/var/vmail/ann"),
            user("bob", Some(1001), Some(8), "/var/vmail/bob"),
            user("cat", Some(1002), None, "/home/cat"),
            user("root", Some(0), Some(0), "/root"),
            user("www", Some(33), Some(33), "/var/www"),
        ] {
            owners.add(user, &settings, 5000);
        }
        assert_eq!(owners.users, 7);
        assert_eq!(owners.instances, [(1001, Some(1001)), (1002, None)].into());
        let without: Vec<&str> = owners.without.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(without, ["cat", "root", "www"]);
        let notes = owners.notes().join("\n");
        assert!(notes.contains("no mail for cat: /home/cat/Maildir"), "{notes}");
        assert!(notes.contains("several gids"), "{notes}");
    }
}
