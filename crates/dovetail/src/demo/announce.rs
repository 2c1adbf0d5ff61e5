//! What the demo says once everything accepts: one line of JSON, or commands to paste.

use serde_json::{Map, Value, json};

use super::Demo;
use super::accounts::Account;
use super::children::Children;
use crate::places::DAEMONS;

/// The contract's line.
pub(super) fn json(demo: &Demo, children: &Children<'_>) -> String {
    let place = |daemon: &str, listener: &str| demo.sockets.place(daemon, listener);
    let layout = &demo.layout;
    let admin: Map<String, Value> =
        DAEMONS.iter().map(|name| ((*name).to_owned(), place(name, "admin").into())).collect();
    let line = json!({
        "ready": true,
        "root": layout.root(),
        "smtp": place("smtpd", "smtp"),
        "submission": place("smtpd", "submission"),
        "submissions": place("smtpd", "submissions"),
        "imap": place("imapd", "imap"),
        "imaps": place("imapd", "imaps"),
        "lmtp": place("lmtpd", "lmtp"),
        "queue": place("qmgrd", "lmtp"),
        "internal": place("smtpd", "internal"),
        "sendmail": place("smtpd", "sendmail"),
        "relay": place("relayd", "lmtp"),
        "auth_client": place("authd", "client"),
        "auth_userdb": place("authd", "userdb"),
        "admin": admin,
        "pids": children.pids(),
        "ca": layout.ca(),
        "mail_root": layout.mail_root(),
        "config": layout.etc(),
        "passwd_file": layout.passwd_file(),
        "users": demo.accounts,
    });
    format!("{line}\n")
}

/// For people: who there is, and commands that work as they stand.
pub(super) fn text(demo: &Demo) -> String {
    let nobody = Account { login: String::new(), password: String::new(), home: String::new() };
    let mut accounts = demo.accounts.iter();
    let (alice, bob) = (accounts.next().unwrap_or(&nobody), accounts.next().unwrap_or(&nobody));
    let port = |daemon: &str, listener: &str| {
        let place = demo.sockets.place(daemon, listener);
        place.rsplit(':').next().unwrap_or_default().to_owned()
    };
    let (ca, etc) = (shell(&demo.layout.ca()), shell(&demo.layout.etc()));
    let own = shell(&std::env::current_exe().unwrap_or_else(|_| "dovetail".into()));
    let users: String =
        demo.accounts.iter().map(|one| format!("  {:<22} {}\n", one.login, one.password)).collect();
    format!(
        "\nDovetail is up on loopback.  Ctrl-C ends it.\n\
         \nUsers and passwords:\n{users}\
         \nSend, from alice to bob, with STARTTLS and a login:\n\
         \x20 swaks --server 127.0.0.1:{submission} --tls --auth PLAIN --auth-user {alice} --auth-password {alice_password} --from {alice} --to {bob} --header 'Subject: hello'\n\
         or with curl:\n\
         \x20 printf 'From: {alice}\\r\\nTo: {bob}\\r\\nSubject: hello\\r\\n\\r\\nHello Bob.\\r\\n' | curl --cacert {ca} --user {alice}:{alice_password} --mail-from {alice} --mail-rcpt {bob} --upload-file - smtps://localhost:{submissions}\n\
         \nRead bob's latest message:\n\
         \x20 curl --cacert {ca} --user {bob}:{bob_password} 'imaps://localhost:{imaps}/INBOX;MAILINDEX=*'\n\
         \nLook inside:\n\
         \x20 {own} --config {etc} status\n\
         \x20 {own} --config {etc} queue list\n\
         \nNothing leaves this machine: mail for other domains waits in the queue.\n\
         Configuration: {etc}   Mail: {mail}\n\n",
        submission = port("smtpd", "submission"),
        submissions = port("smtpd", "submissions"),
        imaps = port("imapd", "imaps"),
        alice = alice.login,
        alice_password = alice.password,
        bob = bob.login,
        bob_password = bob.password,
        mail = shell(&demo.layout.mail_root()),
    )
}

/// A path as a shell takes it.
fn shell(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
