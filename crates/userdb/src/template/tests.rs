//! Both spellings, and what must not climb.

use proptest::prelude::*;

use super::*;
use crate::{Asking, Fields, Secured};

fn expand(template: &str, user: &str) -> String {
    Template::parse(template).unwrap().expand(&Values::of_user(user))
}

fn path(template: &str, user: &str) -> Result<PathBuf, PathError> {
    Template::parse(template).unwrap().expand_path(&Values::of_user(user))
}

#[test]
fn both_spellings() {
    assert_eq!(expand("%Lu|%n|%d|%%", "Bob@X.test"), "bob@x.test|Bob|X.test|%");
    assert_eq!(expand("%{user | username | upper}-%{domain}", "bob@x"), "BOB-x");
    assert_eq!(expand("%d", "bob"), "");
    for bad in ["%x", "%", "%{foo}", "%{user | rot13}", "%{user", "%L"] {
        assert!(Template::parse(bad).is_err(), "{bad}");
    }
}

/// What Debian's Dovecot 2.3.19 made of each in a field of this user's line.
#[test]
fn as_dovecot_expands() {
    let (mut passdb, mut userdb) = (Fields::new(), Fields::new());
    passdb.set("v0", "Bob.Smith@Ex.Ample@Last");
    userdb.set("q", "Q");
    let asking = Asking {
        service: "smtp".into(),
        mechanism: "PLAIN".into(),
        local: "127.0.0.2".parse().ok(),
        remote: "192.0.2.9".parse().ok(),
        local_port: Some(587),
        remote_port: Some(40000),
        real_remote: "10.0.0.1".parse().ok(),
        secured: Secured::Tls,
        local_name: "mx.test".into(),
        session: "sess1".into(),
        client_id: "cid".into(),
        ..Asking::default()
    };
    let values = Values {
        user: "Bob.Smith@Ex.Ample@Last",
        asking: Some(&asking),
        passdb: Some(&passdb),
        userdb: Some(&userdb),
        database: 1,
        ..Values::default()
    };
    for (template, wanted) in [
        ("%u", "Bob.Smith@Ex.Ample@Last"),
        ("%n", "Bob.Smith"),
        ("%d", "Ex.Ample@Last"),
        ("%s", "smtp"),
        ("%l", "127.0.0.2"),
        ("%r", "192.0.2.9"),
        ("%a", "587"),
        ("%b", "40000"),
        ("%p", "0"),
        ("%m", "PLAIN"),
        ("%c", "TLS"),
        ("%k", ""),
        ("%!", "1"),
        ("%Lu", "bob.smith@ex.ample@last"),
        ("%Uu", "BOB.SMITH@EX.AMPLE@LAST"),
        ("%5u", "Bob.S"),
        ("%-3u", "Bob"),
        ("%1.2u", "ob"),
        ("%-3.2u", "as"),
        ("%-30.2u", "Bo"),
        ("%3.-2u", ".Smith@Ex.Ample@La"),
        ("%0.-2u", "Bob.Smith@Ex.Ample@La"),
        ("%020n", "00000000000Bob.Smith"),
        ("%2.020n", "0000000000000b.Smith"),
        ("%50.2u", ""),
        ("%Ru", "tsaL@elpmA.xE@htimS.boB"),
        ("%Mu", "37f1ee9dcb02398c9bcb3b2cba3ced3e"),
        ("%Hu", "4b0b584"),
        ("%Nu", "cb02398c"),
        ("%2.256Nu", "8c"),
        ("%2.256Hu", "84"),
        ("%3RHu", "1"),
        ("%256Nu", "8c"),
        ("%8.NLu", "cb02398c"),
        ("%Du", "Bob,dc=Smith@Ex,dc=Ample@Last"),
        ("%Xa", "24b"),
        ("%XLu", "0"),
        ("%LUu", "BOB.SMITH@EX.AMPLE@LAST"),
        ("%{user}", "Bob.Smith@Ex.Ample@Last"),
        ("%{username}", "Bob.Smith"),
        ("%{domain}", "Ex.Ample@Last"),
        ("%{service}", "smtp"),
        ("%{lip}", "127.0.0.2"),
        ("%{rip}", "192.0.2.9"),
        ("%{lport}", "587"),
        ("%{rport}", "40000"),
        ("%{mech}", "PLAIN"),
        ("%{secured}", "TLS"),
        ("%{cert}", ""),
        ("%{login_user}", ""),
        ("%{session}", "sess1"),
        ("%{real_lip}", "127.0.0.2"),
        ("%{real_rip}", "10.0.0.1"),
        ("%{real_lport}", "587"),
        ("%{real_rport}", "40000"),
        ("%{domain_first}", "Ex.Ample"),
        ("%{domain_last}", "Last"),
        ("%{master_user}", ""),
        ("%{session_pid}", ""),
        ("%{orig_user}", "Bob.Smith@Ex.Ample@Last"),
        ("%{orig_username}", "Bob.Smith"),
        ("%{orig_domain}", "Ex.Ample@Last"),
        ("%{auth_user}", "Bob.Smith@Ex.Ample@Last"),
        ("%{auth_domain}", "Ex.Ample@Last"),
        ("%{local_name}", "mx.test"),
        ("%{client_id}", "cid"),
        ("%{passdb:v0}", "Bob.Smith@Ex.Ample@Last"),
        ("%{passdb:zz:dflt}", "dflt"),
        ("%{userdb:q}", "Q"),
        ("%{userdb:zz:d}", "d"),
        ("%L{user}", "bob.smith@ex.ample@last"),
        ("%3.4L{user}", ".smi"),
        ("%{pid}", "0"),
        ("%6Ru", "tsaL@e"),
        ("%%u", "%u"),
        ("%h", ""),
    ] {
        assert_eq!(Template::parse(template).unwrap().expand(&values), wanted, "{template}");
    }
}

