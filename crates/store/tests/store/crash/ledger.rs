//! What the store acknowledged, and when; and whether a state after a power cut has it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use mailbox::{Flag, MailboxName};
use store::{Access, Account, Location, Owner};

use super::recorder::Hasty;

/// One thing that was acknowledged, or that began and may show already.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fact {
    /// A message is in a mailbox.
    Here { mailbox: &'static str, message: &'static str },
    /// It may go from now on.
    WillGo { mailbox: &'static str, message: &'static str },
    /// It is gone.
    Gone { mailbox: &'static str, message: &'static str },
    /// It was shown under a UID.
    Uid { mailbox: &'static str, validity: u32, uid: u32, message: &'static str },
    /// It has a flag.
    Flagged { mailbox: &'static str, message: &'static str, flag: &'static str },
    /// A mailbox may be there from now on.
    MailboxWillCome(&'static str),
    /// A mailbox exists.
    Mailbox(&'static str),
    /// It may go from now on, with all that is in it.
    MailboxWillGo(&'static str),
    /// It doesn't exist.
    MailboxGone(&'static str),
    /// A name is subscribed, or isn't.
    Subscribed(&'static str, bool),
    /// That may change from now on.
    WillSubscribe(&'static str),
}

/// All facts with the number of operations before them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    facts: Vec<(usize, Fact)>,
    /// Each message's content, by its name.
    pub(crate) contents: BTreeMap<&'static str, String>,
}

/// A message's name, its UID and its flags.
type Message = (String, u32, BTreeSet<String>);

/// What was found after starting anew.
#[derive(Debug, Default)]
struct Found {
    /// The mailbox's UIDVALIDITY, and what is in it.
    mailboxes: BTreeMap<String, (u32, Vec<Message>)>,
    subscribed: BTreeSet<String>,
}

impl Ledger {
    pub(crate) fn note(&mut self, after: usize, fact: Fact) {
        self.facts.push((after, fact));
    }

    /// Tells moments apart whose facts differ.
    pub(crate) fn facts_at(&self, moment: usize) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.facts.iter().filter(|(after, _)| *after <= moment).count().hash(&mut hasher);
        hasher.finish()
    }

    /// Starts anew in `home` and compares.
    pub(crate) fn check(&self, moment: usize, home: &Path) -> Result<(), String> {
        let mut account = account(home);
        let found = self.look(&mut *account)?;
        let facts: Vec<&Fact> =
            self.facts.iter().filter(|(after, _)| *after <= moment).map(|(_, fact)| fact).collect();
        for (at, fact) in facts.iter().enumerate() {
            let later = &facts[at + 1..];
            check_fact(fact, later, &found).map_err(|why| format!("{fact:?}: {why}"))?;
        }
        no_second_meaning(&facts, &found, &mut *account)
    }

    fn look(&self, account: &mut dyn Account) -> Result<Found, String> {
        let mut found = Found::default();
        let tell = |error: store::Error| format!("starting anew fails: {error}");
        for listed in account.list().map_err(tell)?.into_iter().filter(|l| l.selectable) {
            let mut session = account.open(&listed.name, Access::ReadWrite).map_err(tell)?;
            let mut messages = Vec::new();
            for entry in session.messages().to_vec() {
                let mut text = String::new();
                let mut body = session.body(entry.uid).map_err(tell)?;
                body.read_to_string(&mut text).map_err(|error| format!("torn: {error}"))?;
                let known = self.contents.iter().find(|(_, content)| **content == text);
                let Some((name, _)) = known else {
                    return Err(format!("torn or invented message: {text:?}"));
                };
                let flags = entry.flags.iter().map(|flag: &Flag| flag.to_string()).collect();
                messages.push(((*name).to_owned(), entry.uid.get(), flags));
            }
            let validity = session.uid_validity().get();
            found.mailboxes.insert(listed.name.join('/'), (validity, messages));
        }
        let subscribed = account.subscriptions().map_err(tell)?;
        found.subscribed = subscribed.iter().map(|name| name.join('/')).collect();
        Ok(found)
    }
}

fn account(home: &Path) -> Box<dyn Account> {
    let location = Location::parse("maildir:~/u/Maildir").expect("location");
    let owner = Owner { name: "u".to_owned(), home: Some(home.to_owned()) };
    store::maildir::open_on(Arc::new(Hasty), &location, &owner).expect("account")
}

/// Whether what may have begun since lets the fact be otherwise.
fn excused(fact: &Fact, later: &[&Fact]) -> bool {
    later.iter().any(|other| match (fact, other) {
        (
            Fact::Here { mailbox, message }
            | Fact::Uid { mailbox, message, .. }
            | Fact::Flagged { mailbox, message, .. },
            Fact::WillGo { mailbox: m, message: g },
        ) => mailbox == m && message == g,
        (
            Fact::Here { mailbox, .. }
            | Fact::Uid { mailbox, .. }
            | Fact::Flagged { mailbox, .. }
            | Fact::Gone { mailbox, .. }
            | Fact::Mailbox(mailbox),
            Fact::MailboxWillGo(gone),
        ) => mailbox == gone,
        (Fact::MailboxGone(name), Fact::MailboxWillCome(again)) => name == again,
        (Fact::Subscribed(name, _), Fact::WillSubscribe(other)) => name == other,
        _ => false,
    })
}

fn check_fact(fact: &Fact, later: &[&Fact], found: &Found) -> Result<(), String> {
    if excused(fact, later) {
        return Ok(());
    }
    let in_mailbox = |mailbox: &str| found.mailboxes.get(mailbox);
    let copies = |mailbox: &str, message: &str| -> Vec<&Message> {
        let messages = in_mailbox(mailbox).map(|(_, messages)| messages.as_slice());
        messages.unwrap_or_default().iter().filter(|(name, ..)| name == message).collect()
    };
    let good = match fact {
        Fact::Here { mailbox, message } => copies(mailbox, message).len() == 1,
        Fact::Gone { mailbox, message } => copies(mailbox, message).is_empty(),
        Fact::Flagged { mailbox, message, flag } => {
            copies(mailbox, message).iter().any(|(.., flags)| flags.contains(*flag))
        }
        Fact::Uid { mailbox, validity, uid, message } => {
            in_mailbox(mailbox).is_some_and(|(now, _)| now == validity)
                && copies(mailbox, message).iter().any(|(_, now, _)| now == uid)
        }
        Fact::Mailbox(name) => in_mailbox(name).is_some(),
        Fact::MailboxGone(name) => in_mailbox(name).is_none(),
        Fact::Subscribed(name, is) => found.subscribed.contains(*name) == *is,
        Fact::WillGo { .. }
        | Fact::MailboxWillGo(_)
        | Fact::MailboxWillCome(_)
        | Fact::WillSubscribe(_) => true,
    };
    if good { Ok(()) } else { Err(format!("not so: {found:?}")) }
}

/// No UID that was shown stands for another message, now or for the next that comes.
fn no_second_meaning(
    facts: &[&Fact],
    found: &Found,
    account: &mut dyn Account,
) -> Result<(), String> {
    let mut shown: BTreeMap<(&str, u32), BTreeMap<u32, &str>> = BTreeMap::new();
    for fact in facts {
        if let Fact::Uid { mailbox, validity, uid, message } = fact {
            shown.entry((mailbox, *validity)).or_default().insert(*uid, message);
        }
    }
    for ((mailbox, validity), uids) in &shown {
        let now = found.mailboxes.get(*mailbox).filter(|(now, _)| now == validity);
        for (message, uid, _) in now.into_iter().flat_map(|(_, messages)| messages) {
            if uids.get(uid).is_some_and(|before| before != message) {
                return Err(format!("{mailbox}: UID {uid} was {} and is {message}", uids[uid]));
            }
        }
        // The next message, in the mailbox or in a new one of its name.
        let name = MailboxName::parse(mailbox, '/').expect("name");
        if !account.exists(&name).map_err(|error| error.to_string())? {
            account.create(&name).map_err(|error| error.to_string())?;
        }
        let mut draft = account.draft(&name).map_err(|error| error.to_string())?;
        draft.write(b"probe").map_err(|error| error.to_string())?;
        let probe = draft.append(&mailbox::Flags::new(), None).map_err(|e| e.to_string())?;
        if probe.uid_validity.get() == *validity && uids.contains_key(&probe.uid.get()) {
            return Err(format!("{mailbox}: UID {} is given again", probe.uid));
        }
    }
    Ok(())
}
