//! The tracing layer: spans lend their fields to the events within them.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::format::{Fields, Format, Head, line};
use super::level::Levels;
use super::writer::Writer;
use super::{journal, syslog, target};
use crate::time::{now_millis, rfc3339};

/// How the target wants its records.
pub(super) enum Form {
    /// Lines for people or machines, time and name in them.
    Line { name: String, pid: u32, format: Format },
    /// The system's logger.
    Syslog(syslog::Form),
    /// systemd's journal.
    Journal(journal::Form),
}

impl Form {
    fn record(&self, level: Level, fields: &Fields) -> target::Record {
        let millis = now_millis();
        match self {
            Self::Line { name, pid, format } => {
                let time = rfc3339(millis);
                let head = Head { time: &time, name, pid: *pid, level };
                target::Record::line(level, line(*format, &head, fields))
            }
            Self::Syslog(form) => form.record(level, millis, fields),
            Self::Journal(form) => form.record(level, fields),
        }
    }
}

/// Makes records of events.
pub(super) struct Lines {
    form: Form,
    levels: Levels,
    writer: Arc<Writer>,
}

impl Lines {
    pub(super) fn new(form: Form, levels: Levels, writer: Arc<Writer>) -> Self {
        Self { form, levels, writer }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.levels.wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.highest())
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        // From the innermost outwards: each puts its own before what is there.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields = fields.after(outer);
            }
        }
        self.writer.write(self.form.record(*event.metadata().level(), &fields));
    }
}
