//! Logs: one record an event, text or JSON, with the same fields in both; in systemd's journal each
//! field is a field.
//!
//! `2026-11-25T00:21:36.502+00:00 smtpd[123] info: accepted id=… from=<…> to=<…>` or one JSON object.
//! A thread of its own writes; a session never waits for it. When its queue is full, lines are
//! counted and dropped, and the count is logged. Control characters are escaped and long values cut,
//! so that nobody forges a line.

mod debug;
mod file;
mod format;
mod journal;
mod keys;
mod layer;
mod level;
mod settings;
mod syslog;
mod target;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt;

pub use format::{MAX_LINE, MAX_VALUE};
pub(crate) use keys::KEYS;
pub(crate) use settings::LogSettings;

use crate::error::Error;
use file::FileTarget;
use layer::{Form, Lines};
use level::Levels;
use settings::To;
use target::Target;
use writer::Writer;

/// The process's log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    writer: Arc<Writer>,
    levels: Levels,
    /// As started with: what a reload can't change.
    settings: Arc<LogSettings>,
}

impl Log {
    /// Opens the log and makes it the process's. Lines are written at once until
    /// [`Log::start_writer`], so that a failing start is told; it must be called after the last
    /// change of privileges, as it makes a thread.
    pub(crate) fn start(
        name: &str,
        settings: &LogSettings,
        owner: (u32, u32),
    ) -> Result<Self, Error> {
        let (form, target) = open(name, settings, owner)?;
        let writer = Arc::new(Writer::new(target));
        let levels = Levels::new(settings.level);
        let lines = Lines::new(form, levels.clone(), Arc::clone(&writer));
        let subscriber = tracing_subscriber::registry().with(lines);
        // Fails only if there is one already, as in a test of several daemons in one process.
        let _ = tracing::subscriber::set_global_default(subscriber);
        Ok(Self { writer, levels, settings: Arc::new(settings.clone()) })
    }

    /// Hands the writing to a thread.
    pub(crate) fn start_writer(&self) -> Result<(), Error> {
        Writer::start(&self.writer)
    }

    /// Opens the files again, after logrotate moved them.
    pub(crate) fn reopen(&self) {
        self.writer.reopen();
    }

    /// Takes up what a reload changed; gives the keys that need a restart. A debug switch ends.
    pub(crate) fn reload(&self, new: &LogSettings) -> Vec<&'static str> {
        self.levels.configure(new.level);
        self.settings.need_restart(new)
    }

    /// Waits, at most this long, until all lines are written.
    pub(crate) fn flush(&self, limit: Duration) {
        self.writer.flush(limit);
    }
}

/// What the settings come to in this process: how records look, and who takes them.
fn open(
    name: &str,
    settings: &LogSettings,
    owner: (u32, u32),
) -> Result<(Form, Box<dyn Target>), Error> {
    let (pid, format, facility) = (std::process::id(), settings.format, settings.facility);
    let socket = settings.socket.as_deref();
    let lines = || Form::Line { name: name.to_owned(), pid, format };
    Ok(match settings.place() {
        To::Auto | To::Stderr => (lines(), Box::new(target::Stderr)),
        To::File => (lines(), Box::new(FileTarget::open(&settings.files, owner)?)),
        To::Syslog => {
            let form = syslog::Form::new(name, pid, facility, format);
            (Form::Syslog(form), Box::new(syslog::Syslog::open(socket)))
        }
        To::Journal => {
            let form = journal::Form::new(name, pid, facility);
            (Form::Journal(form), Box::new(journal::Journal::open(socket)))
        }
    })
}
