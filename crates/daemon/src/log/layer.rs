//! The tracing layer: spans lend their fields to the events within them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::format::{Fields, Format, Head, line};
use super::writer::Writer;
use crate::time::{now_millis, rfc3339};

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

/// The level that counts, changeable while running.
#[derive(Clone)]
pub(super) struct Level(Arc<AtomicUsize>);

impl Level {
    pub(super) fn new(level: LevelFilter) -> Self {
        Self(Arc::new(AtomicUsize::new(position(level))))
    }

    pub(super) fn set(&self, level: LevelFilter) {
        self.0.store(position(level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    fn get(&self) -> LevelFilter {
        LEVELS.get(self.0.load(Ordering::Relaxed)).copied().unwrap_or(LevelFilter::INFO)
    }
}

fn position(level: LevelFilter) -> usize {
    LEVELS.iter().position(|one| *one == level).unwrap_or(3)
}

/// Makes lines of events.
pub(super) struct Lines {
    name: &'static str,
    pid: u32,
    format: Format,
    level: Level,
    writer: Arc<Writer>,
}

impl Lines {
    pub(super) fn new(
        name: &'static str,
        format: Format,
        level: Level,
        writer: Arc<Writer>,
    ) -> Self {
        Self { name, pid: std::process::id(), format, level, writer }
    }

    /// Events of other people's crates only from warn on: hyper and rustls tell much else.
    fn wanted(&self, metadata: &Metadata<'_>) -> bool {
        let foreign = ["hyper", "rustls", "h2", "mio", "tokio", "hickory", "want"];
        let root = metadata.target().split("::").next().unwrap_or("");
        let foreign = foreign.iter().any(|name| root.starts_with(name));
        let level =
            if foreign { self.level.get().min(LevelFilter::WARN) } else { self.level.get() };
        *metadata.level() <= level
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wanted(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.get())
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
        let time = rfc3339(now_millis());
        let level = *event.metadata().level();
        let head = Head { time: &time, name: self.name, pid: self.pid, level };
        self.writer.write(line(self.format, &head, &fields));
    }
}
