//! Messages: put in, seen by several sessions, flagged, copied, removed.

use address::TraceId;
use store::{Access, Change, Changes, Delivered, Delivery, Kind};

use crate::scratch::{Scratch, append, files, flags, name, show, text, uid};

fn deliver(scratch: &Scratch, trace: TraceId, recipient: Option<&str>, search: bool) -> Delivered {
    let mut draft = scratch.account().draft(&name("INBOX")).expect("draft");
    draft.write(b"Subject: x\r\n\r\nbody\r\n").expect("write");
    let recipient = recipient.map(str::to_owned);
    draft.deliver(&Delivery { trace, recipient, search }).expect("deliver")
}

#[test]
fn append_gives_uids_and_keeps_content() {
    let scratch = Scratch::new();
    assert_eq!(scratch.append("INBOX", "a\r\nb\r\n", &[]), uid(1));
    assert_eq!(scratch.append("INBOX", "lone\n", &["\\Seen", "$Forwarded", "\\Draft"]), uid(2));
    assert!(files(&scratch.root().join("tmp")).is_empty());
    let new = scratch.files("new");
    assert!(new[0].ends_with(",S=4,W=6"), "{new:?}");
    let cur = scratch.files("cur");
    assert!(cur[0].ends_with(",S=5,W=6:2,DSa"), "{cur:?}");
    assert_eq!(std::fs::read(scratch.root().join("new").join(&new[0])).expect("file"), b"a\nb\n");
    let mut session = scratch.open("INBOX");
    assert_eq!(show(&*session), ["1*", "2 \\Seen \\Draft $Forwarded"]);
    assert_eq!(text(&mut *session, 1), "a\r\nb\r\n");
    assert_eq!(text(&mut *session, 2), "lone\r\n");
    assert_eq!(session.size(uid(2)).expect("size"), 6);
    assert_eq!(session.uid_next(), uid(3));
    assert_eq!(session.keywords().len(), 1);
    let mut account = scratch.account();
    let mut draft = account.draft(&name("INBOX")).expect("draft");
    draft.write(b"x").expect("write");
    let appended = draft.append(&flags(&[]), Some(1_000_000_000)).expect("append");
    assert_eq!(appended.uid_validity, session.uid_validity());
    let changes = session.refresh().expect("refresh");
    assert_eq!(changes, Changes { appeared: 1, ..Changes::default() });
    assert_eq!(session.internal_date(appended.uid).expect("date"), 1_000_000_000);
    drop(account.draft(&name("INBOX")).expect("draft"));
    assert!(files(&scratch.root().join("tmp")).is_empty(), "an abandoned draft leaves nothing");
}

#[test]
fn a_draft_reads_back() {
    let scratch = Scratch::new();
    let mut draft = scratch.account().draft(&name("INBOX")).expect("draft");
    let line = "0123456789abcdef\r\n".repeat(10_000);
    draft.write(line.as_bytes()).expect("write");
    assert_eq!(draft.octets(), line.len() as u64);
    let mut back = String::new();
    let mut body = draft.read_back().expect("read back");
    std::io::Read::read_to_string(&mut body, &mut back).expect("read");
    assert!(back == line);
    assert!(draft.append(&flags(&[]), None).is_ok());
}

#[test]
fn recent_belongs_to_the_first_read_write_session() {
    let scratch = Scratch::new();
    scratch.append("INBOX", "1", &[]);
    let mut account = scratch.account();
    let looker = account.open(&name("INBOX"), Access::ReadOnly).expect("examine");
    assert_eq!(show(&*looker), ["1*"]);
    assert_eq!(account.status(&name("INBOX")).expect("status").recent, 1);
    let first = scratch.open("INBOX");
    let second = scratch.open("INBOX");
    assert_eq!((show(&*first), show(&*second)), (vec!["1*".to_owned()], vec!["1".to_owned()]));
    assert_eq!(account.status(&name("INBOX")).expect("status").recent, 0);
    assert!(scratch.files("cur")[0].ends_with(":2,"));
}

