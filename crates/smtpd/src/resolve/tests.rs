//! The order of look-ups, case by case.

use std::collections::HashSet;
use std::sync::Mutex;

use super::*;

/// A userdb that knows some names, and notes what it was asked.
#[derive(Default)]
struct Users {
    known: Vec<&'static str>,
    away: bool,
    asked: Mutex<Vec<String>>,
}

impl Userdb for Users {
    async fn knows(&self, user: &str) -> Result<bool, Unavailable> {
        self.asked.lock().expect("whole").push(user.to_owned());
        if self.away {
            return Err(Unavailable("away".into()));
        }
        Ok(self.known.contains(&user))
    }
}

fn rules() -> Rules {
    Rules {
        mailbox_domains: ["vmail.test", "two.test"].map(String::from).into(),
        myorigin: Domain::parse("mx.test").expect("good"),
        postmaster: "root@vmail.test".parse().expect("good"),
        delimiters: "+".into(),
        catch_all: CatchAll::Dovetail,
        max_depth: 1000,
        max_addresses: 1000,
    }
}

fn users() -> Users {
    Users {
        known: vec!["alice@vmail.test", "bob@vmail.test", "root@vmail.test", "bob@two.test"],
        ..Users::default()
    }
}

fn aliases(text: &str) -> Aliases {
    let entries = text.lines().map(|line| {
        let (key, value) = line.trim().split_once(' ').expect("key and value");
        (key.to_owned(), lookup::table::alias::parse(value).expect("addresses"))
    });
    Aliases::new(vec![std::sync::Arc::new(entries.collect())])
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// Targets as `address`, `address?` (unknown), `address!` (remote); or the refusal's code and DSN.
fn show(asked: &str, relay: bool, rules: &Rules, table: &str, users: &Users) -> String {
    let asked: Address = asked.parse().expect("an address");
    match run(resolve(&asked, relay, rules, &aliases(table), users)) {
        Ok(targets) => {
            let mark = |place| match place {
                Place::Mailbox => "",
                Place::Unknown => "?",
                Place::Remote => "!",
            };
            let shown = targets.iter().map(|t| format!("{}{}", t.address, mark(t.place)));
            shown.collect::<Vec<_>>().join(" ")
        }
        Err(refusal) => {
            let (code, subject, detail, _) = refusal.words(&asked);
            format!("{code} {}.{subject}.{detail}", code / 100)
        }
    }
}

fn check(table: &str, cases: &[(&str, &str)]) {
    for (asked, expected) in cases {
        assert_eq!(show(asked, false, &rules(), table, &users()), *expected, "{asked}");
    }
}

#[test]
fn mailboxes_and_strangers() {
    check(
        "",
        &[
            ("alice@vmail.test", "alice@vmail.test"),
            ("alice@VMAIL.test", "alice@VMAIL.test"),
            ("alice+work@vmail.test", "alice+work@vmail.test"),
            ("alice+@vmail.test", "alice+@vmail.test"),
            ("nobody@vmail.test", "550 5.1.1"),
            ("nobody+x@vmail.test", "550 5.1.1"),
            ("x@remote.test", "554 5.7.1"),
            ("x@[192.0.2.1]", "554 5.7.1"),
            ("bob", "554 5.7.1"),
            ("a%b@vmail.test", "554 5.7.1"),
            ("remote.test!x@vmail.test", "554 5.7.1"),
            ("\"x@remote.test\"@vmail.test", "554 5.7.1"),
        ],
    );
}

#[test]
fn those_who_may_relay() {
    for (asked, expected) in [
        ("x@remote.test", "x@remote.test!"),
        ("bob", "bob@mx.test!"),
        ("nobody@vmail.test", "550 5.1.1"),
        ("a%b@vmail.test", "550 5.1.1"),
        ("a%b@remote.test", "\"a%b\"@remote.test!"),
    ] {
        let shown = show(asked, true, &rules(), "", &users());
        assert_eq!(shown.replace('"', ""), expected.replace('"', ""), "{asked}");
    }
}

#[test]
fn aliases_in_order() {
    check(
        "abuse@vmail.test alice@vmail.test
         Sales+EU@vmail.test bob@vmail.test
         sales@vmail.test x@remote.test
         alice+news@vmail.test bob@vmail.test
         chain@vmail.test abuse@vmail.test
         bare@vmail.test bob
         @two.test alice@vmail.test",
        &[
            ("abuse@vmail.test", "alice@vmail.test"),
            ("ABUSE@Vmail.Test", "alice@vmail.test"),
            // The detail that no key took goes on to the result, an empty one too.
            ("abuse+x@vmail.test", "alice+x@vmail.test"),
            ("abuse+@vmail.test", "alice+@vmail.test"),
            ("chain+x@vmail.test", "alice+x@vmail.test"),
            ("sales+eu@vmail.test", "bob@vmail.test"),
            ("sales+us@vmail.test", "x+us@remote.test!"),
            ("alice+news@vmail.test", "bob@vmail.test"),
            ("alice+other@vmail.test", "alice+other@vmail.test"),
            ("bare@vmail.test", "bob@mx.test!"),
            // A catch-all beside a real mailbox.
            ("bob@two.test", "bob@two.test"),
            ("anybody+x@two.test", "alice@vmail.test"),
        ],
    );
}

#[test]
fn postfix_puts_the_catch_all_first() {
    let rules = Rules { catch_all: CatchAll::Postfix, ..rules() };
    let table = "@two.test alice@vmail.test\nkept@two.test bob@two.test\n";
    assert_eq!(show("bob@two.test", false, &rules, table, &users()), "alice@vmail.test");
    // As in Postfix, the alias' target meets the catch-all as well; an identity entry stops that.
    assert_eq!(show("kept@two.test", false, &rules, table, &users()), "alice@vmail.test");
    let table = format!("{table}bob@two.test bob@two.test");
    assert_eq!(show("bob@two.test", false, &rules, &table, &users()), "bob@two.test");
}

#[test]
fn other_domains_on_the_right() {
    check(
        "@two.test @vmail.test
         info@vmail.test @remote.test",
        &[
            ("alice+x@two.test", "alice+x@vmail.test"),
            ("nobody@two.test", "550 5.1.1"),
            ("info+a@vmail.test", "info+a@remote.test!"),
        ],
    );
}

#[test]
fn bare_keys_stand_for_myorigin() {
    let mut rules = rules();
    rules.mailbox_domains.insert("mx.test".into());
    let table = "root alice@vmail.test";
    assert_eq!(show("root@mx.test", false, &rules, table, &users()), "alice@vmail.test");
    assert_eq!(show("root+x@mx.test", false, &rules, table, &users()), "alice+x@vmail.test");
    assert_eq!(show("root", false, &rules, table, &users()), "alice@vmail.test");
    assert_eq!(show("root@two.test", false, &rules, table, &users()), "550 5.1.1");
}

#[test]
fn several_targets_of_whom_some_are_dead() {
    check(
        "three@vmail.test alice@vmail.test, gone@vmail.test, x@remote.test
         dead@vmail.test gone@vmail.test, lost@vmail.test
         twice@vmail.test alice@vmail.test, ALICE@vmail.test, abuse@vmail.test
         abuse@vmail.test alice@vmail.test",
        &[
            ("three@vmail.test", "alice@vmail.test gone@vmail.test? x@remote.test!"),
            ("dead@vmail.test", "550 5.1.1"),
            ("twice@vmail.test", "alice@vmail.test"),
        ],
    );
}

#[test]
fn aliases_that_name_themselves() {
    check(
        "alice@vmail.test alice@vmail.test, bob@vmail.test
         ghost@vmail.test ghost@vmail.test
         copy@vmail.test Copy@vmail.test, x@remote.test
         @vmail.test bob@vmail.test",
        &[
            ("alice@vmail.test", "alice@vmail.test bob@vmail.test"),
            ("alice+x@vmail.test", "alice+x@vmail.test bob+x@vmail.test"),
            // No mailbox of that name: its own entry keeps it from the catch-all, not from the test.
            ("ghost@vmail.test", "550 5.1.1"),
            ("copy@vmail.test", "Copy@vmail.test? x@remote.test!"),
        ],
    );
}

#[test]
fn loops_and_limits_end() {
    check(
        "a@vmail.test b@vmail.test
         b@vmail.test a@vmail.test
         grow@vmail.test grow+x@vmail.test
         @two.test user@two.test",
        &[
            ("a@vmail.test", "451 4.6.0"),
            ("grow@vmail.test", "451 4.6.0"),
            ("any@two.test", "550 5.1.1"),
        ],
    );
    let chain: Vec<_> = (0..20).map(|n| format!("c{n}@vmail.test c{}@vmail.test", n + 1)).collect();
    let table = format!("{}\nc20@vmail.test bob@vmail.test", chain.join("\n"));
    let mut rules = rules();
    assert_eq!(show("c0@vmail.test", false, &rules, &table, &users()), "bob@vmail.test");
    rules.max_depth = 20;
    assert_eq!(show("c0@vmail.test", false, &rules, &table, &users()), "451 4.6.0");

    let many: Vec<_> = (0..10).map(|n| format!("x{n}@remote.test")).collect();
    let table = format!("all@vmail.test {}", many.join(","));
    rules.max_addresses = 10;
    assert!(show("all@vmail.test", false, &rules, &table, &users()).starts_with("x0@remote.test!"));
    rules.max_addresses = 9;
    assert_eq!(show("all@vmail.test", false, &rules, &table, &users()), "451 4.6.0");
}

#[test]
fn a_diamond_is_no_loop() {
    check(
        "top@vmail.test left@vmail.test, right@vmail.test
         left@vmail.test bottom@vmail.test
         right@vmail.test bottom@vmail.test
         bottom@vmail.test bob@vmail.test",
        &[("top@vmail.test", "bob@vmail.test")],
    );
}

#[test]
fn authd_away_is_never_unknown() {
    let away = Users { away: true, ..users() };
    let table = "two@vmail.test x@remote.test, bob@vmail.test\nout@vmail.test x@remote.test";
    assert_eq!(show("nobody@vmail.test", false, &rules(), table, &away), "451 4.3.0");
    assert_eq!(show("two@vmail.test", false, &rules(), table, &away), "451 4.3.0");
    assert_eq!(show("out@vmail.test", false, &rules(), table, &away), "x@remote.test!");
    assert_eq!(show("x@remote.test", false, &rules(), table, &away), "554 5.7.1");
}

#[test]
fn unseen_where_no_catch_all_could_be_meant() {
    let rules = rules();
    let show = |asked: &str, table: &str| {
        let (asked, aliases): (Address, _) = (asked.parse().expect("good"), aliases(table));
        let why = Unavailable("away".into());
        let unseen = Unseen { rules: &rules, aliases: &aliases, why };
        run(resolve(&asked, true, &rules, &aliases, &unseen))
            .map(|targets| targets.iter().map(|t| format!("{} {:?}", t.address, t.place)).collect())
    };
    let table = "team@vmail.test bob@vmail.test, x@remote.test\n@two.test x@remote.test";
    let good = |asked: &str| -> Vec<String> { show(asked, table).expect("taken") };
    assert_eq!(good("any@vmail.test"), ["any@vmail.test Mailbox"]);
    assert_eq!(good("team@vmail.test"), ["bob@vmail.test Mailbox", "x@remote.test Remote"]);
    assert!(matches!(show("bob@two.test", table), Err(Refusal::Userdb(_))));
}

#[test]
fn postmaster_is_always_taken() {
    check("", &[("postmaster", "root@vmail.test"), ("POSTMASTER", "root@vmail.test")]);
    let nobody = Users::default();
    assert_eq!(show("postmaster", false, &rules(), "", &nobody), "root@vmail.test?");
    let away = Users { away: true, ..Users::default() };
    assert_eq!(show("postmaster", false, &rules(), "", &away), "root@vmail.test?");
    let table = "root@vmail.test ann@remote.test";
    assert_eq!(show("postmaster", false, &rules(), table, &nobody), "ann@remote.test!");
}

#[test]
fn the_userdb_is_asked_without_quotes_and_detail() {
    let users = users();
    for asked in ["\"a b\"+x@VMAIL.test", "\"a b+x\"@VMAIL.test", "Ann+y@vmail.test"] {
        let Ok(asked) = asked.parse::<Address>() else { continue };
        let _ = run(resolve(&asked, false, &rules(), &Aliases::default(), &users));
    }
    let asked: HashSet<_> = users.asked.lock().expect("whole").iter().cloned().collect();
    assert_eq!(asked, ["a b@vmail.test".to_owned(), "Ann@vmail.test".to_owned()].into());
}
