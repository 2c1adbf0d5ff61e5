//! What Debian's Dovecot 2.3.19 answered to the same file, unless a line says otherwise.

use std::fs;

use super::*;
use crate::directory::{DirectoryConfig, PassdbConfig, UserdbConfig, UserdbDriver};
use crate::{DEFAULT_USERNAME_CHARS, FieldTemplates, NameRules};

const FILE: &str = "\
p0@x:{PLAIN}secret:5000:5000::/home/%d/%n::
nets@x:{PLAIN}secret:5000:5000::/h::allow_nets=127.0.0.1 userdb_quota_rule=*:storage=5K quota_rule=zz nodelay foo=%u
empty@x::5000:5000::/h::
plainempty@x:{PLAIN}:5000:5000::/h::
star@x:*:5000:5000::/h::
unk@x:{FOO}x:5000:5000::/h::
badsha@x:{SHA256}z!:5000:5000::/h::
root@x:{PLAIN}secret:0:0::/h::
short@x:{PLAIN}secret
rename@x:{PLAIN}secret:5000:5000::/h::user=other@x
nol@x:{PLAIN}secret:5000:5000::/h::nologin reason=maintenance
nopw@x::5000:5000::/h::nopassword
nopw2@x:{PLAIN}zz:5000:5000::/h::nopassword
fail@x:{PLAIN}secret:5000:5000::/h::fail=no
percent@x:{PLAIN}secret:5000:5000::/h::note=100%
Upper@x:{PLAIN}secret:5000:5000::/h::
p0@x:{PLAIN}other:5000:5000::/h2::
";

