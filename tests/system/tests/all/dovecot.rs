//! The real Dovecot beside us: its tools ask authd, its imap reads what lmtpd filled, and imapd reads
//! what it filled.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::unistd::geteuid;
use support::{Demo, Line, tools};

use crate::mail::{lmtp, message, send, token};

const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

#[test]
fn doveadm_asks_our_sockets() {
    tools::need("/usr/bin/doveadm", "dovecot-core");
    let demo = Demo::start();
    let alice = demo.user(ALICE).clone();
    let config = empty_config(&demo);
    let doveadm = |arguments: &[&str]| {
        let mut command = Command::new("/usr/bin/doveadm");
        tools::finish(command.arg("-c").arg(&config).args(arguments), "")
    };
    let good = doveadm(&["auth", "test", "-a", &demo.at.auth_client, ALICE, &alice.password]);
    let said = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success() && said.contains("auth succeeded"), "{good:?}");
    let bad = doveadm(&["auth", "test", "-a", &demo.at.auth_client, ALICE, "wrong"]);
    assert_eq!(bad.status.code(), Some(77), "{bad:?}");
    let user = doveadm(&["user", "-a", &demo.at.auth_userdb, ALICE]);
    let said = String::from_utf8_lossy(&user.stdout).into_owned();
    assert!(user.status.success() && said.contains(&alice.home), "{user:?}");
    let nobody = doveadm(&["user", "-a", &demo.at.auth_userdb, "nobody@example.test"]);
    assert_eq!(nobody.status.code(), Some(67), "{nobody:?}");
    demo.stop();
}

/// UID and flags of each message, as an IMAP session in `lines` told them, sorted.
fn uids_and_flags(lines: &[String]) -> Vec<String> {
    let mut found: Vec<String> = lines
        .iter()
        .filter_map(|line| {
            line.split_once("FETCH (").map(|(_, rest)| rest.trim_end_matches(')').to_owned())
        })
        .map(|rest| {
            let uid = rest
                .split("UID ")
                .nth(1)
                .and_then(|r| r.split([' ', ')']).next())
                .unwrap_or_default()
                .to_owned();
            let flags =
                rest.split("FLAGS (").nth(1).and_then(|r| r.split(')').next()).unwrap_or_default();
            let mut flags: Vec<&str> =
                flags.split(' ').filter(|f| !f.is_empty() && *f != "\\Recent").collect();
            flags.sort_unstable();
            format!("{uid} {}", flags.join(" "))
        })
        .collect();
    found.sort();
    found
}

