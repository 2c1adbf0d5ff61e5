//! The manual pages as groff and man-db take them.

use std::path::PathBuf;
use std::process::Command;

use support::{demo, tools};

/// The pages, in a folder that goes with it.
fn pages() -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    tools::run(Command::new(demo::binary("dovetail")).arg("man").arg(dir.path()));
    let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = entries.collect();
    pages.sort();
    assert!(pages.len() > 30, "{pages:?}");
    (dir, pages)
}

#[test]
fn groff_has_nothing_to_say() {
    tools::need("/usr/bin/groff", "groff-base");
    let (_dir, pages) = pages();
    for page in pages {
        let mut groff = Command::new("groff");
        groff.args(["-man", "-ww", "-Tutf8", "-z"]).arg(&page);
        let output = tools::finish(&mut groff, "");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn whatis_finds_each() {
    tools::need("/usr/bin/lexgrog", "man-db");
    let (_dir, pages) = pages();
    for page in pages {
        let name = page.file_stem().unwrap().to_str().unwrap();
        let said = tools::run(Command::new("lexgrog").arg(&page));
        let begins = format!("{}: \"{name} - ", page.display());
        assert!(said.starts_with(&begins) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn a_page_reads_as_it_was_meant() {
    tools::need("/usr/bin/man", "man-db");
    let (dir, _) = pages();
    let mut man = Command::new("man");
    man.env("MANWIDTH", "80").env("LC_ALL", "C.UTF-8").arg("-l");
    let said = tools::run(man.arg(dir.path().join("dovetail-mail.toml.5")));
    let wanted = "
       special_use (not set)
              What the mailbox is for (RFC 6154).

              One of '\\All', '\\Archive', '\\Drafts', '\\Flagged', '\\Junk',
              '\\Sent', '\\Trash'.
";
    assert!(said.contains(wanted), "{said}");
    assert!(said.contains("\n       mail_location (default: \"maildir:~/Maildir\")\n"), "{said}");
}
