//! Mistakes that operators make, and the exact words that tell them.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// What is said of smtpd.toml.
fn said(text: &str) -> String {
    match Config::from_texts("smtpd", &specs(), &[("smtpd", text)]) {
        Ok(_) => String::new(),
        Err(problems) => print_problems(&problems).replace("smtpd.toml:", ""),
    }
}

fn all(pairs: &[(&str, &str)]) {
    for (text, want) in pairs {
        assert_eq!(said(text), format!("{want}\n"), "{text}");
    }
}

#[test]
fn keys_at_the_wrong_level() {
    all(&[
        ("level = \"debug\"", "1:1: unknown key `level`; it belongs in [log]"),
        ("mode = \"0600\"", "1:1: unknown key `mode`; it belongs in [listener.NAME]"),
        (
            "[listener.x]\naddress = \"*:25\"\nmax_recipients = 5",
            "3:1: unknown key `max_recipients` in [listener.x]; it belongs at the top of the file, before the first [table]",
        ),
        ("[tls]\nlevel = \"debug\"", "2:1: unknown key `level` in [tls]; it belongs in [log]"),
        ("hostname = \"a.test\"", "1:1: unknown key `hostname`; it is a key of domains.toml"),
        ("[mailbox.Drafts]", "1:2: unknown key `mailbox`; it is a key of mail.toml"),
        (
            "[listener]\naddress = \"*:25\"",
            "2:11: `listener.address`: the table needs a name of your choice: [listener.NAME]",
        ),
    ]);
}

#[test]
fn a_key_of_another_daemon_is_nobodys_here_and_says_so_to_who_knows_more() {
    let problems = Config::from_texts("smtpd", &specs(), &[("smtpd", "spool = \"/x\"")]);
    assert_eq!(problems.unwrap_err()[0].unknown_key(), Some("spool"));
    let problems = Config::from_texts("smtpd", &specs(), &[("smtpd", "bdy = 1\nidle = 1")]);
    let keys: Vec<_> =
        problems.unwrap_err().iter().map(|one| one.unknown_key().map(str::to_owned)).collect();
    assert_eq!(keys, [None, None], "a suggestion was made; it isn't unknown");
}

#[test]
fn values_of_the_wrong_type() {
    all(&[
        (
            "idle = 30",
            "1:8: `idle`: want a duration such as \"30s\", found an integer; write \"30s\"",
        ),
        (
            "max_recipients = \"100\"",
            "1:18: `max_recipients`: want a whole number, found a string; write 100 without quotes",
        ),
        ("max_recipients = 1.5", "1:18: `max_recipients`: want a whole number, found a float"),
        (
            "straight_in = \"no\"",
            "1:15: `straight_in`: want true or false, found a string; write false",
        ),
        (
            "straight_in = 1",
            "1:15: `straight_in`: want true or false, found an integer; write true",
        ),
        (
            "mynetworks = \"10.0.0.0/8\"",
            "1:14: `mynetworks`: want an array, found a string; write [\"10.0.0.0/8\"]",
        ),
        ("user = 5000", "1:8: `user`: want a string, found an integer; write \"5000\""),
        (
            "[[listener]]\nmode = \"0600\"",
            "1:1: `listener`: want a table, found an array; write each table's head in single brackets and with a name: [listener.NAME]",
        ),
        (
            "[[tls]]\nkey = \"/k\"",
            "1:1: `tls`: want a table, found an array; write the table's head in single brackets",
        ),
        ("tls = \"on\"", "1:7: `tls`: want a table, found a string"),
        ("listener.x = 1", "1:14: `listener.x`: want a table, found an integer"),
    ]);
}

#[test]
fn texts_that_are_not_toml() {
    all(&[
        ("idle = \"1m\"\n\nidle = \"2m\"", "3:1: `idle` is set twice, first in line 1"),
        ("[tls]\n[log]\n[tls]", "3:1: [tls] stands twice, first in line 1"),
        ("idle = 5m", "1:8: not a number; texts, durations, sizes and modes stand in quotes"),
        (
            "[listener.x]\nmode = 0660",
            "2:9: not a number; texts, durations, sizes and modes stand in quotes",
        ),
        ("user = vmail", "1:8: a text must stand in quotes"),
        ("idle =", "1:7: the file ends where a value should be"),
        ("idle = \"1m", "1:8: unterminated string"),
    ]);
}

#[test]
fn files_that_cannot_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("smtpd.toml");
    let load = || Config::load(dir.path(), "smtpd", &specs());
    let said =
        || print_problems(&load().unwrap_err()).replace(&format!("{}/", dir.path().display()), "");
    std::fs::write(&path, b"# f\xc3\xbcr\nuser = \"m\xfcller\"\n").unwrap();
    assert_eq!(said(), "smtpd.toml:2:10: not UTF-8: the octet 0xFC\n");
    std::fs::write(&path, "\u{feff}idle = \"1m\"\n").unwrap();
    assert_eq!(load().unwrap().duration("idle"), Duration::from_secs(60));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(said().starts_with("smtpd.toml: cannot be read: "), "{}", said());
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, vec![b'#'; 1 << 20 | 1]).unwrap();
    assert_eq!(said(), "smtpd.toml: longer than 1048576 octets\n");
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let (uid, _) = crate::users::own_ids();
    if uid != 0 {
        let who = crate::users::shown(uid);
        assert_eq!(said(), format!("smtpd.toml: permission denied for {who}\n"));
    }
}
