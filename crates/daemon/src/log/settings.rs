//! What `[log]` says, and what of it can't be.

use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use super::format::Format;
use super::journal;
use super::keys::FACILITIES;
use crate::config::{Problem, Table};

/// `mail`.
const DEFAULT_FACILITY: u8 = 2;

/// What `[log]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(super) level: LevelFilter,
    pub(super) format: Format,
    pub(super) to: To,
    pub(super) files: Files,
    /// The number that stands for it in a priority, not shifted.
    pub(super) facility: u8,
    pub(super) socket: Option<PathBuf>,
}

/// Where lines go, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    Auto,
    Stderr,
    Journal,
    Syslog,
    File,
}

/// The files, as Dovecot splits them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Files {
    pub(super) main: Option<PathBuf>,
    pub(super) info: Option<PathBuf>,
    pub(super) debug: Option<PathBuf>,
}

impl LogSettings {
    pub(crate) fn read(table: &Table) -> Self {
        let facility = table.text("facility");
        let facility = FACILITIES.iter().find(|(name, _)| *name == facility);
        let path = |key: &str| table.opt_path(key).map(PathBuf::from);
        Self {
            level: table.text("level").parse().unwrap_or(LevelFilter::INFO),
            format: if table.text("format") == "json" { Format::Json } else { Format::Text },
            to: match table.text("to") {
                "stderr" => To::Stderr,
                "journal" => To::Journal,
                "syslog" => To::Syslog,
                "file" => To::File,
                _ => To::Auto,
            },
            files: Files { main: path("file"), info: path("info_file"), debug: path("debug_file") },
            facility: facility.map_or(DEFAULT_FACILITY, |(_, number)| *number),
            socket: path("socket"),
        }
    }

    /// What can't be together.
    pub(crate) fn check(table: &Table) -> Vec<Problem> {
        let settings = Self::read(table);
        let mut problems = Vec::new();
        let mut wrong = |key: &str, why: &str| problems.push(table.problem(key, why));
        let file = settings.files.main.is_some();
        if settings.to == To::File && !file {
            wrong("to", "\"file\" needs the key `file`: which file?");
        }
        if file && !matches!(settings.to, To::File | To::Auto) {
            wrong("file", "has no effect beside `to`: want `to = \"file\"`, or no `file`");
        }
        for (key, set) in
            [("info_file", &settings.files.info), ("debug_file", &settings.files.debug)]
        {
            if set.is_some() && !file {
                wrong(key, "needs `file`, where warnings and errors go");
            }
        }
        problems
    }

    /// Where lines go in this process.
    pub(super) fn place(&self) -> To {
        match self.to {
            To::Auto if self.files.main.is_some() => To::File,
            To::Auto if journal::is_stderr() => To::Journal,
            To::Auto => To::Stderr,
            other => other,
        }
    }

    /// The keys that differ and count only at the start.
    pub(super) fn need_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("log.to", self.to != new.to),
            ("log.format", self.format != new.format),
            ("log.file", self.files.main != new.files.main),
            ("log.info_file", self.files.info != new.files.info),
            ("log.debug_file", self.files.debug != new.files.debug),
            ("log.facility", self.facility != new.facility),
            ("log.socket", self.socket != new.socket),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}
