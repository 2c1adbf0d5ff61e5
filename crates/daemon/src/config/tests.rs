//! Many errors at once, with their exact text; the sample; merging.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::{Domains, Mail, keys};

mod mistakes;
mod showing;

const PASSDB: &[Key] = &[
    Key::required("driver", Kind::Choice(&["passwd-file", "static"]), "How."),
    Key::optional("path", Kind::Path(Purpose::ReadFile), "Where."),
];

fn specs() -> Vec<FileSpec> {
    let own = [
        Key::new("max_recipients", Kind::count(1, 100_000), "1000", "Recipients of one message."),
        Key::new("idle", Kind::seconds(1, 3600), "\"5m\"", "How long a client may say nothing."),
        Key::new("body", Kind::Size { min: 0, max: 1 << 30 }, "\"64K\"", "Kept in memory."),
        Key::new("straight_in", Kind::Bool, "true", "Whether."),
        Key::optional("mynetworks", Kind::List(&Kind::Text), "Whose."),
        Key::new("trusted_ids", Kind::List(&Kind::User), "[\"no-such-user\", 0]", "Whom."),
        Key::optional("passdb", Kind::Tables(PASSDB), "In this order."),
        keys::TLS,
    ];
    vec![FileSpec::daemon("smtpd", "takes mail in.", &own), Domains::spec(), Mail::spec()]
}

fn problems(smtpd: &str, domains: &str) -> String {
    let loaded = Config::from_texts("smtpd", &specs(), &[("smtpd", smtpd), ("domains", domains)]);
    print_problems(&loaded.unwrap_err())
}