#[test]
fn sessions_see_each_other() {
    let scratch = Scratch::new();
    for n in 0..4 {
        scratch.append("INBOX", &n.to_string(), &[]);
    }
    let (mut a, mut b) = (scratch.open("INBOX"), scratch.open("INBOX"));
    a.store(&[uid(1), uid(3)], &Change::Add(flags(&["\\Deleted", "work"]))).expect("store");
    assert_eq!(show(&*a)[0], "1* \\Deleted work");
    let changes = b.refresh().expect("refresh");
    assert_eq!((changes.changed, changes.keywords), (vec![uid(1), uid(3)], true));
    b.store(&[uid(3)], &Change::Remove(flags(&["\\Deleted"]))).expect("store");
    b.store(&[uid(4)], &Change::Replace(flags(&["\\Seen"]))).expect("store");
    // `a` hasn't heard that 3 isn't deleted any more; what counts is what is.
    let all: Vec<_> = (1..=4).map(uid).collect();
    assert_eq!(a.expunge(&all).expect("expunge"), [(0, uid(1))]);
    assert_eq!(show(&*a), ["2*", "3* \\Deleted work", "4*"], "the rest waits for a refresh");
    let changes = a.refresh().expect("refresh");
    assert_eq!(changes.changed, [uid(3), uid(4)]);
    assert_eq!(show(&*a), ["2*", "3* work", "4* \\Seen"]);
    assert_eq!(text(&mut *b, 2), "1");
    assert_eq!(b.body(uid(1)).err().expect("gone").kind(), Kind::Gone);
    b.store(&[uid(1)], &Change::Add(flags(&["\\Seen"]))).expect("passed over");
    let changes = b.refresh().expect("refresh");
    assert_eq!(changes.expunged, [(0, uid(1))]);
    assert!(b.refresh().expect("nothing").is_empty());
}

#[test]
fn a_name_changed_by_others_is_found() {
    let scratch = Scratch::new();
    scratch.append("INBOX", "x", &["\\Seen"]);
    let mut session = scratch.open("INBOX");
    let cur = scratch.root().join("cur");
    let rename = |to: &str| {
        let from = scratch.files("cur")[0].clone();
        let base = from.split(":2,").next().expect("base").to_owned();
        std::fs::rename(cur.join(&from), cur.join(format!("{base}:2,{to}"))).expect("rename");
    };
    rename("FS");
    assert_eq!(text(&mut *session, 1), "x");
    rename("F");
    session.store(&[uid(1)], &Change::Add(flags(&["\\Answered"]))).expect("store");
    assert_eq!(show(&*session), ["1 \\Answered \\Flagged"]);
    rename("");
    assert_eq!(session.refresh().expect("refresh").changed, [uid(1)]);
}

#[test]
fn what_others_drop_in_gets_uids_in_order_of_arrival() {
    let scratch = Scratch::new();
    let mut session = scratch.open("INBOX");
    let new = scratch.root().join("new");
    for base in ["200.M1P1.h", "100.M9P1.h", "100.M80P1.h"] {
        std::fs::write(new.join(base), format!("{base}\n")).expect("write");
    }
    assert_eq!(session.refresh().expect("refresh").appeared, 3);
    assert_eq!(text(&mut *session, 1), "100.M9P1.h\r\n");
    assert_eq!(text(&mut *session, 3), "200.M1P1.h\r\n");
    assert_eq!(session.size(uid(3)).expect("counted"), 12);
    assert!(scratch.files("new").is_empty());
    // One that comes back after it was gone is another message.
    let file = scratch.root().join("cur/100.M80P1.h:2,");
    let aside = scratch.root().join("aside");
    std::fs::rename(&file, &aside).expect("take out");
    assert_eq!(session.refresh().expect("refresh").expunged, [(1, uid(2))]);
    std::fs::rename(&aside, &file).expect("put back");
    assert_eq!(session.refresh().expect("refresh").appeared, 1);
    assert_eq!(show(&*session), ["1*", "3*", "4"]);
    // Two files of one name, not links of one another: two messages.
    std::fs::write(scratch.root().join("cur/100.M9P1.h:2,S"), "twin").expect("write");
    assert_eq!(session.refresh().expect("refresh").appeared, 1);
    assert_eq!(session.messages().len(), 4);
}

#[test]
fn copies_and_moves() {
    let scratch = Scratch::new();
    let mut account = scratch.account();
    account.create(&name("A")).expect("create");
    append(&mut *account, "A", "there", &["later"]);
    for (content, flag) in [("1", &["work"][..]), ("2", &[]), ("3", &["\\Seen", "later"])] {
        append(&mut *account, "INBOX", content, flag);
    }
    let mut session = scratch.open("INBOX");
    let date = session.internal_date(uid(3)).expect("date");
    let copied = session.copy(&[uid(3), uid(1), uid(9)], &name("A")).expect("copy");
    assert_eq!(copied.pairs, [(uid(1), uid(2)), (uid(3), uid(3))]);
    let (moved, gone) = session.move_to(&[uid(2)], &name("A")).expect("move");
    assert_eq!((moved.pairs, gone), (vec![(uid(2), uid(4))], vec![(1, uid(2))]));
    assert_eq!(session.messages().len(), 2);
    let mut target = scratch.open("A");
    assert_eq!(show(&*target), ["1 later", "2 work", "3 \\Seen later", "4*"]);
    assert_eq!(target.uid_validity(), copied.uid_validity);
    assert_eq!((text(&mut *target, 3), text(&mut *target, 4)), ("3".into(), "2".into()));
    assert_eq!(target.internal_date(uid(3)).expect("date"), date);
    let list = std::fs::read_to_string(scratch.root().join(".A/dovecot-uidlist")).expect("list");
    assert_eq!(list.matches(" G").count(), 4, "mailbox and three copies: {list}");
    // Into itself, and where nothing is.
    let same = session.copy(&[uid(1)], &name("INBOX")).expect("copy");
    assert_eq!(same.pairs, [(uid(1), uid(4))]);
    assert_eq!(session.refresh().expect("refresh").appeared, 1);
    assert_eq!(session.copy(&[uid(1)], &name("none")).expect_err("none").kind(), Kind::NotFound);
}

