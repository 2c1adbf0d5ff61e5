//! The sandboxes' openings: where mail lies for those who read and write it, and which certificates are
//! waited for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::steps::Steps;
use super::system::System;
use crate::exit::{EX_CONFIG, Failure};

/// Who reads and writes mail.
const MAIL_UNITS: [&str; 3] =
    ["dovetail-lmtpd.service", "dovetail-lmtpd@.service", "dovetail-imapd.service"];
/// What `ProtectHome=tmpfs` hides.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// Homes that are bound in one by one; with more, the folder that holds them all is.
const MAX_BOUND: usize = 1000;

pub(super) fn plan(
    system: &System,
    roots: &[PathBuf],
    homes: &BTreeSet<PathBuf>,
    sources: &[PathBuf],
    steps: &mut Steps,
) -> Result<(), Failure> {
    let folder = "/etc/systemd/system";
    let text = mail(roots, homes)?;
    let mut changed = false;
    for unit in MAIL_UNITS {
        let path = system.at(&format!("{folder}/{unit}.d/50-dovetail-mail-roots.conf"));
        changed |= steps.file(path, text.clone())?;
    }
    if changed {
        let units = "dovetail-lmtpd 'dovetail-lmtpd@*' dovetail-imapd";
        steps.notes.push(format!("takes effect with: systemctl try-restart {units}"));
    }
    let path = system.at(&format!("{folder}/dovetail-tls.path.d/50-dovetail-sources.conf"));
    let watched = steps.file(path, tls(sources)?)?;
    if watched {
        steps.notes.push("takes effect with: systemctl try-restart dovetail-tls.path".to_owned());
    }
    steps.reload |= changed || watched;
    Ok(())
}

/// Opens the mail roots. Without any the units open /var/vmail, as they come.
fn mail(roots: &[PathBuf], homes: &BTreeSet<PathBuf>) -> Result<Option<String>, Failure> {
    if roots.is_empty() {
        return Ok(None);
    }
    let mut text = String::from(
        "# Written by `dovetail units sync` from mail_roots of mail.toml: change it there.\n\
         [Service]\nProtectHome=tmpfs\n",
    );
    for root in roots {
        let hidden = HOMES.iter().any(|home| root.starts_with(home));
        if !hidden {
            text.push_str(&format!("ReadWritePaths=-{}\n", unit_path(root)?));
            continue;
        }
        for bound in bound(root, homes) {
            text.push_str(&format!("BindPaths=-{}\n", unit_path(&bound)?));
        }
    }
    Ok(Some(text))
}

/// Of a root that is all of /home the homes alone, so that it isn't opened altogether.
fn bound(root: &Path, homes: &BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let all = HOMES.iter().any(|home| root == Path::new(home));
    let below: Vec<PathBuf> =
        homes.iter().filter(|home| home.starts_with(root) && *home != root).cloned().collect();
    if all && below.len() <= MAX_BOUND { below } else { vec![root.to_owned()] }
}

/// Watches each source and its folder: one that is written in place, and one that is renamed over.
fn tls(sources: &[PathBuf]) -> Result<Option<String>, Failure> {
    if sources.is_empty() {
        return Ok(None);
    }
    let folders = sources.iter().filter_map(|source| source.parent()).map(Path::to_owned);
    let watched: BTreeSet<PathBuf> = folders.chain(sources.iter().cloned()).collect();
    let mut text = String::from(
        "# Written by `dovetail units sync` from tls.toml: change it there.\n[Path]\n",
    );
    for path in watched {
        text.push_str(&format!("PathChanged={}\n", unit_path(&path)?));
    }
    Ok(Some(text))
}

/// A path as a unit file has it. What would need quoting there is no path of mail or certificates.
fn unit_path(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().unwrap_or_default();
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\\' | ':');
    if text.is_empty() || text.contains(bad) {
        let why = "can't stand in a unit: it has spaces, quotes, colons or backslashes";
        return Err(Failure::new(EX_CONFIG, format!("{}: {why}", path.display())));
    }
    Ok(text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(roots: &[&str], homes: &[&str]) -> Vec<String> {
        let roots: Vec<PathBuf> = roots.iter().map(PathBuf::from).collect();
        let homes = homes.iter().map(PathBuf::from).collect();
        let text = mail(&roots, &homes).unwrap().unwrap_or_default();
        text.lines().skip(3).map(str::to_owned).collect()
    }

    #[test]
    fn roots_are_opened_and_homes_bound() {
        assert!(lines(&[], &["/home/a"]).is_empty());
        assert_eq!(lines(&["/srv/mail"], &[]), ["ReadWritePaths=-/srv/mail"]);
        assert_eq!(lines(&["/home/vmail"], &["/home/vmail/a"]), ["BindPaths=-/home/vmail"]);
        assert_eq!(
            lines(&["/home", "/var/mail"], &["/home/b", "/home/a%", "/var/mail/c"]),
            ["BindPaths=-/home/a%%", "BindPaths=-/home/b", "ReadWritePaths=-/var/mail"]
        );
        let many: Vec<String> = (0..=MAX_BOUND).map(|n| format!("/home/u{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(lines(&["/home"], &many), ["BindPaths=-/home"]);
        assert!(unit_path(Path::new("/srv/a b")).is_err());
    }

    #[test]
    fn certificates_and_their_folders_are_watched() {
        assert_eq!(tls(&[]).unwrap(), None);
        let text = tls(&["/etc/x/a.pem".into(), "/etc/x/b.pem".into()]).unwrap().unwrap();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let want = ["PathChanged=/etc/x", "PathChanged=/etc/x/a.pem", "PathChanged=/etc/x/b.pem"];
        assert_eq!(lines, want);
    }
}
