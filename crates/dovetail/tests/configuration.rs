//! `dovetail config` as the operator runs it: what is wrong, what the daemons go by, the samples.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dovetail"));
    command.arg("--config").arg(folder).args(["config"]).args(arguments).stdin(Stdio::null());
    command.output().unwrap()
}

/// Exit code and standard output, the folder left out.
fn said(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = run(folder, arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), text.replace(&format!("{}/", folder.display()), ""))
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
fn keys_and_files_of_others_are_told_where_they_belong() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            ("relayd.toml", "spool = \"/x\"\nmail_roots = []\nmynetworks = []\n"),
            ("smptd.toml", ""),
            ("notes.toml", ""),
        ],
    );
    let (code, text) = said(dir.path(), &["check"]);
    assert_eq!(code, 78);
    assert_eq!(
        text,
        "notes.toml: no daemon reads a file of this name\n\
         relayd.toml:1:1: unknown key `spool`; it is a key of qmgrd.toml\n\
         relayd.toml:2:1: unknown key `mail_roots`; it is a key of mail.toml\n\
         relayd.toml:3:1: unknown key `mynetworks`; it is a key of smtpd.toml\n\
         smptd.toml: no daemon reads a file of this name; did you mean smtpd.toml?\n"
    );
}

/// Needs root, who alone can become the daemons' users; as anybody else the command says so.
#[test]
fn every_path_is_tried_as_the_daemon_s_user() {
    let dir = tempfile::Builder::new().prefix("dvt-trial-").tempdir().unwrap();
    let (root, etc) = (dir.path(), dir.path().join("etc"));
    mode(root, 0o755);
    std::fs::create_dir(&etc).unwrap();
    mode(&etc, 0o755);
    let who = "user = \"nobody\"\ngroup = \"65534\"\ngroups = []\n";
    let at = root.display();
    write(
        &etc,
        &[
            (
                "qmgrd.toml",
                &format!(
                    "{who}spool = \"{at}/spool\"\n[listener.lmtp]\naddress = \"unix:{at}/none/q.sock\"\n"
                ),
            ),
            ("domains.toml", &format!("local_lmtp = \"{at}/secret/lmtp.sock\"\n")),
            ("lmtpd.toml", who),
            ("mail.toml", &format!("mail_roots = [\"{at}/vmail\", \"{at}/gone\"]\n")),
            (
                "smtpd.toml",
                &format!(
                    "{who}virtual_alias_maps = [\"{at}/secret/virtual\"]\nscratch = \"{at}/vmail\"\n"
                ),
            ),
        ],
    );
    for folder in ["spool", "vmail", "secret"] {
        std::fs::create_dir(root.join(folder)).unwrap();
        mode(&root.join(folder), 0o700);
    }
    std::fs::write(root.join("secret/virtual"), "a@a.test b@a.test\n").unwrap();
    for file in ["domains", "mail", "lmtpd", "smtpd"] {
        mode(&etc.join(file).with_extension("toml"), 0o644);
    }
    mode(&etc.join("qmgrd.toml"), 0o600);
    let (code, text) = said(&etc, &["check"]);
    if !is_root() {
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("only root can try"), "{text}");
        return;
    }
    assert_eq!(code, 78, "{text}");
    let text = text.replace(&format!("{at}/"), "ROOT/").replace(&format!("{at}:"), "ROOT:");
    let denied = "permission denied for nobody (uid 65534): needs";
    let want = format!(
        "domains.toml:1:14: `local_lmtp`: ROOT/secret: {denied} x; it is root:root 0700: `chmod o+x ROOT/secret`\n\
         mail.toml:1:14: `mail_roots`: ROOT/gone: no such file or folder: is its disk mounted?\n\
         mail.toml:1:14: `mail_roots`: ROOT/vmail: {denied} x; it is root:root 0700: `chmod o+x ROOT/vmail`\n\
         qmgrd.toml: qmgrd.toml: {denied} r; it is root:root 0600: `chgrp nogroup qmgrd.toml` and `chmod g+r qmgrd.toml`\n\
         qmgrd.toml:4:9: `spool`: ROOT/spool: {denied} rwx; it is root:root 0700: `chown nobody ROOT/spool`\n\
         qmgrd.toml:6:11: `listener.lmtp.address`: ROOT/none: no such file or folder: the socket's folder must be there\n\
         smtpd.toml:4:22: `virtual_alias_maps`: ROOT/secret: {denied} x; it is root:root 0700: `chmod o+x ROOT/secret`\n\
         smtpd.toml:5:11: `scratch`: ROOT/vmail: {denied} rwx; it is root:root 0700: `chown nobody ROOT/vmail`\n"
    );
    for (found, want) in text.lines().zip(want.lines()) {
        assert_eq!(found, want);
    }
    assert_eq!(text.lines().count(), want.lines().count(), "{text}");
    // What the messages said to do is done; and what is missing is made.
    mode(&etc.join("qmgrd.toml"), 0o644);
    mode(&root.join("secret"), 0o711);
    for folder in ["spool", "vmail"] {
        std::os::unix::fs::chown(root.join(folder), Some(65534), Some(65534)).unwrap();
    }
    for folder in ["gone", "none"] {
        std::fs::create_dir(root.join(folder)).unwrap();
    }
    assert_eq!(said(&etc, &["check"]), (0, format!("{}: good\n", etc.display())));
}

