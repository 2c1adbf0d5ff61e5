//! On a real disk.

use std::ops::ControlFlow;

use address::EntryId;
use spool::{
    Disk, Fate, MAX_PARTS, Notice, NoticeKind, RECENT_ENTRIES, Spool, SpoolError, Verdict,
    derived_id,
};

use crate::sample::{head, offer, trace};

const BODY: &[u8] = b"Subject: x\r\n\r\nhello\r\n";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Spool<Disk> {
        Spool::open(Disk::open(&self.folder.path().join("spool")).unwrap()).unwrap().0
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.folder.path().join("spool").join(folder))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
        names.sort();
        names
    }
}

fn ids(spool: &Spool<Disk>) -> Vec<EntryId> {
    let mut ids = Vec::new();
    spool
        .scan(|id| {
            ids.push(id);
            ControlFlow::Continue(())
        })
        .unwrap();
    ids.sort();
    ids
}

#[test]
fn the_life_of_an_entry() {
    let place = Place::new();
    let spool = place.open();
    let to = ["b@c.test", "d@e.test"];
    let id = offer(&spool, head(trace(1), &to), BODY).unwrap().id;
    assert_eq!(id, EntryId::new(trace(1), 1));
    assert_eq!(place.names("tmp"), [""; 0]);
    assert_eq!(place.names("queue"), [id.to_string()]);
    let entry = spool.load(id).unwrap();
    assert_eq!((entry.size, entry.head.total()), (BODY.len() as u64, 2));
    let mut body = spool.body(id).unwrap();
    let mut bytes = vec![0; 1000];
    let read = body.read(&mut bytes).unwrap();
    assert_eq!(&bytes[..read], BODY);
    assert_eq!(body.read(&mut bytes).unwrap(), 0);
    assert_eq!(body.beginning(7).unwrap(), b"Subject");
    assert_eq!(spool.due(id).unwrap(), (0, 0));

    let update = spool
        .update(id, |_, state| {
            state.recipient_mut(0).fate = Fate::Delivered;
            let second = state.recipient_mut(1);
            second.next = 500;
            second.last = 400;
            second.verdict = Some(Verdict::new("4.4.1", "connect to x: refused", "none"));
        })
        .unwrap();
    assert!(!update.settled);
    assert_eq!(spool.due(id).unwrap(), (500, 400));
    assert_eq!(place.names("state"), [id.to_string()]);

    let notice = Notice::new(1, NoticeKind::Failure, derived_id(id, 1, 9), 9, vec![1]);
    let update = spool
        .update(id, |_, state| {
            state.recipient_mut(1).fate = Fate::Failed;
            state.recipient_mut(1).owed = Some(NoticeKind::Failure);
            assert_eq!(state.owing(NoticeKind::Failure, 2), [1]);
            state.fix(notice.clone());
        })
        .unwrap();
    assert!(!update.settled && update.state.notices() == [notice]);
    let update = spool.update(id, |_, state| state.drop_notice(1)).unwrap();
    assert!(update.settled);
    for folder in ["tmp", "queue", "state", "corrupt"] {
        assert_eq!(place.names(folder), [""; 0], "{folder}");
    }
    assert!(spool.load(id).unwrap_err().is_not_found());
}

#[test]
fn the_same_message_again_is_the_same_entry() {
    let place = Place::new();
    let spool = place.open();
    let to = ["b@c.test"];
    let first = offer(&spool, head(trace(1), &to), BODY).unwrap();
    let again = offer(&spool, head(trace(1), &to), BODY).unwrap();
    assert_eq!((again.id, first.known, again.known), (first.id, false, true));
    // After a restart the table is empty: the files tell.
    drop(spool);
    let spool = place.open();
    let again = offer(&spool, head(trace(1), &to), BODY).unwrap();
    assert_eq!((again.id, again.known), (first.id, true));
    // Delivered meanwhile: the table knows.
    let update = spool.update(first.id, |_, state| state.recipient_mut(0).fate = Fate::Delivered);
    assert!(update.unwrap().settled);
    let again = offer(&spool, head(trace(1), &to), BODY).unwrap();
    assert!(again.known);
    assert_eq!(ids(&spool), []);
    // Deleted by the operator: it may come again.
    let other = offer(&spool, head(trace(2), &to), BODY).unwrap();
    spool.delete(other.id).unwrap();
    assert!(!offer(&spool, head(trace(2), &to), BODY).unwrap().known);
    assert_eq!(place.names("tmp"), [""; 0]);
}