#[test]
fn all_errors_of_all_files_at_once() {
    let smtpd = "\
max_recipients = 0
max_recipiants = 7
idle = \"5 minutes\"
body = \"2G\"
straight_in = \"yes\"
mynetworks = [\"127.0.0.1\", 8, \"a\\u0007\"]
trusted_ids = [\"nobody-of-that-name\", -1]

[passdb.users]
driver = \"paswd-file\"
path = \"etc/passwd\"

[passdb.other]
colour = 1

[listener.smtp]
address = \"localhost:25\"
mode = \"660\"

[lsitener.x]
[log]
level = 3
";
    let domains = "hostname = \"ü\" # two bytes\nmailbox_domains = \"example.test\"\nroutes = { \"a.test\" = \"x.sock\" }\n";
    let want = "\
domains.toml:2:19: `mailbox_domains`: want an array, found a string; write [\"example.test\"]
domains.toml:3:23: `routes.a.test`: \"x.sock\" is not an absolute path
smtpd.toml:1:18: `max_recipients`: 0 is not between 1 and 100000
smtpd.toml:2:1: unknown key `max_recipiants`; did you mean `max_recipients`?
smtpd.toml:3:8: `idle`: \"5 minutes\" is not a duration: write \"30s\", \"10m\", \"1h30m\", \"5d\"
smtpd.toml:4:8: `body`: \"2G\" is not between 0 and 1G
smtpd.toml:5:15: `straight_in`: want true or false, found a string; write true
smtpd.toml:6:28: `mynetworks`: want a string, found an integer; write \"8\"
smtpd.toml:6:31: `mynetworks`: control characters are not allowed
smtpd.toml:7:16: `trusted_ids`: there is no user \"nobody-of-that-name\" on this system
smtpd.toml:7:39: `trusted_ids`: -1 is no user's number
smtpd.toml:10:10: `passdb.users.driver`: \"paswd-file\" is none of passwd-file, static; did you mean \"passwd-file\"?
smtpd.toml:11:8: `passdb.users.path`: \"etc/passwd\" is not an absolute path
smtpd.toml:13:9: `passdb.other.driver` must be set
smtpd.toml:14:1: unknown key `colour` in [passdb.other]
smtpd.toml:17:11: `listener.smtp.address`: \"localhost:25\" is no socket's address: want \"127.0.0.1:25\", \"[::1]:25\", \"*:25\" or \"unix:/path\"
smtpd.toml:18:8: `listener.smtp.mode`: \"660\" is not a mode: write \"0660\"
smtpd.toml:20:2: unknown key `lsitener`; did you mean `listener`?
smtpd.toml:22:9: `log.level`: want a string, found an integer; write \"3\"
";
    pretty(&problems(smtpd, domains), want);
}

/// Compares line by line, so that a failure shows the line.
fn pretty(found: &str, want: &str) {
    for (found, want) in found.lines().zip(want.lines()) {
        assert_eq!(found, want);
    }
    assert_eq!(found.lines().count(), want.lines().count(), "{found}");
}

#[test]
fn a_file_that_is_not_toml_has_one_problem_and_the_others_theirs() {
    let found = problems("idle = \"1m\"\nidle = \nx", "colour = 1\n");
    assert!(
        found.starts_with("domains.toml:1:1: unknown key `colour`\nsmtpd.toml:2:8: "),
        "{found}"
    );
    assert_eq!(found.lines().count(), 2);
}

#[test]
fn control_characters_of_the_file_are_not_shown_raw() {
    let found = problems("\"a\\u001b[31m\\n\" = 1\nidle = \"\\u001b[0m\"", "");
    assert!(!found.contains('\u{1b}'), "{found}");
    assert_eq!(found.lines().count(), 2, "{found}");
}

#[test]
fn values_and_defaults() {
    let text = "idle = \"90s\"\nbody = 1000\ntrusted_ids = [0, 70]\n[passdb.zeta]\ndriver = \"static\"\n[passdb.alpha]\ndriver = \"static\"\n[tls]\nkey = \"/k.pem\"\n";
    let config = Config::from_texts("smtpd", &specs(), &[("smtpd", text)]).unwrap();
    assert_eq!(config.count("max_recipients"), 1000);
    assert_eq!(config.duration("idle"), Duration::from_secs(90));
    assert_eq!(config.size("body"), 1000);
    assert!(config.boolean("straight_in"));
    assert!(config.is_set("idle") && !config.is_set("straight_in"));
    assert_eq!(config.users("trusted_ids"), [0, 70]);
    let names: Vec<_> = config.tables("passdb").iter().map(Table::name).collect();
    assert_eq!(names, ["zeta", "alpha"], "the file's order counts");
    assert_eq!(config.table("tls").opt_path("certificate"), None);
    assert_eq!(config.table("tls").opt_path("key"), Some(Path::new("/k.pem")));
    assert_eq!(config.table("log").text("level"), "info");
    let problem = config.table("tls").problem("key", "needs `certificate`").to_string();
    assert_eq!(problem, "smtpd.toml:9:7: `key`: needs `certificate`");

    let empty = Config::from_texts("smtpd", &specs(), &[]).unwrap();
    assert_eq!(empty.users("trusted_ids"), [0], "a default's unknown user is left out");
    let domains = Domains::read(empty.file("domains"));
    assert_eq!(domains.postmaster, format!("postmaster@{}", domains.hostname));
    assert_eq!(domains.message_size_limit, 50 << 20);
    assert_eq!(Mail::read(empty.file("mail")).location, "maildir:~/Maildir");
}

#[test]
fn files_from_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let error = print_problems(&Config::load(dir.path(), "smtpd", &specs()).unwrap_err());
    assert_eq!(error, format!("{}/smtpd.toml: no such file\n", dir.path().display()));
    std::fs::write(dir.path().join("smtpd.toml"), "idle = \"7s\"").unwrap();
    let config = Config::load(dir.path(), "smtpd", &specs()).unwrap();
    assert_eq!(config.duration("idle"), Duration::from_secs(7));
    assert_eq!(config.folder(), dir.path());
    // An instance has the daemon's file, or its own in that one's place.
    let mx = || Config::load_instance(dir.path(), "smtpd", Some("mx"), &specs());
    assert_eq!(mx().unwrap().duration("idle"), Duration::from_secs(7));
    assert!(mx().unwrap().shares_file() && !config.shares_file());
    std::fs::write(dir.path().join("smtpd@mx.toml"), "idle = \"9s\"").unwrap();
    let config = mx().unwrap();
    assert!(!config.shares_file());
    assert_eq!((config.instance(), config.duration("idle")), (Some("mx"), Duration::from_secs(9)));
    std::fs::write(dir.path().join("domains.toml"), [b'#', 0xff]).unwrap();
    assert!(Config::load(dir.path(), "smtpd", &specs()).is_err());
}

#[test]
fn the_sample_loads_to_the_defaults() {
    let specs = specs();
    let (own, plain) = (sample(&specs[0]), Config::from_texts("smtpd", &specs, &[]).unwrap());
    let texts: Vec<(&str, String)> = specs.iter().map(|spec| (spec.name, sample(spec))).collect();
    let texts: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let loaded = Config::from_texts("smtpd", &specs, &texts).unwrap();
    for spec in &specs {
        for key in &spec.keys {
            assert!(loaded.file(spec.name).same(plain.file(spec.name), key.name), "{}", key.name);
            assert!(texts.iter().any(|(_, text)| text.contains(key.name)), "{}", key.name);
        }
    }
    assert!(own.contains("\n#idle = \"5m\"\n"), "{own}");
    assert!(own.contains("\n#[passdb.NAME]\n"), "{own}");
    assert!(own.lines().all(|line| line.is_empty() || line.starts_with('#')), "{own}");
}

#[test]
fn the_samples_defaults_uncommented_load_too() {
    let specs = specs();
    let uncomment = |spec: &FileSpec| -> String {
        let lines = sample(spec);
        let set = lines.lines().filter(|line| line.starts_with('#') && !line.starts_with("# "));
        let set = set.filter(|line| !line.contains('…'));
        set.map(|line| format!("{}\n", line.trim_start_matches('#'))).collect()
    };
    let text = uncomment(&specs[2]);
    assert!(text.contains("mail_location = \"maildir:~/Maildir\""), "{text}");
    Config::from_texts("smtpd", &specs, &[("mail", &text)]).unwrap();
}

#[test]
fn merging_goes_key_by_key() {
    let base = "b = 1\na = [1, 2]\n[t.one]\nx = \"\\\"q\\n\"\ny = true\n[t.two]\nz = 1\n";
    let over = "a = [3]\n[t.one]\ny = false\n[t.three]\nw = 2\n[\"odd key\"]\nv = { k = 1.5 }\n";
    let merged = merge((Path::new("b"), base), (Path::new("o"), over)).unwrap();
    let want = "b = 1\na = [3]\n\n[t]\n\n[t.one]\nx = \"\\\"q\\u000A\"\ny = false\n\n[t.two]\nz = 1\n\n[t.three]\nw = 2\n\n[\"odd key\"]\n\n[\"odd key\".v]\nk = 1.5\n";
    assert_eq!(merged, want);
    let error = merge((Path::new("b"), base), (Path::new("o.toml"), "x = \n")).unwrap_err();
    assert!(error.to_string().starts_with("o.toml:1:5: "), "{error}");
}

#[test]
fn folders_are_merged() {
    let (base, over) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(base.path().join("a.toml"), "x = 1\n").unwrap();
    std::fs::write(over.path().join("a.toml"), "y = 2\n").unwrap();
    std::fs::write(over.path().join("b.toml"), "z = 3\n").unwrap();
    std::fs::write(over.path().join("notes.txt"), "no").unwrap();
    merge_folders(base.path(), over.path()).unwrap();
    let read = |name| std::fs::read_to_string(base.path().join(name)).unwrap();
    assert_eq!(read("a.toml"), "x = 1\ny = 2\n");
    assert_eq!(read("b.toml"), "z = 3\n");
    assert!(!base.path().join("notes.txt").exists());
    std::fs::write(over.path().join("a.toml"), "y = \n").unwrap();
    std::fs::write(over.path().join("b.toml"), "z = \n").unwrap();
    assert_eq!(merge_folders(base.path(), over.path()).unwrap_err().len(), 2);
}

proptest::proptest! {
    #[test]
    fn the_walk_never_panics(text in "[a-z_\\[\\]=\"{}.,0-9 \n-]{0,80}") {
        let _ = Config::from_texts("smtpd", &specs(), &[("smtpd", &text)]);
    }

    #[test]
    fn merging_into_nothing_keeps_the_values(x in "\\PC*", n in proptest::prelude::any::<i64>()) {
        let text = format!("a = {n}\n[t]\n\"k k\" = \"\"\n");
        let merged = merge((Path::new("b"), ""), (Path::new("o"), &text)).unwrap();
        let again = merge((Path::new("b"), ""), (Path::new("o"), &merged)).unwrap();
        proptest::prop_assert_eq!(&merged, &again);
        let _ = merge((Path::new("b"), &x), (Path::new("o"), &text));
    }
}