/// 2.4's filters, by its documentation: no release of it is at hand to ask.
#[test]
fn filters() {
    for (template, user, wanted) in [
        ("%{user | lower}", "Bob@X", "bob@x"),
        ("%{user|domain|upper}", "bob@x", "X"),
        ("%{ user | username }", "bob@x", "bob"),
        ("%{domain | default('none')}", "bob", "none"),
        ("%{domain | default}", "bob", ""),
        ("%{user | substr(0, 1)}/%{user | substr(1)}", "bob", "b/ob"),
        ("%{user | substr(-2)}%{user | substr(0,-1)}%{user | substr(9,4)}", "bob", "obbo"),
        ("%{user | truncate(2)}", "bob", "bo"),
        ("%{user | reverse}", "bob@x", "x@bob"),
        ("%{domain | ldap_dn}", "b@a.test", "a,dc=test"),
        ("%{user | md5}", "bob", "9f9d51bc70ef21ca5c14f307980a29d8"),
        ("%{user | md5 | hexlify(4)}", "bob", "9f9d"),
        ("%{user | hash('md5') | substr(0, 4)}", "bob", "9f9d"),
        ("%{user | sha1 | base64}", "bob", "SBgazSKz7a68ikR4aKfffOYpkgo="),
        ("%{user | sha256(rounds=2,salt='x') | truncate(2) | hexlify}", "bob", "SALTED"),
        ("%{user | md5 % 256 | hex(2)}", "bob", "d8"),
        ("%{user | hexlify}", "bob", "626f62"),
        ("%{user | index('@', 1)}|%{user | index('@', -1)}", "a@b@c", "b|c"),
        ("%{user | lfill(5)}%{user | rfill(5, \"x\")}", "bob", "00bobbobxx"),
        ("%{user | concat('.') | safe}", "bob", "bob."),
        ("%{protocol}%{remote_ip}", "bob", ""),
    ] {
        let wanted = wanted.replace("SALTED", &salted());
        assert_eq!(expand(template, user), wanted, "{template}");
    }
}

fn salted() -> String {
    use sha2::{Digest as _, Sha256};
    let once = Sha256::digest(b"xbob");
    let twice = Sha256::digest([b"x", once.as_slice()].concat());
    twice.iter().take(2).map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn what_is_wrong_is_shown() {
    let error = Template::parse("/var/vmail/%d/%{usr}/x").unwrap_err();
    assert_eq!((error.at, error.what.as_str()), (15, "%{usr}"));
    let error = Template::parse("ä%q x").unwrap_err();
    assert_eq!((error.at, error.what.as_str()), (2, "%q"));
    for bad in [
        "%2000u",
        "%{user | lfill(9999)}",
        "%{user | sha256(rounds=100000)}",
        "%LLLLLLLLLLLLLLLLLu",
        "%{passdb:}",
        "%{user;x}",
        "%{if;%u;eq;a;b;c}",
        "%w",
        "%{user | substr}",
        "%{user % 0}",
    ] {
        assert!(Template::parse(bad).is_err(), "{bad}");
    }
    assert_eq!(Template::lenient("100%").expand(&Values::default()), "100%");
}

#[test]
fn paths_that_a_database_has_do_not_climb_either() {
    let mut userdb = Fields::new();
    userdb.set("spool", "/srv/a");
    userdb.set("bad", "../a");
    let values =
        Values { user: "bob", userdb: Some(&userdb), home: "/h/../x", ..Values::default() };
    let path = |text: &str| Template::parse(text).unwrap().expand_path(&values);
    assert_eq!(path("%{userdb:spool}/%u"), Ok("/srv/a/bob".into()));
    assert!(matches!(path("/v/%{userdb:bad}"), Err(PathError::Climbs(_))));
    // The home was checked when it was set; what the operator wrote in it stays.
    assert_eq!(path("%h/%u"), Ok("/h/../x/bob".into()));
}

#[test]
fn values_do_not_climb() {
    let template = "/var/vmail/%d/%n";
    assert_eq!(path(template, "bob@x"), Ok("/var/vmail/x/bob".into()));
    for user in ["..@x", "bob@..", ".@x", "a/b@x", "bob@../../etc", "bob@x/y", "a\0@x"] {
        assert!(matches!(path(template, user), Err(PathError::Climbs(_))), "{user}");
    }
    assert!(matches!(path(template, "bob"), Err(PathError::Empty(_))));
    // What the template says itself is the operator's business, and so is a mere dot inside.
    assert_eq!(path("/var/../%n.d", ".."), Ok("/var/../...d".into()));
    assert_eq!(path("/var//mail/%u", "bob"), Ok("/var//mail/bob".into()));
    assert!(path("/v/.%n", ".").is_err());
}

#[test]
fn fields_with_paths_in_them_do_not_climb() {
    let field = |user| Template::parse("maildir:%n").unwrap().expand_field(&Values::of_user(user));
    assert_eq!(field("bob"), Ok("maildir:bob".into()));
    assert!(field("..").is_err());
}

proptest! {
    #[test]
    fn a_path_stays_under_its_folder(user in "[a./@]{1,12}|.*") {
        if let Ok(got) = path("/root/%d/%n/%u", &user) {
            let below = got.strip_prefix("/root").unwrap();
            prop_assert!(below.components().count() == 3);
            prop_assert!(below.components().all(|c| matches!(c, std::path::Component::Normal(_))));
        }
    }

    #[test]
    fn never_panics(source: String, user: String) {
        if let Ok(template) = Template::parse(&source) {
            let _ = template.expand_path(&Values::of_user(&user));
        }
    }
}