#[test]
fn read_only_sessions_change_nothing() {
    let scratch = Scratch::new();
    scratch.append("INBOX", "x", &[]);
    let mut account = scratch.account();
    let mut session = account.open(&name("INBOX"), Access::ReadOnly).expect("examine");
    let change = Change::Add(flags(&["\\Seen"]));
    assert_eq!(session.store(&[uid(1)], &change).expect_err("no").kind(), Kind::ReadOnly);
    assert_eq!(session.expunge(&[uid(1)]).expect_err("no").kind(), Kind::ReadOnly);
    assert!(!session.can_create_keywords());
    let moved = session.move_to(&[uid(1)], &name("INBOX"));
    assert_eq!(moved.expect_err("no").kind(), Kind::ReadOnly);
}

#[test]
fn a_delivery_is_stored_once_for_each_recipient() {
    let scratch = Scratch::new();
    let trace = TraceId::new(1_795_548_153_502, 77);
    assert_eq!(deliver(&scratch, trace, None, false), Delivered::Stored);
    assert_eq!(deliver(&scratch, trace, None, false), Delivered::AlreadyThere, "same name");
    assert_eq!(deliver(&scratch, trace, Some("u+a@x"), true), Delivered::Stored);
    assert_eq!(scratch.files("new").len(), 2);
    let mut session = scratch.open("INBOX");
    session.store(&[uid(1), uid(2)], &Change::Add(flags(&["\\Seen"]))).expect("store");
    for recipient in [None, Some("u+a@x")] {
        assert_eq!(deliver(&scratch, trace, recipient, true), Delivered::AlreadyThere);
    }
    assert_eq!(scratch.files("new").len() + scratch.files("cur").len(), 2);
    assert!(scratch.files("tmp").is_empty());
}

#[test]
fn a_broken_uidlist_gives_new_uids_and_loses_nothing() {
    let scratch = Scratch::new();
    for n in 0..3 {
        scratch.append("INBOX", &n.to_string(), &["\\Seen"]);
    }
    let mut session = scratch.open("INBOX");
    let validity = session.uid_validity();
    let list = scratch.root().join("dovecot-uidlist");
    let mut content = std::fs::read_to_string(&list).expect("list");
    content.push_str("20 no name\n");
    std::fs::write(&list, content).expect("write");
    let changes = session.refresh().expect("refresh");
    assert_eq!((changes.expunged.len(), changes.appeared), (3, 3));
    assert_eq!(show(&*session)[0], "21 \\Seen");
    assert_eq!(session.uid_validity(), validity);
    std::fs::remove_file(&list).expect("remove");
    assert_eq!(session.refresh().expect_err("new validity").kind(), Kind::Reset);
    assert_eq!(show(&*scratch.open("INBOX")), ["1 \\Seen", "2 \\Seen", "3 \\Seen"]);
}

#[test]
fn many_at_once_lose_nothing_and_share_no_uid() {
    const EACH: usize = 15;
    let scratch = Scratch::new();
    scratch.open("INBOX");
    std::thread::scope(|scope| {
        for thread in 0..3u64 {
            let scratch = &scratch;
            scope.spawn(move || {
                for n in 0..EACH {
                    scratch.append("INBOX", "x", &["\\Deleted"]);
                    let trace = TraceId::new(1000 + n as u64, u128::from(thread) << 8 | n as u128);
                    deliver(scratch, trace, None, false);
                    let mut session = scratch.open("INBOX");
                    let first = session.messages()[0].uid;
                    let change = Change::Add(flags(&["\\Seen"]));
                    session.store(&[first], &change).expect("store");
                }
            });
        }
    });
    let session = scratch.open("INBOX");
    assert_eq!(session.messages().len(), 6 * EACH);
    assert_eq!(session.uid_next(), uid(6 * EACH as u32 + 1), "each got one UID, once");
}
