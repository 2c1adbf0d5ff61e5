//! The real Dovecot's imap on the same Maildir: by turns, in live sessions, and at the same time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use address::TraceId;
use store::{Change, Delivery, Mailbox};
use support::{Line, tools};

use crate::scratch::{Scratch, append, flags, name, show, text, uid};

const IMAP: &str = "/usr/lib/dovecot/imap";

/// An account that both may use: Dovecot refuses to run as root, so where the test does, Dovecot is
/// `nobody`, and the folder's mode lets both in.
fn shared() -> Scratch {
    tools::need(IMAP, "dovecot-imapd");
    let scratch = Scratch::new();
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    open(scratch.dir.path(), 0o777);
    scratch.open("INBOX");
    open(&scratch.root(), 0o777);
    for part in ["cur", "new", "tmp"] {
        open(&scratch.root().join(part), 0o777);
    }
    for file in ["dovecot-uidlist", "dovecot-uidvalidity"] {
        open(&scratch.root().join(file), 0o666);
    }
    let config = "mail_location = maildir:~/Maildir\nlog_path = /dev/stderr\nssl = no\n\
        protocols = imap\nnamespace inbox {\n  inbox = yes\n  separator = /\n}\n\
        mail_max_lock_timeout = 20s\n";
    let base = scratch.dir.path().join("run");
    let text = format!("base_dir = {}\n{config}", base.display());
    fs::write(scratch.dir.path().join("dovecot.conf"), text).expect("configuration");
    scratch
}

fn dovecot(scratch: &Scratch) -> Line {
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", IMAP]);
        command
    } else {
        Command::new(IMAP)
    };
    let home = scratch.dir.path();
    command.env_clear().env("HOME", home).env("USER", "u").env("PATH", "/usr/bin:/bin");
    let mut line = Line::program(command.arg("-c").arg(home.join("dovecot.conf")));
    let greeting = line.hear().expect("a greeting");
    assert!(greeting.starts_with("* PREAUTH"), "{greeting}");
    line
}

/// `UID flags` of all messages, flags sorted, as [`show`] has it without `*`.
fn theirs(line: &mut Line) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for text in line.imap("f FETCH 1:* (UID FLAGS)", "") {
        let Some(rest) = text.split(" FETCH (UID ").nth(1) else { continue };
        let (uid, rest) = rest.split_once(" FLAGS (").expect("FLAGS");
        let flags = rest.split(')').next().expect("closed");
        shown.push(sorted(uid, flags));
    }
    shown
}

fn ours(mailbox: &dyn Mailbox) -> Vec<String> {
    let entries = mailbox.messages().iter();
    entries.map(|entry| sorted(&entry.uid.to_string(), &entry.flags.to_string())).collect()
}

fn sorted(uid: &str, flags: &str) -> String {
    let mut flags: Vec<&str> = flags.split(' ').filter(|f| *f != "\\Recent").collect();
    flags.sort_unstable();
    format!("{uid} {}", flags.join(" ")).trim().to_owned()
}

fn number(lines: &[String], key: &str) -> u32 {
    let found = lines.iter().find_map(|line| line.split(&format!("{key} ")).nth(1));
    let digits = found.expect("it is there").split(|c: char| !c.is_ascii_digit()).next();
    digits.and_then(|digits| digits.parse().ok()).expect("a number")
}

