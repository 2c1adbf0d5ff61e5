//! What each daemon can't do, tried from inside; and what it still sees.

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{Demo, Options, eventually};

use crate::mail::{message, send, token};

const ALICE: &str = "alice@example.test";
const DAEMONS: [&str; 6] = ["authd", "smtpd", "qmgrd", "relayd", "lmtpd", "imapd"];

/// A demo whose daemons try what they are told to.
fn demo() -> Demo {
    let with = |options: Options, name: &&str| {
        options.config(&format!("{name}.toml"), "[sandbox]\nself_test = true\n")
    };
    DAEMONS.iter().fold(Options::default(), with).start()
}

/// Replaces a file as editors and certbot do.
fn replace(path: &Path, change: impl FnOnce(String) -> String) {
    let text = change(fs::read_to_string(path).unwrap());
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, fs::metadata(path).unwrap().permissions()).unwrap();
    let owner = fs::metadata(path).unwrap();
    use std::os::unix::fs::MetadataExt as _;
    let _ = std::os::unix::fs::chown(&new, Some(owner.uid()), Some(owner.gid()));
    fs::rename(new, path).unwrap();
}

#[test]
fn what_is_forbidden_fails_in_every_daemon_and_the_log_says_so() {
    let demo = demo();
    let output = demo.dovetail(&["sandbox", "test", "--json"]);
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    for daemon in DAEMONS {
        let attempts = all[daemon]["attempts"].as_array().unwrap_or_else(|| panic!("{all}"));
        assert!(attempts.len() >= 16, "{daemon}: {attempts:?}");
        for attempt in attempts {
            assert_eq!(attempt["denied"], true, "{daemon}: {attempt}");
        }
        let because = |what: &str| {
            let one = attempts.iter().find(|one| one["what"] == what).unwrap();
            one["error"].as_str().unwrap().to_owned()
        };
        // By Landlock, which says EACCES; by seccomp, which says EPERM.
        assert!(because("list /").contains("os error 13"), "{attempts:?}");
        assert!(because("write in /tmp").contains("os error 13"), "{attempts:?}");
        assert!(because("execute a program").contains("os error 1)"), "{attempts:?}");
        let connect = if daemon == "relayd" { "os error 13)" } else { "os error 1)" };
        assert!(because("connect to a TCP port").contains(connect), "{attempts:?}");
        eventually("the log", || {
            let log = demo.log();
            let told = |line: &str| {
                line.contains(&format!(" {daemon}[")) && line.contains("couldn't execute a program")
            };
            log.lines().any(told).then_some(())
        });
    }
    assert_eq!(output.status.code(), Some(0));
    demo.stop();
}

#[test]
fn files_renamed_over_others_are_seen() {
    let demo = Demo::start();
    let passwd = Path::new(&demo.at.passwd_file);
    // A further user with alice's password, home and number.
    replace(passwd, |text| {
        let line = text.lines().find(|line| line.starts_with(ALICE)).unwrap();
        let line = line.replacen("alice@", "new@", 1);
        format!("{text}{line}\n")
    });
    let aliases = Path::new(&demo.at.config).join("virtual");
    replace(&aliases, |text| format!("{text}fresh@example.test {ALICE}\n"));
    let token = token("renamed");
    let text = message("a@remote.test", ALICE, &token);
    eventually("the new alias and the new user", || {
        let mut line = demo.smtp();
        let mut known = |to: &str| {
            line.say("MAIL FROM:<a@remote.test>").reply();
            let reply = line.say(&format!("RCPT TO:<{to}>")).reply();
            line.say("RSET").reply();
            reply.starts_with("250")
        };
        (known("fresh@example.test") && known("new@example.test")).then_some(())
    });
    let mut line = demo.smtp();
    let reply = send(&mut line, "a@remote.test", &["fresh@example.test"], &text);
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(demo.maildir(ALICE).count(&token), 1);
    demo.stop();
}