#[test]
fn a_user_that_does_not_exist_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("relayd.toml", "user = \"no-such-user\"\n")]);
    let (code, text) = said(dir.path(), &["check"]);
    if is_root() {
        let want = "relayd.toml:1:8: `user`: there is no user \"no-such-user\" on this system: make it, or name another\n";
        assert_eq!((code, text.as_str()), (78, want));
    }
}

#[test]
fn what_the_daemons_go_by_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        &[
            (
                "qmgrd.toml",
                "wait = \"20m\"\nretry_min = \"5m\"\n[listener.lmtp]\naddress = \"unix:/run/q.sock\"\n",
            ),
            ("domains.toml", "hostname = \"mx.a.test\"\n[routes]\n\"b.test\" = \"/run/b.sock\"\n"),
            ("relayd.toml", "port = 26\n"),
            ("relayd@slow.toml", "port = 27\n"),
        ],
    );
    let changed = "\
# relayd.toml
port = 26

# relayd@slow.toml
port = 27

# qmgrd.toml
wait = \"20m\"

[listener.lmtp]
address = \"unix:/run/q.sock\"

# domains.toml
hostname = \"mx.a.test\"

[routes]
\"b.test\" = \"/run/b.sock\"
";
    let (code, text) = said(dir.path(), &["show", "--changed"]);
    assert_eq!(code, 0);
    let mut parts: Vec<&str> = text.split("\n# ").collect();
    parts.sort_unstable();
    let mut want: Vec<&str> = changed.split("\n# ").collect();
    want.sort_unstable();
    let plain = |parts: Vec<&str>| -> Vec<String> {
        parts.iter().map(|part| part.trim_start_matches("# ").trim().to_owned()).collect()
    };
    let (mut found, mut want) = (plain(parts), plain(want));
    found.sort_unstable();
    want.sort_unstable();
    assert_eq!(found, want);
    let (_, all) = said(dir.path(), &["show", "qmgrd"]);
    assert!(all.starts_with("# qmgrd.toml\nspool = \"/var/spool/dovetail\"\n"), "{all}");
    assert!(all.contains("\nretry_max = \"4000s\"\n") && !all.contains("hostname"), "{all}");
    let json = run(dir.path(), &["show", "--changed", "--json", "domains"]).stdout;
    let json = String::from_utf8(json).unwrap();
    let want =
        "{\"domains\":{\"hostname\":\"mx.a.test\",\"routes\":{\"b.test\":\"/run/b.sock\"}}}\n";
    assert_eq!(json, want);
    assert_eq!(said(dir.path(), &["show", "nosuch"]).0, 64);
    let absent = run(dir.path(), &["show", "smtpd"]);
    assert_eq!(absent.status.code(), Some(78));
    assert!(String::from_utf8(absent.stderr).unwrap().ends_with("smtpd.toml: no such file\n"));
}

/// Splits at the headers, as an operator would take a file out of it.
fn files_of(text: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("# ").filter(|rest| rest.ends_with(".toml")) {
            Some(name) => files.push((name.to_owned(), String::new())),
            None => files.last_mut().unwrap().1.push_str(&format!("{line}\n")),
        }
    }
    files
}

#[test]
fn what_is_shown_makes_the_same_folder_again() {
    let dir = tempfile::tempdir().unwrap();
    for shown in [&["show", "--defaults"][..], &["show"], &["show", "--changed"]] {
        let (code, text) = said(dir.path(), shown);
        assert_eq!(code, 0, "{shown:?}");
        let files = files_of(&text);
        assert!(files.len() >= 8, "{shown:?}: {text}");
        let before = said(dir.path(), &["show"]);
        let again = tempfile::tempdir().unwrap();
        for (name, text) in &files {
            std::fs::write(again.path().join(name), text).unwrap();
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        if shown.len() == 1 || shown.last() == Some(&"--changed") {
            assert_eq!(said(again.path(), &["show"]), before, "{shown:?}");
        }
    }
}

#[test]
fn all_samples_at_once_and_over_nothing_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let into = dir.path().join("etc");
    std::fs::create_dir(&into).unwrap();
    std::fs::write(into.join("relayd.toml"), "port = 26\n").unwrap();
    let (code, text) = said(dir.path(), &["sample", "--all", into.to_str().unwrap()]);
    assert_eq!((code, text.as_str()), (0, "etc/relayd.toml: there already, left as it is\n"));
    assert_eq!(std::fs::read_to_string(into.join("relayd.toml")).unwrap(), "port = 26\n");
    let mut names: Vec<String> = std::fs::read_dir(&into)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    let want = ["authd", "domains", "imapd", "lmtpd", "mail", "qmgrd", "relayd", "smtpd", "tls"];
    assert_eq!(names, want.map(|name| format!("{name}.toml")));
}