#[test]
fn both_read_each_others_maildirs_with_equal_uids_and_flags() {
    tools::need("/usr/lib/dovecot/imap", "dovecot-imapd");
    let demo = Demo::start();
    // lmtpd fills, imapd sets flags.
    let tokens: Vec<String> = (0..5).map(|_| token("both")).collect();
    for token in &tokens {
        let reply = send(
            &mut lmtp(&demo.at.lmtp),
            "a@remote.test",
            &[BOB],
            &message("a@remote.test", BOB, token),
        );
        assert!(reply.starts_with("250 2."), "{reply}");
    }
    let mut ours = demo.imap(BOB);
    ours.imap("a SELECT INBOX", "OK");
    ours.imap("b STORE 2 +FLAGS (\\Seen $Work)", "OK");
    ours.imap("c STORE 3 +FLAGS (\\Flagged \\Answered)", "OK");
    ours.imap("d STORE 4 +FLAGS (\\Deleted)", "OK");
    ours.imap("e EXPUNGE", "OK");
    let seen_by_us = uids_and_flags(&ours.imap("f UID FETCH 1:* (UID FLAGS)", "OK"));
    let validity = validity(&ours.imap("g STATUS INBOX (UIDVALIDITY)", "OK"));
    ours.imap("h LOGOUT", "OK");
    assert_eq!(seen_by_us, ["1 ", "2 $Work \\Seen", "3 \\Answered \\Flagged", "5 "]);

    // Dovecot reads it, then writes: a message, flags, a keyword, a folder, an expunge.
    let mut theirs = dovecot_imap(&demo);
    theirs.imap("a SELECT INBOX", "OK");
    assert_eq!(uids_and_flags(&theirs.imap("b UID FETCH 1:* (UID FLAGS)", "OK")), seen_by_us);
    assert_eq!(self::validity(&theirs.imap("c STATUS INBOX (UIDVALIDITY)", "OK")), validity);
    theirs.imap("d APPEND INBOX (\\Draft $Other) {18+}\r\nSubject: dovecot\r\n", "OK");
    theirs.imap("e STORE 1 +FLAGS (\\Seen $Third)", "OK");
    theirs.imap("f CREATE \"Caf&AOk-/deep\"", "OK");
    theirs.imap("g UID COPY 2:3 \"Caf&AOk-/deep\"", "OK");
    theirs.imap("h STORE 3 +FLAGS (\\Deleted)", "OK");
    theirs.imap("i EXPUNGE", "OK");
    let inbox_of_theirs = uids_and_flags(&theirs.imap("j UID FETCH 1:* (UID FLAGS)", "OK"));
    theirs.imap("k SELECT \"Caf&AOk-/deep\"", "OK");
    let deep_of_theirs = uids_and_flags(&theirs.imap("l UID FETCH 1:* (UID FLAGS)", "OK"));
    let deep_validity =
        self::validity(&theirs.imap("m STATUS \"Caf&AOk-/deep\" (UIDVALIDITY)", "OK"));
    theirs.imap("n LOGOUT", "OK");

    // And we read what Dovecot left.
    let mut ours = demo.imap(BOB);
    ours.imap("a SELECT INBOX", "OK");
    assert_eq!(uids_and_flags(&ours.imap("b UID FETCH 1:* (UID FLAGS)", "OK")), inbox_of_theirs);
    let listed = ours.imap("c LIST \"\" \"*\"", "OK");
    assert!(listed.iter().any(|line| line.contains("Caf&AOk-/deep")), "{listed:?}");
    ours.imap("d SELECT \"Caf&AOk-/deep\"", "OK");
    assert_eq!(uids_and_flags(&ours.imap("e UID FETCH 1:* (UID FLAGS)", "OK")), deep_of_theirs);
    assert_eq!(
        self::validity(&ours.imap("f STATUS \"Caf&AOk-/deep\" (UIDVALIDITY)", "OK")),
        deep_validity
    );
    demo.stop();
}

fn validity(lines: &[String]) -> String {
    let found = lines.iter().find_map(|line| line.split("UIDVALIDITY ").nth(1));
    found.unwrap_or_else(|| panic!("no UIDVALIDITY in {lines:?}")).trim_end_matches(')').to_owned()
}

/// Dovecot's own imap on bob's Maildir, logged in already.
fn dovecot_imap(demo: &Demo) -> Line {
    let bob = demo.user(BOB);
    let owner = fs::metadata(&bob.home).unwrap();
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", owner.uid())).arg(format!("--regid={}", owner.gid()));
        command.args(["--clear-groups", "/usr/lib/dovecot/imap"]);
        command
    } else {
        Command::new("/usr/lib/dovecot/imap")
    };
    command.env_clear().env("HOME", &bob.home).env("USER", BOB).env("PATH", "/usr/bin:/bin");
    let mut line = Line::program(command.arg("-c").arg(empty_config(demo)));
    let greeting = line.hear().expect("a greeting");
    assert!(greeting.starts_with("* PREAUTH"), "{greeting}");
    line
}

/// A configuration of its own, so that the system's is neither read nor needed.
fn empty_config(demo: &Demo) -> PathBuf {
    let folder = demo.scratch().join("dovecot");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let config = folder.join("dovecot.conf");
    let base = Path::new(&demo.at.root).join("dovecot-run");
    let text = format!(
        "mail_location = maildir:~/Maildir\nbase_dir = {}\nlog_path = /dev/stderr\nssl = no\nprotocols = imap\n\
         namespace inbox {{\n  inbox = yes\n  separator = /\n}}\nmail_max_lock_timeout = 5s\n",
        base.display()
    );
    fs::write(&config, text).unwrap();
    config
}