#[test]
fn a_reload_keeps_what_lies_beyond_the_sandbox() {
    let demo = Demo::start();
    let elsewhere = tempfile::tempdir().unwrap();
    let table = elsewhere.path().join("virtual");
    fs::write(&table, format!("beyond@example.test {ALICE}\n")).unwrap();
    let smtpd = Path::new(&demo.at.config).join("smtpd.toml");
    replace(&smtpd, |text| {
        let line = text.lines().find(|line| line.starts_with("virtual_alias_maps")).unwrap();
        text.replace(line, &format!("virtual_alias_maps = [{:?}]", table.display().to_string()))
    });
    let domains = Path::new(&demo.at.config).join("domains.toml");
    replace(&domains, |text| format!("message_size_limit = \"1M\"\n{text}"));
    let check = demo.dovetail(&["config", "check"]);
    let said = String::from_utf8(check.stdout).unwrap();
    assert!(said.contains("`virtual_alias_maps`: the running smtpd keeps its old value"), "{said}");
    let reload = demo.dovetail(&["reload", "smtpd"]);
    let said = String::from_utf8(reload.stdout).unwrap();
    assert_eq!(said, "smtpd: reloaded; needs restart: virtual_alias_maps\n");
    let logged = || demo.log().contains("needs restart: virtual_alias_maps").then_some(());
    eventually("the log", logged);
    let mut line = demo.smtp();
    line.ask("MAIL FROM:<a@remote.test>", "250 ");
    // The old table serves on.
    line.ask("RCPT TO:<abuse@example.test>", "250 ");
    line.ask("RCPT TO:<beyond@example.test>", "550 ");
    // What the sandbox doesn't mind is as the files say.
    line.say("EHLO x.test");
    let size = line.until(|line| line.starts_with("250 "));
    assert!(size.iter().any(|line| line.ends_with("SIZE 1048576")), "{size:?}");
    demo.stop();
}

/// Who has a file or folder, and its bits.
fn owner(path: &Path) -> (u32, u32) {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::symlink_metadata(path).unwrap();
    (found.gid(), found.mode() & 0o7777)
}

/// bob's home and mail, of this group and with these bits; then mail for him, and a mailbox that he makes.
fn group_of_what_is_made(group: u32, home_bits: u32, folder_bits: u32, file_bits: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    // lmtpd and imapd may give files to that group, as they are in it.
    let daemons = ["lmtpd", "imapd"];
    let with = |options: Options, name: &str| {
        options.config(&format!("{name}.toml"), &format!("groups = [\"{group}\"]\n"))
    };
    let demo = daemons.into_iter().fold(Options::default(), with).start();
    let bob = "bob@example.test";
    let home = Path::new(&demo.user(bob).home).to_owned();
    fs::create_dir_all(&home).unwrap();
    let nobody = fs::metadata(&demo.at.mail_root).unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&nobody);
    std::os::unix::fs::chown(home.parent().unwrap(), Some(uid), None).unwrap();
    let maildir = home.join("Maildir");
    let mut given = vec![home];
    if home_bits & 0o2000 == 0 {
        // Without the setgid bit a home says nothing of what is below it: the mail's own folder does.
        fs::create_dir(&maildir).unwrap();
        given.push(maildir.clone());
    }
    for folder in given {
        std::os::unix::fs::chown(&folder, Some(uid), Some(group)).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(home_bits)).unwrap();
    }
    let token = token("group");
    let mut line = demo.smtp();
    let text = message("a@remote.test", bob, &token);
    assert!(send(&mut line, "a@remote.test", &[bob], &text).starts_with("250 "));
    let mail = demo.maildir(bob);
    eventually("the mail", || (mail.count(&token) == 1).then_some(()));
    let mut imap = demo.imap(bob);
    imap.imap("c CREATE Lists", "OK");
    imap.imap("s SELECT INBOX", "OK");
    for made in [".", "new", "cur", "tmp", ".Lists", ".Lists/new"] {
        assert_eq!(owner(&maildir.join(made)), (group, folder_bits), "{made} {home_bits:o}");
    }
    let messages: Vec<_> = ["new", "cur"].iter().flat_map(|part| mail.files(part)).collect();
    let own = ["dovecot-uidlist", "maildirfolder"].map(|name| maildir.join(name));
    for file in messages.iter().chain(&own) {
        assert_eq!(owner(file), (group, file_bits), "{} {home_bits:o}", file.display());
    }
    demo.stop();
}

#[test]
fn what_is_delivered_has_its_folders_group() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    // Any group but nobody's own.
    let group = 12;
    group_of_what_is_made(group, 0o2700, 0o2700, 0o600);
    group_of_what_is_made(group, 0o2750, 0o2750, 0o640);
    group_of_what_is_made(group, 0o2770, 0o2770, 0o660);
    group_of_what_is_made(group, 0o750, 0o750, 0o640);
    group_of_what_is_made(group, 0o700, 0o700, 0o600);
}