#[test]
fn dovecot_reads_what_we_wrote() {
    let scratch = shared();
    let mut account = scratch.account();
    for mailbox in ["Entwürfe", "A/B"] {
        account.create(&name(mailbox)).expect("create");
        account.subscribe(&name(mailbox)).expect("subscribe");
    }
    for n in 1..=6 {
        let content = format!("Subject: {n}\r\n\r\nline\r\n");
        append(&mut *account, "INBOX", &content, [&[][..], &["\\Seen", "$Work"]][n % 2]);
    }
    for n in 0..3 {
        let mut draft = account.draft(&name("INBOX")).expect("draft");
        draft.write(b"Subject: delivered\r\n\r\nx\r\n").expect("write");
        let trace = TraceId::new(1_795_548_153_000 + n, 1);
        draft.deliver(&Delivery { trace, recipient: None, search: false }).expect("deliver");
    }
    let mut session = scratch.open("INBOX");
    session.store(&[uid(2), uid(4)], &Change::Add(flags(&["\\Deleted", "z-last"]))).expect("store");
    session.expunge(&[uid(4)]).expect("expunge");
    session.copy(&[uid(1), uid(2), uid(9)], &name("Entwürfe")).expect("copy");
    session.move_to(&[uid(3)], &name("A/B")).expect("move");

    let mut line = dovecot(&scratch);
    let selected = line.imap("a SELECT INBOX", "OK");
    assert_eq!(theirs(&mut line), ours(&*session));
    assert_eq!(number(&selected, "UIDVALIDITY"), session.uid_validity().get());
    assert_eq!(number(&selected, "UIDNEXT"), session.uid_next().get());
    let fetched = line.imap("b FETCH 1:* (UID RFC822.SIZE INTERNALDATE)", "OK");
    for (entry, fetched) in session.messages().to_vec().iter().zip(&fetched) {
        let size = session.size(entry.uid).expect("size");
        assert!(fetched.contains(&format!("RFC822.SIZE {size} ")), "{fetched}");
    }
    let listed = line.imap("c LIST \"\" *", "OK");
    for mailbox in ["Entw&APw-rfe", "A/B", "INBOX"] {
        assert!(listed.iter().any(|line| line.ends_with(&format!(" {mailbox}"))), "{listed:?}");
    }
    assert_eq!(line.imap("d LSUB \"\" *", "OK").len(), 3, "two and the tagged line");
    for mailbox in ["Entwürfe", "A/B"] {
        let session = scratch.open(mailbox);
        let wire = mailbox::utf7::encode(mailbox);
        let selected = line.imap(&format!("e SELECT \"{wire}\""), "OK");
        assert_eq!(theirs(&mut line), ours(&*session), "{mailbox}");
        assert_eq!(number(&selected, "UIDVALIDITY"), session.uid_validity().get());
    }
    let body = line.imap("g SELECT INBOX", "OK").len() + line.imap("h FETCH 1 BODY[]", "OK").len();
    assert!(body > 0);
    assert!(line.said().contains("S: Subject: 1\n"), "{}", line.said());
    line.imap("i LOGOUT", "OK");
    assert!(session.refresh().is_ok());
}

#[test]
fn we_read_what_dovecot_wrote() {
    let scratch = shared();
    let mut line = dovecot(&scratch);
    line.imap("a SELECT INBOX", "OK");
    for n in 1..=5 {
        let flags = ["", "(\\Seen Junk)", "(\\Draft $Forwarded)"][n % 3];
        line.imap(&format!("b APPEND INBOX {flags} {{11+}}\r\nSubject: {n}\n"), "OK");
    }
    line.imap("c STORE 2:3 +FLAGS (\\Flagged \\Deleted NewOne)", "OK");
    line.imap("d UID EXPUNGE 3", "OK");
    line.imap("e CREATE \"Caf&AOk-/deep\"", "OK");
    line.imap("f SUBSCRIBE \"Caf&AOk-/deep\"", "OK");
    line.imap("g COPY 1:2 \"Caf&AOk-/deep\"", "OK");
    line.imap("h MOVE 1 \"Caf&AOk-/deep\"", "OK");
    line.imap("i RENAME \"Caf&AOk-\" \"Th&AOk-\"", "OK");
    let inbox = theirs(&mut line);
    let mut account = scratch.account();
    let mut session = scratch.open("INBOX");
    assert_eq!(ours(&*session), inbox);
    let status = line.imap("j STATUS INBOX (UIDVALIDITY UIDNEXT)", "OK");
    assert_eq!(number(&status, "UIDVALIDITY"), session.uid_validity().get());
    assert_eq!(number(&status, "UIDNEXT"), session.uid_next().get());
    assert_eq!(text(&mut *session, 2), "Subject: 2\r\n");
    assert_eq!(session.size(uid(2)).expect("size"), 12);
    line.imap("k SELECT \"Th&AOk-/deep\"", "OK");
    let deep = scratch.open("Thé/deep");
    assert_eq!(ours(&*deep), theirs(&mut line));
    assert!(account.exists(&name("Thé/deep")).expect("exists"));
    assert_eq!(account.subscriptions().expect("read"), [name("Café/deep")]);
    let next = account.status(&name("Thé/deep")).expect("status").uid_next;
    assert_eq!(append(&mut *account, "Thé/deep", "x", &[]), next);
}

fn deliver(scratch: &Scratch, n: u64) {
    let mut draft = scratch.account().draft(&name("INBOX")).expect("draft");
    draft.write(b"delivered").expect("write");
    let trace = TraceId::new(1_795_548_000_000 + n, 1);
    draft.deliver(&Delivery { trace, recipient: None, search: false }).expect("deliver");
}

