//! What the store is made to do while it is recorded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use address::TraceId;
use mailbox::Uid;
use store::fs::SyncPoint;
use store::{Access, Account, Change, Delivery, Location, Mailbox, Owner};

use super::ledger::{Fact, Ledger};
use super::recorder::{Operation, Recorder};
use crate::scratch::{flags, name};

/// A recorded account, and what it said.
pub(crate) struct Stage {
    recorder: Arc<Recorder>,
    ledger: Ledger,
    home: PathBuf,
    deliveries: u64,
    seed: u64,
}

type Scenario = fn(&mut Stage);

/// Each with its name.
pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("subscriptions", subscriptions),
    ("killed before a sync", killed_before_a_sync),
    ("messages", messages),
    ("mailboxes", mailboxes),
    ("tidied uidlist", tidied_uidlist),
];

impl Stage {
    pub(crate) fn new(home: &Path, seed: u64, without: Option<SyncPoint>) -> Self {
        let recorder = Arc::new(Recorder::new(home, without));
        Self { recorder, ledger: Ledger::default(), home: home.to_owned(), deliveries: 0, seed }
    }

    pub(crate) fn end(self) -> (Vec<Operation>, Ledger) {
        (self.recorder.operations(), self.ledger)
    }

    fn account(&self) -> Box<dyn Account> {
        let location = Location::parse("maildir:~/u/Maildir").expect("location");
        let owner = Owner { name: "u".to_owned(), home: Some(self.home.clone()) };
        store::maildir::open_on(self.recorder.clone(), &location, &owner).expect("account")
    }

    fn note(&mut self, fact: Fact) {
        self.ledger.note(self.recorder.count(), fact);
    }

    fn content(&mut self, message: &'static str) -> String {
        let body = format!("all of {message}\r\n").repeat(5);
        let content = format!("Subject: {message}\r\n\r\n{body}");
        self.ledger.contents.insert(message, content.clone());
        content
    }

    /// By LMTP. Its name sorts before all that is appended, so that it is first to get a UID.
    fn deliver(&mut self, message: &'static str) {
        let content = self.content(message);
        self.deliveries += 1;
        let trace = TraceId::new(1_000_000_000_000 - self.deliveries, 1);
        let mut draft = self.account().draft(&name("INBOX")).expect("draft");
        draft.write(content.as_bytes()).expect("write");
        draft.deliver(&Delivery { trace, recipient: None, search: false }).expect("deliver");
        self.note(Fact::Here { mailbox: "INBOX", message });
    }