pub(crate) struct World {
    pub(crate) directory: Directory,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn passdb(path: &str) -> PassdbConfig {
    PassdbConfig {
        name: "users".into(),
        path: Template::parse(path).unwrap(),
        scheme: Scheme::Crypt,
        username_format: Template::parse("%u").unwrap(),
        default_fields: FieldTemplates::default(),
        override_fields: FieldTemplates::default(),
    }
}

pub(crate) fn userdb(driver: UserdbDriver) -> UserdbConfig {
    UserdbConfig {
        name: "users".into(),
        driver,
        default_fields: FieldTemplates::default(),
        override_fields: FieldTemplates::default(),
    }
}

pub(crate) fn names() -> NameRules {
    NameRules {
        default_realm: String::new(),
        username_chars: DEFAULT_USERNAME_CHARS.into(),
        username_format: Template::parse("%Lu").unwrap(),
    }
}

/// A directory over files of these contents, each a passdb; the first is the userdb, too.
pub(crate) fn world(files: &[&str]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut passdbs = Vec::new();
    for (at, text) in files.iter().enumerate() {
        let path = folder.path().join(format!("users{at}"));
        fs::write(&path, text).unwrap();
        passdbs.push(passdb(path.to_str().unwrap()));
    }
    let first = passdbs[0].path.clone();
    let driver =
        UserdbDriver::PasswdFile { path: first, username_format: Template::parse("%u").unwrap() };
    let userdbs = vec![userdb(driver)];
    let directory = Directory::new(DirectoryConfig { names: names(), passdbs, userdbs });
    World { directory, folder }
}

fn ask(world: &World, user: &str, password: &str, remote: Option<&str>) -> String {
    let login = Login { user, password: password.as_bytes(), authorize_as: None };
    let remote = remote.map(|ip| ip.parse().unwrap());
    let asking = Asking { service: "smtp".into(), remote, ..Asking::default() };
    show(world.directory.authenticate(&login, &asking))
}

/// A verdict as the client protocol would have it.
fn show(verdict: Verdict) -> String {
    let with = |user, original: Option<String>, fields: &Fields| {
        let mut line = format!("user={user}");
        for field in fields.iter() {
            let value = if field.bare { String::new() } else { format!("={}", field.value) };
            line += &format!(" {}{value}", field.key);
        }
        original.map_or(line.clone(), |original| format!("{line} original_user={original}"))
    };
    match verdict {
        Verdict::Accepted { user, original, fields } => {
            format!("OK {}", with(user, original, &fields))
        }
        Verdict::Refused { user, original, .. } => {
            format!("FAIL {}", with(user, original, &Fields::new()))
        }
        Verdict::Failed { user, .. } => format!("FAIL user={user} code=temp_fail"),
    }
}

#[test]
fn as_dovecot_answers() {
    let world = world(&[FILE]);
    let local = Some("127.0.0.1");
    for (user, password, answer) in [
        ("p0@x", "secret", "OK user=p0@x"),
        ("p0@x", "other", "FAIL user=p0@x"),
        ("P0@X", "secret", "OK user=p0@x original_user=P0@X"),
        ("nets@x", "secret", "OK user=nets@x quota_rule=zz nodelay foo=nets@x"),
        ("empty@x", "", "FAIL user=empty@x"),
        ("plainempty@x", "", "OK user=plainempty@x"),
        ("plainempty@x", "x", "FAIL user=plainempty@x"),
        ("star@x", "*", "FAIL user=star@x"),
        ("unk@x", "x", "FAIL user=unk@x"),
        ("badsha@x", "x", "FAIL user=badsha@x"),
        ("root@x", "secret", "FAIL user=root@x"),
        ("short@x", "secret", "OK user=short@x"),
        ("rename@x", "secret", "OK user=other@x original_user=rename@x"),
        ("rename@x", "no", "FAIL user=other@x original_user=rename@x"),
        ("nol@x", "secret", "OK user=nol@x nologin reason=maintenance"),
        ("nopw@x", "whatever", "OK user=nopw@x"),
        ("nopw2@x", "zz", "FAIL user=nopw2@x"),
        ("fail@x", "secret", "FAIL user=fail@x"),
        ("percent@x", "secret", "OK user=percent@x note=100%"),
        ("Upper@x", "secret", "FAIL user=upper@x original_user=Upper@x"),
        ("nobody@x", "secret", "FAIL user=nobody@x"),
        ("a%b@x", "x", "FAIL user=a%b@x original_user=a%b@x"),
    ] {
        assert_eq!(ask(&world, user, password, local), answer, "{user} {password}");
    }
}

#[test]
fn nets_come_before_the_password() {
    let world = world(&[FILE]);
    assert_eq!(ask(&world, "nets@x", "secret", Some("198.51.100.7")), "FAIL user=nets@x");
    assert_eq!(ask(&world, "nets@x", "secret", None), "FAIL user=nets@x");
}

#[test]
fn the_next_passdb_may_know_better() {
    let world = world(&["a@x:{PLAIN}one", "a@x:{PLAIN}two\nb@x:{PLAIN}b"]);
    assert_eq!(ask(&world, "a@x", "two", None), "OK user=a@x");
    assert_eq!(ask(&world, "b@x", "b", None), "OK user=b@x");
    assert_eq!(ask(&world, "a@x", "three", None), "FAIL user=a@x");
}

#[test]
fn a_file_that_cannot_be_read_is_no_wrong_password() {
    let world = world(&["a@x:{PLAIN}one", "a@x:{PLAIN}two"]);
    let second = world.folder.path().join("users1");
    fs::remove_file(&second).unwrap();
    assert_eq!(ask(&world, "a@x", "two", None), "FAIL user=a@x", "missing: unknown there");
    fs::create_dir(&second).unwrap();
    assert_eq!(ask(&world, "a@x", "two", None), "FAIL user=a@x code=temp_fail");
    assert_eq!(ask(&world, "a@x", "one", None), "OK user=a@x");
}

#[test]
fn nobody_acts_as_somebody_else() {
    let world = world(&[FILE]);
    let login = Login { user: "p0@x", password: b"secret", authorize_as: Some("short@x") };
    let verdict = world.directory.authenticate(&login, &Asking::default());
    assert!(matches!(verdict, Verdict::Refused { reason: Reason::NoMasterUsers, .. }));
}

#[test]
fn the_check_for_nobody_is_a_real_one() {
    let stored = StoredPassword::parse(NOBODYS, Scheme::Crypt).unwrap();
    assert_eq!(stored.check(b"nobody"), Ok(Match::Yes));
}

/// Unknown users, locked ones and those refused by address cost one check, as wrong passwords do,
/// and of the kind that most users have.
#[test]
fn nobody_costs_what_somebody_does() {
    let hash = crate::scheme::make(Scheme::Sha512Crypt, b"secret", Some(1000)).unwrap();
    let text = format!(
        "a@x:{hash}\nb@x:{hash}\nlocked@x:*\nnet@x:{hash}:::::: allow_nets=192.0.2.1\n\
         broken@x:{{FOO}}x\nclear@x:{{PLAIN}}x\nopen@x::::::: nopassword\n"
    );
    let world = world(&[&text]);
    for user in ["a@x", "nobody@x", "locked@x", "net@x", "broken@x", "a%b@x", "open@x", "clear@x"] {
        let before = world.directory.checks();
        ask(&world, user, "wrong", None);
        assert_eq!(world.directory.checks(), before + 1, "{user}");
    }
    let typical = world.directory.passdbs[0].file.typical().unwrap();
    assert_eq!(typical, hash);
}

#[test]
fn pass_tells_what_the_passdb_says_but_the_password() {
    let world = world(&[FILE]);
    let pass = |user: &str| world.directory.pass(user, &Asking::default());
    let fields = |found| match found {
        Found::Yes(fields) => format!("{:?}", Fields::iter(&fields).collect::<Vec<_>>()),
        other => format!("{other:?}"),
    };
    assert!(fields(pass("nol@x")).contains("maintenance"));
    assert!(!fields(pass("p0@x")).contains("secret"));
    assert!(matches!(pass("nobody@x"), Found::No));
    assert!(matches!(pass("nets@x"), Found::No));
    assert!(matches!(pass("a%b@x"), Found::No));
    assert!(matches!(pass("unk@x"), Found::Failed(_)));
}
