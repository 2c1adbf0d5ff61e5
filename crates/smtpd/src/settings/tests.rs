//! Combinations that fit, and all that don't, told at once.

use super::*;

const DOMAINS: &str = "hostname = \"mx.test\"\nmailbox_domains = [\"Vmail.test\"]\n";

fn read(text: &str) -> Result<Settings, Vec<String>> {
    let config = Config::from_texts("smtpd", &files(), &[("smtpd", text), ("domains", DOMAINS)]);
    let shown = |problems: Vec<Problem>| problems.iter().map(ToString::to_string).collect();
    config.and_then(|config| Settings::read(&config)).map_err(shown)
}

#[test]
fn defaults() {
    let settings = read(
        "[listener.smtp]\naddress = \"127.0.0.1:25\"\n\
         [listener.internal]\naddress = \"unix:/x\"\nrole = \"internal\"\n",
    )
    .expect("good");
    assert_eq!(settings.rules.postmaster.to_string(), "postmaster@mx.test");
    assert!(settings.rules.mailbox_domains.contains("vmail.test"));
    assert_eq!(settings.straight_in, Some("/run/dovetail/lmtpd/lmtp.sock".into()));
    assert_eq!((settings.size_limit, settings.body_in_memory), (50 << 20, 64 << 10));
    assert_eq!(settings.listeners.len(), 2);
}

#[test]
fn whose_programs_may_send() {
    let read = |text: &str| read(text).expect("good").submit_users;
    assert_eq!(read(""), None);
    assert_eq!(read("authorized_submit_users = []\n"), Some(vec![]));
    assert_eq!(read("authorized_submit_users = [\"root\", 1000]\n"), Some(vec![0, 1000]));
}

#[test]
fn straight_in_may_be_off() {
    assert_eq!(read("straight_in = false\nlmtp = \"/x\"\n").expect("good").straight_in, None);
    assert_eq!(read("lmtp = \"/x\"\n").expect("good").straight_in, Some("/x".into()));
}

#[test]
fn all_problems_at_once() {
    let problems = read(
        "mynetworks = [\"10.0.0.0/8\", \"10.0.0.1/8\"]\n\
         virtual_alias_maps = [\"/nonexistent/virtual\"]\n\
         [listener.submission]\naddress = \"127.0.0.1:587\"\nrole = \"submission\"\n\
         [listener.smtp]\naddress = \"127.0.0.1:25\"\ntls = \"starttls\"\n\
         [listener.internal]\naddress = \"127.0.0.1:24\"\nrole = \"internal\"\n\
         [listener.sendmail]\naddress = \"127.0.0.1:26\"\nrole = \"sendmail\"\n",
    )
    .expect_err("bad");
    let parts = ["10.0.0.1/8", "/nonexistent/virtual", "in clear", "needs [tls]", "Unix socket"];
    for part in [&parts[..], &["knows its clients by their user"]].concat() {
        assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    }
    assert_eq!(problems.len(), 6, "{problems:?}");
}
