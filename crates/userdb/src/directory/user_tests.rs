//! User look-ups through chains of userdbs.

use super::super::login::tests::{names, passdb, userdb, world};
use super::*;
use crate::directory::{DirectoryConfig, UserdbDriver};

fn look_up(directory: &Directory, user: &str) -> String {
    match directory.user(user, &Asking::default()) {
        Found::Yes((name, fields)) => {
            let fields = fields.iter().map(|field| format!(" {}={}", field.key, field.value));
            format!("USER {name}{}", fields.collect::<String>())
        }
        Found::No => "NOTFOUND".into(),
        Found::Failed(reason) | Found::TempFail(reason) => format!("FAIL {reason}"),
    }
}

#[test]
fn a_file_as_dovecot_reads_it() {
    let world = world(&["\
p0@x:{PLAIN}secret:5000:5000::/home/%d/%n::
quota@x:{PLAIN}secret:5000:5000::/h::userdb_quota_rule=*:storage=5K quota_rule=zz
short@x:{PLAIN}secret
four@x:{PLAIN}secret::
uname@x:{PLAIN}secret:daemon:daemon::/h::
tempf@x:{PLAIN}secret:5000:5000::/h::userdb_tempfail=yes userdb_reason=later
noh@x:{PLAIN}secret:5000:5000::::
root@x:{PLAIN}secret:0:5000::/h::
mail@x:{PLAIN}secret:5000:5000::/h::userdb_mail=maildir:%h/Mail/%n
"]);
    for (user, answer) in [
        // Dovecot leaves the home field's variables alone; here they count.
        ("p0@x", "USER p0@x uid=5000 gid=5000 home=/home/x/p0"),
        ("P0@X", "USER p0@x uid=5000 gid=5000 home=/home/x/p0"),
        ("quota@x", "USER quota@x uid=5000 gid=5000 home=/h quota_rule=*:storage=5K"),
        ("short@x", "NOTFOUND"),
        ("four@x", "USER four@x"),
        ("uname@x", "USER uname@x uid=1 gid=1 home=/h"),
        ("tempf@x", "FAIL later"),
        ("noh@x", "USER noh@x uid=5000 gid=5000"),
        ("root@x", "NOTFOUND"),
        ("mail@x", "USER mail@x uid=5000 gid=5000 home=/h mail=maildir:/h/Mail/mail"),
        ("nobody@x", "NOTFOUND"),
        ("a%b@x", "NOTFOUND"),
        ("", "NOTFOUND"),
    ] {
        assert_eq!(look_up(&world.directory, user), answer, "{user}");
    }
    let listed = world.directory.list().unwrap();
    assert_eq!(listed.len(), 8);
    assert_eq!(listed[0], "p0@x");
}

fn with_static(fields: &str, allow_all_users: bool, chars: &str) -> (Directory, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users");
    let lines = "a@x:{PLAIN}secret\nnet@x:{PLAIN}s:::::: allow_nets=192.0.2.1\nplain:{PLAIN}s\n";
    std::fs::write(&path, lines).unwrap();
    let fields = FieldTemplates::parse(fields).unwrap();
    let mut rules = names();
    rules.username_chars = chars.into();
    let directory = Directory::new(DirectoryConfig {
        names: rules,
        passdbs: vec![passdb(path.to_str().unwrap())],
        userdbs: vec![userdb(UserdbDriver::Static { fields, allow_all_users })],
    });
    (directory, folder)
}

#[test]
fn static_asks_the_passdb_whether_there_is_such_a_user() {
    let template = "uid=5000 gid=5000 home=/var/vmail/%d/%n";
    let (directory, folder) = with_static(template, false, "");
    assert_eq!(look_up(&directory, "A@x"), "USER a@x uid=5000 gid=5000 home=/var/vmail/x/a");
    assert_eq!(look_up(&directory, "b@x"), "NOTFOUND");
    assert!(look_up(&directory, "net@x").starts_with("USER"), "may get mail from anywhere");
    assert!(look_up(&directory, "plain").starts_with("FAIL a part of"), "has no domain");
    assert_eq!(directory.list().unwrap(), ["a@x", "net@x", "plain"]);
    std::fs::remove_file(folder.path().join("users")).unwrap();
    std::fs::create_dir(folder.path().join("users")).unwrap();
    assert!(look_up(&directory, "a@x").starts_with("FAIL"));
}

#[test]
fn static_for_all_names_but_those_that_climb() {
    let (directory, _folder) = with_static("home=/var/vmail/%d/%n", true, "");
    assert_eq!(look_up(&directory, "new@x"), "USER new@x home=/var/vmail/x/new");
    for climber in ["..@x", "a@..", "a/b@x", "a@x/../y", ".@x"] {
        assert_eq!(look_up(&directory, climber), "NOTFOUND", "{climber}");
    }
}

#[test]
fn owners_that_nobody_knows_fail() {
    let (directory, _folder) = with_static("uid=no-such-user-here", true, "");
    assert!(look_up(&directory, "a@x").starts_with("FAIL uid="));
    let (directory, _folder) = with_static("uid=0", true, "");
    assert!(look_up(&directory, "a@x").starts_with("FAIL uid="));
}
