//! Mailboxes as a whole: made, listed, renamed, removed, subscribed.

use store::{Access, Kind, Listed};

use crate::scratch::{Scratch, name};

fn list(scratch: &Scratch) -> Vec<String> {
    let shown = |l: Listed| {
        let marks = [(!l.selectable, " noselect"), (l.has_children, " children")];
        let marks: String = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
        l.name.join('/') + &marks
    };
    scratch.account().list().expect("list").into_iter().map(shown).collect()
}

fn kind<T>(result: store::Result<T>) -> Kind {
    match result {
        Ok(_) => panic!("it should fail"),
        Err(error) => error.kind(),
    }
}

#[test]
fn an_account_begins_with_inbox() {
    let scratch = Scratch::new();
    assert_eq!(list(&scratch), ["INBOX"]);
    assert!(!scratch.root().exists(), "looking makes nothing");
    let mut account = scratch.account();
    assert!(account.exists(&name("inbox")).expect("exists"));
    account.open(&name("INBOX"), Access::ReadOnly).expect("made when opened");
    for file in ["cur", "new", "tmp", "maildirfolder", "dovecot-uidlist", "dovecot-uidvalidity"] {
        assert!(scratch.root().join(file).exists(), "{file}");
    }
    assert_eq!(kind(account.create(&name("INBOX"))), Kind::Exists);
    assert_eq!(kind(account.delete(&name("INBOX"))), Kind::Cannot);
    assert_eq!(kind(account.open(&name("none"), Access::ReadWrite)), Kind::NotFound);
    assert_eq!(kind(account.draft(&name("none"))), Kind::NotFound);
    assert_eq!(kind(account.status(&name("none"))), Kind::NotFound);
    assert_eq!(kind(account.create(&name("a.b"))), Kind::Cannot);
}

#[test]
fn create_list_rename_delete() {
    let scratch = Scratch::new();
    let mut account = scratch.account();
    for mailbox in ["A/B", "Entwürfe", "INBOX/k", "new"] {
        account.create(&name(mailbox)).expect("create");
        assert_eq!(kind(account.create(&name(mailbox))), Kind::Exists);
    }
    for junk in ["..DOVECOT-TRASHED", ".bad&name", "notes", ".inbox"] {
        std::fs::create_dir(scratch.root().join(junk)).expect("mkdir");
    }
    std::fs::write(scratch.root().join(".file"), "").expect("write");
    let want = ["A noselect children", "A/B", "Entwürfe", "INBOX children", "INBOX/k", "new"];
    assert_eq!(list(&scratch), want);
    scratch.append("A/B", "x", &[]);
    account.create(&name("A/B/c")).expect("create");
    account.rename(&name("A"), &name("Z")).expect("only children");
    account.rename(&name("Z/B"), &name("Y")).expect("with a child");
    let want = ["Entwürfe", "INBOX children", "INBOX/k", "Y children", "Y/c", "new"];
    assert_eq!(list(&scratch), want);
    assert_eq!(account.status(&name("Y")).expect("status").messages, 1);
    assert_eq!(kind(account.rename(&name("Y"), &name("Y/d"))), Kind::Cannot);
    assert_eq!(kind(account.rename(&name("Y"), &name("new"))), Kind::Exists);
    assert_eq!(kind(account.rename(&name("none"), &name("n"))), Kind::NotFound);
    assert_eq!(kind(account.rename(&name("INBOX"), &name("n"))), Kind::Cannot);
    account.delete(&name("Y")).expect("delete");
    assert_eq!(
        list(&scratch),
        ["Entwürfe", "INBOX children", "INBOX/k", "Y noselect children", "Y/c", "new"]
    );
    assert_eq!(kind(account.delete(&name("Y"))), Kind::NotFound);
    assert!(!scratch.root().join("..DOVECOT-TRASHED").exists());
}

#[test]
fn a_new_mailbox_of_an_old_name_has_new_uids() {
    let scratch = Scratch::new();
    let mut account = scratch.account();
    let mut validity = || {
        account.create(&name("A")).expect("create");
        let status = account.status(&name("A")).expect("status");
        account.delete(&name("A")).expect("delete");
        status.uid_validity
    };
    let first = validity();
    assert!(validity() > first);
}

#[test]
fn a_session_ends_when_its_mailbox_is_deleted() {
    let scratch = Scratch::new();
    let mut account = scratch.account();
    account.create(&name("A")).expect("create");
    let mut session = scratch.open("A");
    account.delete(&name("A")).expect("delete");
    assert_eq!(kind(session.refresh()), Kind::Reset);
    account.create(&name("A")).expect("again");
    scratch.append("A", "x", &[]);
    assert_eq!(kind(session.refresh()), Kind::Reset);
}

#[test]
fn subscriptions() {
    let scratch = Scratch::new();
    let mut account = scratch.account();
    assert!(account.subscriptions().expect("none").is_empty());
    for mailbox in ["b", "a/ü", "b"] {
        account.subscribe(&name(mailbox)).expect("subscribe");
    }
    assert!(account.unsubscribe(&name("b")).expect("there"));
    assert!(!account.unsubscribe(&name("b")).expect("not there"));
    assert_eq!(account.subscriptions().expect("one"), [name("a/ü")]);
}

#[test]
fn permissions_come_from_the_folder() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let scratch = Scratch::new();
    scratch.open("INBOX");
    let wide = std::fs::Permissions::from_mode(0o2770);
    std::fs::set_permissions(scratch.root(), wide).expect("chmod");
    let mut account = scratch.account();
    account.create(&name("A")).expect("create");
    scratch.append("A", "x", &["\\Seen", "work"]);
    let mode =
        |path: &str| std::fs::metadata(scratch.root().join(path)).expect("stat").mode() & 0o7777;
    assert_eq!((mode(".A"), mode(".A/cur")), (0o2770, 0o2770));
    let message = format!(".A/cur/{}", crate::scratch::files(&scratch.root().join(".A/cur"))[0]);
    for file in [message.as_str(), ".A/dovecot-uidlist", ".A/dovecot-keywords", ".A/maildirfolder"]
    {
        assert_eq!(mode(file), 0o660, "{file}");
    }
}
