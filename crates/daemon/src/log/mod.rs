//! Logs: one line an event, text or JSON, with the same fields in both.
//!
//! `2026-11-25T00:21:36.502+00:00 smtpd[123] info: accepted id=… from=<…> to=<…>` or one JSON object.
//! A thread of its own writes; a session never waits for it. When its queue is full, lines are
//! counted and dropped, and the count is logged. Control characters are escaped and long values cut,
//! so that nobody forges a line.

mod format;
mod layer;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;

use format::Format;
pub use format::{MAX_LINE, MAX_VALUE};
pub(crate) use writer::Writer;

use crate::config::Table;
use crate::error::Error;
use layer::{Level, Lines};

/// What `[log]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogSettings {
    level: tracing::level_filters::LevelFilter,
    format: Format,
    file: Option<PathBuf>,
}

impl LogSettings {
    pub(crate) fn read(table: &Table) -> Self {
        Self {
            level: table.text("level").parse().unwrap_or(tracing::level_filters::LevelFilter::INFO),
            format: if table.text("format") == "json" { Format::Json } else { Format::Text },
            file: table.opt_path("file").map(PathBuf::from),
        }
    }
}

/// The process's log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    writer: Arc<Writer>,
    level: Level,
    /// As started with: what a reload can't change.
    settings: LogSettings,
}

impl Log {
    /// Opens the log and makes it the process's. Lines are written at once until
    /// [`Log::start_writer`], so that a failing start is told; it must be called after the last
    /// change of privileges, as it makes a thread.
    pub(crate) fn start(
        name: &'static str,
        settings: &LogSettings,
        owner: (u32, u32),
    ) -> Result<Self, Error> {
        let writer = Arc::new(Writer::open(settings.file.as_deref(), owner)?);
        let level = Level::new(settings.level);
        let lines = Lines::new(name, settings.format, level.clone(), Arc::clone(&writer));
        let subscriber = tracing_subscriber::registry().with(lines);
        // Fails only if there is one already, as in a test of several daemons in one process.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(Self { writer, level, settings: settings.clone() })
    }

    /// Hands the writing to a thread.
    pub(crate) fn start_writer(&self) -> Result<(), Error> {
        Writer::start(&self.writer)
    }

    /// Opens the file again, after logrotate moved it.
    pub(crate) fn reopen(&self) {
        self.writer.reopen();
    }

    /// Takes up what a reload changed; gives the keys that need a restart.
    pub(crate) fn reload(&self, new: &LogSettings) -> Vec<&'static str> {
        self.level.set(new.level);
        let mut restart = Vec::new();
        if new.format != self.settings.format {
            restart.push("log.format");
        }
        if new.file != self.settings.file {
            restart.push("log.file");
        }
        restart
    }

    /// Waits, at most this long, until all lines are written.
    pub(crate) fn flush(&self, limit: Duration) {
        self.writer.flush(limit);
    }
}
