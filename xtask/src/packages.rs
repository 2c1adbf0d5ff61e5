//! The Debian packages that the interoperability tests need: the real Postfix, the real Dovecot and
//! the mail programs that people use.

use std::path::Path;
use std::process::Command;

use crate::process;

/// A package, and a program of it that the tests start.
const NEEDED: &[(&str, &str)] = &[
    ("postfix", "/usr/sbin/postfix"),
    ("dovecot-core", "/usr/bin/doveadm"),
    ("dovecot-imapd", "/usr/lib/dovecot/imap"),
    ("dovecot-lmtpd", "/usr/lib/dovecot/lmtp"),
    ("dovecot-pop3d", "/usr/lib/dovecot/pop3"),
    ("swaks", "/usr/bin/swaks"),
    ("isync", "/usr/bin/mbsync"),
    ("curl", "/usr/bin/curl"),
    ("python3", "/usr/bin/python3"),
    ("logrotate", "/usr/sbin/logrotate"),
    ("fail2ban", "/usr/bin/fail2ban-regex"),
    ("python3-systemd", "/usr/lib/python3/dist-packages/systemd/journal.py"),
    ("systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"),
    ("systemd", "/usr/bin/systemd-socket-activate"),
    ("groff-base", "/usr/bin/groff"),
    ("man-db", "/usr/bin/man"),
    ("mmdebstrap", "/usr/bin/mmdebstrap"),
    ("dpkg-dev", "/usr/bin/dpkg-shlibdeps"),
];

/// Installs what is missing where it may; otherwise fails and names it. Never skips.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    if !is_root() {
        return Err(format!(
            "the interoperability tests need these Debian packages: {names}\n\
             install them with: sudo apt-get install {names}",
            names = missing.join(" ")
        ));
    }
    println!("installing {}", missing.join(" "));
    process::run(apt().arg("update"))?;
    process::run(apt().args(["install", "--yes", "--no-install-recommends"]).args(&missing))?;
    let still = self::missing();
    if still.is_empty() { Ok(()) } else { Err(format!("still missing: {}", still.join(" "))) }
}

fn missing() -> Vec<&'static str> {
    NEEDED
        .iter()
        .filter(|(_, program)| !Path::new(program).exists())
        .map(|(name, _)| *name)
        .collect()
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("--quiet").env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|out| out.trim_ascii() == b"0")
}
