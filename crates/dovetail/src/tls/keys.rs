//! `tls.toml`: which certificates are copied for which daemons.

use std::path::{Path, PathBuf};
use std::time::Duration;

use daemon::tls::PairFiles;
use daemon::{Config, FileSpec, Key, Kind, Problem, Purpose, Table};

/// The file's name without `.toml`.
pub(crate) const FILE: &str = "tls";
/// A copy's name is part of a file's: at most so many octets.
const MAX_NAME: usize = 200;

const COPY: &[Key] = &[
    Key::required(
        "certificate",
        Kind::Path(Purpose::ReadFile),
        "The certificate with its chain: certbot's /etc/letsencrypt/live/NAME/fullchain.pem.",
    ),
    Key::optional(
        "key",
        Kind::Path(Purpose::ReadFile),
        "Its private key: certbot's /etc/letsencrypt/live/NAME/privkey.pem. Default: it stands in \
         the certificate's file.",
    ),
    Key::required(
        "daemons",
        Kind::List(&Kind::Choice(&["smtpd", "imapd"])),
        "The daemons that get a copy: FOLDER/DAEMON/NAME.pem, which only root and the daemon's \
         group may read. It holds both, so `certificate` of the daemon's [tls] names it and `key` \
         isn't needed.",
    ),
];

const KEYS: &[Key] = &[
    Key::new(
        "folder",
        Kind::Path(Purpose::WriteFolder),
        "\"/var/lib/dovetail/tls\"",
        "Where the copies are. Root must own it, and nobody else may write in it.",
    ),
    Key::new(
        "patience",
        Kind::seconds(0, 60),
        "\"10s\"",
        "How long to wait for a certificate and a key that don't fit together yet, as while they \
         are being renewed.",
    ),
    Key::optional(
        "copy",
        Kind::Tables(COPY),
        "The certificates to copy: [copy.\"mail.example.org\"]. The name is free: letters, digits, \
         dots, `-` and `_`.",
    ),
];

/// The file and its keys.
pub(crate) fn spec() -> FileSpec {
    let doc = "what `dovetail tls copy` copies: certificates that only root may read, for the \
               daemons that show them.";
    FileSpec::shared(FILE, doc, KEYS)
}

/// What the file says.
#[derive(Debug)]
pub(super) struct Copies {
    pub(super) folder: PathBuf,
    pub(super) patience: Duration,
    pub(super) copies: Vec<Copy>,
}

/// One certificate to copy.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) name: String,
    pub(super) source: PairFiles,
    pub(super) daemons: Vec<String>,
}

impl Copies {
    /// Reads `tls.toml` of the folder.
    pub(super) fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let config = Config::load(folder, FILE, &[spec()])?;
        let mut problems = Vec::new();
        let mut copies = Vec::new();
        for table in config.tables("copy") {
            if is_good(table.name()) {
                copies.push(copy(table));
            } else {
                let name = table.name();
                problems
                    .push(table.problem_here(format!("\"{name}\" can't be part of a file's name")));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let (folder, patience) = (config.path("folder").to_owned(), config.duration("patience"));
        Ok(Self { folder, patience, copies })
    }
}

fn copy(table: &Table) -> Copy {
    let certificate = table.path("certificate").to_owned();
    let key = table.opt_path("key").map_or_else(|| certificate.clone(), Path::to_owned);
    Copy {
        name: table.name().to_owned(),
        source: PairFiles { certificate, key },
        daemons: table.texts("daemons"),
    }
}

fn is_good(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.len() <= MAX_NAME
        && !name.starts_with(['.', '-'])
        && !name.is_empty()
        && name.chars().all(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_no_paths() {
        for good in ["mail.example.org", "a", "x_1-2"] {
            assert!(is_good(good), "{good}");
        }
        for bad in ["", ".", "..", ".x", "a/b", "*.example.org", "-x", "ä", &"x".repeat(201)] {
            assert!(!is_good(bad), "{bad}");
        }
    }
}