    fn append(
        &mut self,
        mailbox: &'static str,
        message: &'static str,
        flag: &[&'static str],
    ) -> Uid {
        let content = self.content(message);
        let mut draft = self.account().draft(&name(mailbox)).expect("draft");
        draft.write(content.as_bytes()).expect("write");
        let appended = draft.append(&flags(flag), None).expect("append");
        let (validity, uid) = (appended.uid_validity.get(), appended.uid.get());
        self.note(Fact::Here { mailbox, message });
        self.note(Fact::Uid { mailbox, validity, uid, message });
        for flag in flag {
            self.note(Fact::Flagged { mailbox, message, flag });
        }
        appended.uid
    }

    fn open(&mut self, mailbox: &'static str) -> Box<dyn Mailbox> {
        let mut session = self.account().open(&name(mailbox), Access::ReadWrite).expect("open");
        self.shown(mailbox, &mut *session);
        session
    }

    /// What a session shows holds.
    fn shown(&mut self, mailbox: &'static str, session: &mut dyn Mailbox) {
        let validity = session.uid_validity().get();
        for entry in session.messages().to_vec() {
            let mut text = String::new();
            let mut body = session.body(entry.uid).expect("body");
            std::io::Read::read_to_string(&mut body, &mut text).expect("read");
            let (message, _) =
                self.ledger.contents.iter().find(|(_, content)| **content == text).expect("known");
            let (uid, message) = (entry.uid.get(), *message);
            self.note(Fact::Uid { mailbox, validity, uid, message });
        }
    }

    fn refresh(&mut self, mailbox: &'static str, session: &mut dyn Mailbox) {
        session.refresh().expect("refresh");
        self.shown(mailbox, session);
    }
}

fn uid_at(session: &dyn Mailbox, place: usize) -> Uid {
    session.messages()[place].uid
}

/// A fresh account: deliveries, APPEND, flags, COPY, MOVE, EXPUNGE.
fn messages(stage: &mut Stage) {
    let add = |flag: &str| Change::Add(flags(&[flag]));
    stage.deliver("first");
    let mut inbox = stage.open("INBOX");
    let kept = stage.append("INBOX", "kept", &["\\Seen", "$Work"]);
    stage.deliver("second");
    stage.refresh("INBOX", &mut *inbox);
    let first = uid_at(&*inbox, 0);
    inbox.store(&[first], &add("\\Flagged")).expect("store");
    stage.note(Fact::Flagged { mailbox: "INBOX", message: "first", flag: "\\Flagged" });
    inbox.store(&[kept], &add("$Later")).expect("store");
    stage.note(Fact::Flagged { mailbox: "INBOX", message: "kept", flag: "$Later" });
    stage.account().create(&name("A")).expect("create");
    stage.note(Fact::Mailbox("A"));
    inbox.copy(&[first, kept], &name("A")).expect("copy");
    for message in ["first", "kept"] {
        stage.note(Fact::Here { mailbox: "A", message });
    }
    stage.note(Fact::Flagged { mailbox: "A", message: "kept", flag: "$Work" });
    drop(stage.open("A"));
    let second = uid_at(&*inbox, 2);
    stage.note(Fact::WillGo { mailbox: "INBOX", message: "second" });
    inbox.move_to(&[second], &name("A")).expect("move");
    stage.note(Fact::Here { mailbox: "A", message: "second" });
    stage.note(Fact::Gone { mailbox: "INBOX", message: "second" });
    inbox.store(&[kept], &add("\\Deleted")).expect("store");
    stage.note(Fact::WillGo { mailbox: "INBOX", message: "kept" });
    assert_eq!(inbox.expunge(&[kept]).expect("expunge").len(), 1);
    stage.note(Fact::Gone { mailbox: "INBOX", message: "kept" });
    stage.deliver("third");
}

/// A process is killed after it wrote a UID and before it synced it; another one shows that UID.
fn killed_before_a_sync(stage: &mut Stage) {
    drop(stage.open("INBOX"));
    stage.recorder.drop_syncs(Some(SyncPoint::UidlistAppend));
    let content = stage.content("unacknowledged");
    let mut draft = stage.account().draft(&name("INBOX")).expect("draft");
    draft.write(content.as_bytes()).expect("write");
    draft.append(&flags(&[]), None).expect("append");
    stage.recorder.drop_syncs(None);
    drop(stage.open("INBOX"));
    stage.deliver("later, and sorted before");
}

/// So many expunges that the uidlist is written anew.
fn tidied_uidlist(stage: &mut Stage) {
    const NAMES: [&str; 18] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r"];
    for message in NAMES {
        let content = stage.content(message);
        let mut draft = stage.account().draft(&name("INBOX")).expect("draft");
        draft.write(content.as_bytes()).expect("write");
        draft.append(&flags(&["\\Deleted"]), None).expect("append");
    }
    let mut inbox = stage.open("INBOX");
    let gone: Vec<Uid> = inbox.messages()[3..].iter().map(|entry| entry.uid).collect();
    for message in &NAMES[3..] {
        stage.note(Fact::WillGo { mailbox: "INBOX", message });
    }
    inbox.expunge(&gone).expect("expunge");
    for message in &NAMES[3..] {
        stage.note(Fact::Gone { mailbox: "INBOX", message });
    }
    stage.deliver("s");
    stage.refresh("INBOX", &mut *inbox);
    stage.append("INBOX", "t", &[]);
    stage.deliver("u");
}

/// Made, renamed, deleted, made again.
fn mailboxes(stage: &mut Stage) {
    drop(stage.open("INBOX"));
    for round in 0..2 {
        let message = ["one", "two"][round];
        stage.note(Fact::MailboxWillCome("A"));
        stage.account().create(&name("A")).expect("create");
        stage.note(Fact::Mailbox("A"));
        stage.append("A", message, &["work"]);
        stage.note(Fact::MailboxWillGo("A"));
        if round == 0 {
            stage.account().rename(&name("A"), &name("B/c")).expect("rename");
            stage.note(Fact::Mailbox("B/c"));
            stage.note(Fact::Here { mailbox: "B/c", message });
        } else {
            stage.account().delete(&name("A")).expect("delete");
        }
        stage.note(Fact::MailboxGone("A"));
    }
}

fn subscriptions(stage: &mut Stage) {
    for (mailbox, add) in [("A", true), ("B", true), ("A", false)] {
        stage.note(Fact::WillSubscribe(mailbox));
        if add {
            stage.account().subscribe(&name(mailbox)).expect("subscribe");
        } else {
            stage.account().unsubscribe(&name(mailbox)).expect("unsubscribe");
        }
        stage.note(Fact::Subscribed(mailbox, add));
    }
}

/// What comes, in an order that no person would think of, in two mailboxes and two live sessions.
pub(crate) fn walk(stage: &mut Stage) {
    const BOXES: [&str; 2] = ["INBOX", "A"];
    stage.note(Fact::MailboxWillCome("A"));
    stage.account().create(&name("A")).expect("create");
    stage.note(Fact::Mailbox("A"));
    let mut sessions = BOXES.map(|mailbox| stage.open(mailbox));
    let mut seed = stage.seed;
    let mut draw = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    // Where each message is that is in one mailbox only.
    for message in MANY {
        let (from, kind) = (draw(2), draw(4));
        match kind {
            0 => stage.deliver(message),
            1 => drop(stage.append(BOXES[from], message, &["\\Seen"])),
            _ => drop(stage.append(BOXES[from], message, &[])),
        }
        let from = if kind == 0 { 0 } else { from };
        let (here, there) = (BOXES[from], BOXES[1 - from]);
        let session = &mut sessions[from];
        stage.refresh(here, &mut **session);
        let uid = session.messages().last().expect("it").uid;
        match draw(5) {
            0 => {
                let change = Change::Add(flags(&["\\Flagged", "work"]));
                session.store(&[uid], &change).expect("store");
                stage.note(Fact::Flagged { mailbox: here, message, flag: "work" });
            }
            1 => {
                session.copy(&[uid], &name(there)).expect("copy");
                stage.note(Fact::Here { mailbox: there, message });
            }
            2 => {
                stage.note(Fact::WillGo { mailbox: here, message });
                session.move_to(&[uid], &name(there)).expect("move");
                stage.note(Fact::Here { mailbox: there, message });
                stage.note(Fact::Gone { mailbox: here, message });
            }
            3 => {
                session.store(&[uid], &Change::Add(flags(&["\\Deleted"]))).expect("store");
                stage.note(Fact::WillGo { mailbox: here, message });
                session.expunge(&[uid]).expect("expunge");
                stage.note(Fact::Gone { mailbox: here, message });
            }
            _ => {}
        }
    }
}

const MANY: [&str; 16] = [
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "b0", "b1", "b2", "b3", "b4", "b5",
];
