//! Beside other people's mail servers, from Debian's own packages: no file of one is another's, and
//! what goes out again leaves theirs as it was.

use installed::{Machine, packages, root};

fn beside(theirs: &str, ours: &[&str]) {
    packages::build();
    let layer = root::with(theirs);
    let machine = Machine::idle(&[&layer]);
    let files = |machine: &Machine| {
        machine.run("debsums --version >/dev/null 2>&1; dpkg --verify; dpkg-query -W | sort")
    };
    let before = files(&machine);
    // dpkg refuses a package with a file of another's.
    machine.run(&packages::install(ours));
    machine.run("dpkg --audit && dovetail config check");
    machine.run(&format!("dpkg --purge {}", ours.join(" ")));
    assert_eq!(files(&machine), before, "beside {theirs}");
}

#[test]
fn postfix_and_dovecot() {
    let ours = [&packages::ALL[..], &["dovetail-postfix"]].concat();
    beside("postfix dovecot-imapd", &ours);
}

#[test]
fn courier() {
    beside("courier-imap", &packages::ALL);
}

#[test]
fn opensmtpd() {
    beside("opensmtpd", &packages::ALL);
}
