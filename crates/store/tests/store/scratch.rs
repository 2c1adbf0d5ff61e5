//! A scratch account, and short words for what the tests do with it.

use std::path::{Path, PathBuf};

use mailbox::{Flag, Flags, MailboxName, Uid};
use store::{Access, Account, Location, Mailbox, Owner};

/// An account in a folder that goes when this does.
pub(crate) struct Scratch {
    pub(crate) dir: tempfile::TempDir,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("scratch folder") }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.dir.path().join("Maildir")
    }

    pub(crate) fn account(&self) -> Box<dyn Account> {
        account_in(self.dir.path())
    }

    pub(crate) fn open(&self, mailbox: &str) -> Box<dyn Mailbox> {
        self.account().open(&name(mailbox), Access::ReadWrite).expect("open")
    }

    pub(crate) fn append(&self, mailbox: &str, content: &str, flags: &[&str]) -> Uid {
        append(&mut *self.account(), mailbox, content, flags)
    }

    /// Names of the files in `PART` of INBOX, sorted.
    pub(crate) fn files(&self, part: &str) -> Vec<String> {
        files(&self.root().join(part))
    }
}

pub(crate) fn account_in(home: &Path) -> Box<dyn Account> {
    let location = Location::parse("maildir:~/Maildir").expect("location");
    let owner = Owner { name: "u@example.test".to_owned(), home: Some(home.to_owned()) };
    store::maildir::open(&location, &owner).expect("account")
}

pub(crate) fn append(
    account: &mut dyn Account,
    mailbox: &str,
    content: &str,
    flag: &[&str],
) -> Uid {
    let mut draft = account.draft(&name(mailbox)).expect("draft");
    draft.write(content.as_bytes()).expect("write");
    draft.append(&flags(flag), None).expect("append").uid
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("folder");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

pub(crate) fn name(text: &str) -> MailboxName {
    MailboxName::parse(text, '/').expect("a mailbox name")
}

pub(crate) fn flags(texts: &[&str]) -> Flags {
    texts.iter().map(|text| Flag::parse(text).expect("a flag")).collect()
}

pub(crate) fn uid(number: u32) -> Uid {
    Uid::new(number).expect("not 0")
}

/// `UID flags`, with `*` for recent ones.
pub(crate) fn show(mailbox: &dyn Mailbox) -> Vec<String> {
    let entry = |e: &store::Entry| {
        format!("{}{} {}", e.uid, if e.recent { "*" } else { "" }, e.flags).trim().to_owned()
    };
    mailbox.messages().iter().map(entry).collect()
}

pub(crate) fn text(mailbox: &mut dyn Mailbox, number: u32) -> String {
    let mut text = String::new();
    let mut body = mailbox.body(uid(number)).expect("body");
    std::io::Read::read_to_string(&mut body, &mut text).expect("read");
    text
}