/// One step of a mixed session; `at` picks a message.
fn step(kind: u64, at: usize, n: u64, line: &mut Line, scratch: &Scratch, live: &mut dyn Mailbox) {
    let count = live.messages().len();
    let picked = (count > 0).then(|| (at % count + 1, live.messages()[at % count].uid));
    match (kind, picked) {
        (0, _) => drop(line.imap("s APPEND INBOX (\\Seen) {5+}\r\ntheir", "OK")),
        (1, _) => drop(scratch.append("INBOX", "ours", &["\\Answered", "Mine"])),
        (2, _) => deliver(scratch, n),
        (3, Some((seq, _))) => {
            drop(line.imap(&format!("s STORE {seq} +FLAGS (\\Flagged Theirs)"), "OK"));
        }
        (4, Some((_, uid))) => {
            let change = Change::Replace(flags(&["\\Draft", "Ours"]));
            live.store(&[uid], &change).expect("store");
        }
        (5, Some((seq, _))) => {
            line.imap(&format!("s STORE {seq} +FLAGS (\\Deleted)"), "OK");
            line.imap("s EXPUNGE", "OK");
        }
        (6, Some((_, uid))) => {
            live.store(&[uid], &Change::Add(flags(&["\\Deleted"]))).expect("store");
            assert_eq!(live.expunge(&[uid]).expect("expunge").len(), 1);
        }
        (7, Some((seq, _))) => drop(line.imap(&format!("s COPY {seq} INBOX"), "OK")),
        (8, Some((_, uid))) => drop(live.copy(&[uid], &name("INBOX")).expect("copy")),
        _ => {}
    }
}

#[test]
fn live_sessions_agree_after_every_step() {
    let scratch = shared();
    let mut line = dovecot(&scratch);
    let mut live = scratch.open("INBOX");
    line.imap("a SELECT INBOX", "OK");
    let mut seed = 0x5eed_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for n in 0..80 {
        let (kind, at) = (random(9), usize::try_from(random(1000)).expect("small"));
        step(kind, at, n, &mut line, &scratch, &mut *live);
        // Who assigns the UIDs of what was delivered takes turns too.
        let (mine, other) = if n % 2 == 0 {
            line.imap("n NOOP", "OK");
            live.refresh().expect("refresh");
            (ours(&*live), theirs(&mut line))
        } else {
            live.refresh().expect("refresh");
            line.imap("n NOOP", "OK");
            (ours(&*live), theirs(&mut line))
        };
        assert_eq!(mine, other, "after step {n}, of kind {kind}");
    }
    assert!(live.messages().len() > 10, "{:?}", show(&*live));
    assert_eq!(ours(&*scratch.open("INBOX")), ours(&*live), "a new session sees the same");
    line.imap("z LOGOUT", "OK");
}

#[test]
fn both_at_once_lose_nothing() {
    const EACH: u64 = 25;
    let scratch = shared();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut line = dovecot(&scratch);
            line.imap("a SELECT INBOX", "OK");
            for _ in 0..EACH {
                line.imap("b APPEND INBOX {5+}\r\ntheir", "OK");
                line.imap("c STORE * +FLAGS (\\Seen)", "OK");
            }
            line.imap("d LOGOUT", "OK");
        });
        for thread in 0..2 {
            let scratch = &scratch;
            scope.spawn(move || {
                let mut live = scratch.open("INBOX");
                for n in 0..EACH {
                    let appended = scratch.append("INBOX", "ours", &["Mine"]);
                    live.refresh().expect("refresh");
                    let change = Change::Add(flags(&["\\Flagged"]));
                    live.store(&[appended], &change).expect("store");
                    deliver(scratch, 1000 * (thread + 1) + n);
                }
            });
        }
    });
    let session = scratch.open("INBOX");
    assert_eq!(session.messages().len() as u64, 5 * EACH);
    let mine: Vec<_> =
        ours(&*session).into_iter().filter(|shown| shown.ends_with(" Mine \\Flagged")).collect();
    assert_eq!(mine.len() as u64, 2 * EACH);
    let mut line = dovecot(&scratch);
    line.imap("a SELECT INBOX", "OK");
    assert_eq!(theirs(&mut line), ours(&*session));
    assert_eq!(session.uid_next().get() as u64, 5 * EACH + 1, "no UID was given twice or lost");
}