#[test]
fn another_message_under_the_same_trace_id_is_a_further_entry() {
    let place = Place::new();
    let spool = place.open();
    let part = |part| EntryId::new(trace(1), part);
    let id = |to: &[&str], body: &[u8]| offer(&spool, head(trace(1), to), body).unwrap().id;
    assert_eq!(id(&["b@c.test"], BODY), part(1));
    assert_eq!(id(&["b@c.test", "x@y.test"], BODY), part(2));
    assert_eq!(id(&["b@c.test"], b"Subject: y\r\n\r\n"), part(3));
    assert_eq!(id(&["x@y.test", "b@c.test"], BODY), part(2), "in whatever order");
    assert_eq!(ids(&spool), [part(1), part(2), part(3)]);
    assert!(RECENT_ENTRIES > usize::from(MAX_PARTS));
}

#[test]
fn one_owner_at_a_time() {
    let place = Place::new();
    let _spool = place.open();
    let second = Disk::open(&place.folder.path().join("spool"));
    assert_eq!(second.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_start_clears_up_and_leaves_what_it_does_not_know() {
    let place = Place::new();
    let id = offer(&place.open(), head(trace(1), &["b@c.test"]), BODY).unwrap().id;
    let root = place.folder.path().join("spool");
    std::fs::write(root.join("tmp/17"), "half a mess").unwrap();
    std::fs::write(root.join("state").join(trace(9).to_string()), "of nobody").unwrap();
    std::fs::write(root.join("queue/README"), "not ours").unwrap();
    let (spool, recovery) = Spool::open(Disk::open(&root).unwrap()).unwrap();
    assert_eq!((recovery.drafts, recovery.leaving), (1, 1));
    assert_eq!(ids(&spool), [id]);
    assert_eq!(place.names("queue"), [id.to_string(), "README".to_owned()]);
}

#[test]
fn what_cannot_be_read_is_set_aside() {
    let place = Place::new();
    let spool = place.open();
    let id = offer(&spool, head(trace(1), &["b@c.test"]), BODY).unwrap().id;
    let root = place.folder.path().join("spool");
    // A record of zeros: the message is as if never tried.
    std::fs::write(root.join("state").join(id.to_string()), [0; 100]).unwrap();
    let error = spool.load(id).unwrap_err();
    assert!(matches!(error, SpoolError::State { .. }), "{error}");
    assert!(spool.due(id).is_err());
    spool.quarantine(id, &error).unwrap();
    assert_eq!(spool.load(id).unwrap().state.pending(1).count(), 1);
    // A torn message.
    let path = root.join("queue").join(id.to_string());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let error = spool.load(id).unwrap_err();
    assert!(error.to_string().contains("octets of content"), "{error}");
    spool.quarantine(id, &error).unwrap();
    assert!(spool.load(id).unwrap_err().is_not_found());
    assert_eq!(place.names("corrupt").len(), 2);
    // One from a newer program stays where it is.
    std::fs::write(&path, "Dovetail-Queue-Message 2\nanything\n\n").unwrap();
    let error = spool.load(id).unwrap_err();
    spool.quarantine(id, &error).unwrap();
    assert_eq!(place.names("queue"), [id.to_string()]);
}

#[test]
fn a_draft_that_is_dropped_leaves_nothing() {
    let place = Place::new();
    let spool = place.open();
    let mut draft = spool.draft(head(trace(1), &["b@c.test"])).unwrap();
    draft.write(BODY).unwrap();
    assert_eq!(place.names("tmp").len(), 1);
    drop(draft);
    assert_eq!(place.names("tmp"), [""; 0]);
    assert!(spool.free_space().unwrap() > 0);
}

#[test]
fn two_offers_of_one_message_at_the_same_time() {
    let place = Place::new();
    let spool = place.open();
    let committed: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| offer(&spool, head(trace(1), &["b@c.test"]), BODY).unwrap()))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(committed.iter().all(|one| one.id == committed[0].id));
    assert_eq!(committed.iter().filter(|one| !one.known).count(), 1);
}
