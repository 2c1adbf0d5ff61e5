//! Dovecot's own tools against authd's sockets: what an operator types today goes on working.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::process::{Authd, USERS};

const DOVEADM: &str = "/usr/bin/doveadm";

/// Runs doveadm with an empty configuration.
fn doveadm(folder: &Path, arguments: &[&str]) -> Output {
    assert!(
        Path::new(DOVEADM).exists(),
        "{DOVEADM} is missing: install Debian's dovecot-core, or run `cargo verify`, which does"
    );
    let config = folder.join("doveadm.conf");
    fs::write(&config, "log_path = /dev/stderr\nprotocols =\nssl = no\n").unwrap();
    Command::new(DOVEADM).arg("-c").arg(&config).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn auth_test() {
    let authd = Authd::start(USERS, "failure_delay = \"0s\"");
    let folder = tempfile::tempdir().unwrap();
    let socket = authd.socket("client");
    let test = |arguments: &[&str]| {
        let all = [&["auth", "test", "-a", socket.to_str().unwrap()], arguments].concat();
        doveadm(folder.path(), &all)
    };
    let good = test(&["p0@example.test", "secret"]);
    assert!(good.status.success() && said(&good).contains("auth succeeded"), "{good:?}");
    let bad = test(&["p0@example.test", "wrong"]);
    assert_eq!(bad.status.code(), Some(77), "{bad:?}");
    assert!(said(&bad).contains("auth failed"), "{bad:?}");
    let unknown = test(&["nobody@example.test", "secret"]);
    assert_eq!(unknown.status.code(), Some(77), "{unknown:?}");
    let net = test(&["-x", "rip=192.0.2.9", "net@example.test", "secret"]);
    assert!(net.status.success(), "{net:?}");
    let closed = said(&test(&["nol@example.test", "secret"]));
    assert!(closed.contains("nologin") && closed.contains("reason=maintenance"), "{closed}");
}

#[test]
fn user() {
    let authd = Authd::start(USERS, "");
    let folder = tempfile::tempdir().unwrap();
    let socket = authd.socket("userdb");
    let user = |arguments: &[&str]| {
        let all = [&["user", "-a", socket.to_str().unwrap()], arguments].concat();
        doveadm(folder.path(), &all)
    };
    let known = user(&["ful@example.test"]);
    assert!(known.status.success(), "{known:?}");
    for part in ["5000", "/var/vmail/example.test/ful", "*:storage=5K"] {
        assert!(said(&known).contains(part), "{part}: {known:?}");
    }
    let home = user(&["-f", "home", "p0@example.test"]);
    assert_eq!(said(&home).trim(), "/var/vmail/example.test/p0");
    assert_eq!(user(&["nobody@example.test"]).status.code(), Some(67));
    assert_eq!(user(&["later@example.test"]).status.code(), Some(75));
    assert_eq!(said(&user(&["*"])).lines().count(), 6);
    let lookup = ["auth", "lookup", "-a", socket.to_str().unwrap(), "p0@example.test"];
    assert!(doveadm(folder.path(), &lookup).status.success());
}

/// Hashes made here are good there, and the other way round, for every scheme both know.
#[test]
fn schemes_agree() {
    let folder = tempfile::tempdir().unwrap();
    for scheme in userdb::scheme::Scheme::all() {
        let ours = userdb::scheme::make(scheme, b"s3cret", None).unwrap();
        let checked = doveadm(folder.path(), &["pw", "-t", &ours, "-p", "s3cret"]);
        assert!(checked.status.success(), "{ours}: {checked:?}");
        let wrong = doveadm(folder.path(), &["pw", "-t", &ours, "-p", "secret"]);
        assert!(!wrong.status.success(), "{ours}: {wrong:?}");
        let made = doveadm(folder.path(), &["pw", "-s", scheme.name(), "-p", "s3cret"]);
        let theirs = said(&made).trim().to_owned();
        assert!(made.status.success(), "{scheme:?}: {made:?}");
        use userdb::scheme::{Match, Scheme, StoredPassword};
        let stored = StoredPassword::parse(&theirs, Scheme::Crypt).unwrap();
        assert_eq!(stored.check(b"s3cret"), Ok(Match::Yes), "{theirs}");
        assert_eq!(stored.check(b"secret"), Ok(Match::No), "{theirs}");
    }
}
