//! `dovetail man DIR`, which packages are made with: every manual page, as roff.
//!
//! Pages of files come from their keys' definitions, those of daemons from what each says of itself, those
//! of commands from the command line's definition ([`commands`]) with what an operator should know besides
//! ([`texts`]). So a new key, option or command is in its page by itself.

mod commands;
mod texts;

use std::path::Path;

use clap::CommandFactory as _;
use daemon::{Page, file_page, file_page_name};

use crate::cli::Cli;
use crate::exit::Failure;
use crate::files::{self, KNOWN};

pub(crate) fn run(folder: &Path) -> Result<(), Failure> {
    let failed = |path: &Path, error| Failure::system(path.display(), error);
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for page in pages() {
        let path = folder.join(page.file_name());
        std::fs::write(&path, page.text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// All pages.
fn pages() -> Vec<Page> {
    let mut pages = commands::pages(Cli::command());
    pages.extend(KNOWN.iter().map(|daemon| (daemon.page)()));
    pages.extend(files());
    pages
}

fn files() -> Vec<Page> {
    let page = |spec: daemon::FileSpec| {
        let reads = |files: Vec<daemon::FileSpec>| files.iter().any(|file| file.name == spec.name);
        let readers = KNOWN.iter().filter(|daemon| reads((daemon.files)()));
        let readers: Vec<&str> = readers.map(|daemon| daemon.name).collect();
        // What a daemon reads besides its own file.
        let own = KNOWN.iter().filter(|daemon| daemon.name == spec.name);
        let mut see: Vec<String> = own
            .flat_map(|daemon| (daemon.files)())
            .map(|file| format!("{}(5)", file_page_name(file.name)))
            .collect();
        see.extend(commands_for(spec.name).iter().map(|page| (*page).to_owned()));
        let see: Vec<&str> = see.iter().map(String::as_str).collect();
        file_page(&spec, &readers, &see)
    };
    files::specs().into_iter().map(page).collect()
}

/// Commands that go with a file.
fn commands_for(file: &str) -> &'static [&'static str] {
    match file {
        "tls" => &["dovetail-tls(1)"],
        "mail" => &["dovetail-units(1)"],
        "authd" => &["dovetail-pw(1)", "dovetail-auth(1)", "dovetail-user(1)"],
        "qmgrd" => &["dovetail-queue(1)"],
        "lmtpd" => &["dovetail-units(1)"],
        "smtpd" | "imapd" => &["dovetail-tls(1)"],
        _ => &[],
    }
}

#[cfg(test)]
mod tests;
