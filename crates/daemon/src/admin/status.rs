//! What a daemon shows of itself: `/v1/status` in JSON, `/metrics` for Prometheus.
//!
//! Metrics of every daemon begin `dovetail_` and `process_`, its own `dovetail_NAME_`
//! (docs/metrics.md).

use std::sync::PoisonError;

use serde_json::{Map, Value};

use super::figure::{FigureKind, MAX_LABELLED};
use super::health::Health;
use super::metrics::{Exposition, float, kind_word};
use super::{Admin, process};
use crate::time::rfc3339;

const VERSION: &str = env!("CARGO_PKG_VERSION");

impl Admin {
    pub(super) fn status(&self) -> Value {
        let inner = &self.0;
        let mut status = Map::new();
        let mut put = |key: &str, value: Value| status.insert(key.to_owned(), value);
        put("name", inner.name.into());
        put("version", VERSION.into());
        put("pid", std::process::id().into());
        put("started", rfc3339(inner.started_millis).into());
        put("uptime", inner.started.elapsed().as_secs().into());
        put("connections", inner.life.connections().into());
        put("connections_total", inner.life.connections_total().into());
        put("stopping", inner.life.shutdown.is_cancelled().into());
        let figures = inner.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, shown) in figures.iter() {
            put(name, (shown.value)());
        }
        Value::Object(status)
    }

    /// All metrics. Blocks for a moment.
    pub(super) fn exposition(&self, health: &Health) -> String {
        let mut out = Exposition::default();
        self.common(&mut out, health);
        self.process(&mut out);
        self.own(&mut out);
        out.finish()
    }

    fn common(&self, out: &mut Exposition, health: &Health) {
        let inner = &self.0;
        let gauge = FigureKind::Gauge;
        out.single("dovetail_up", gauge, "Whether the daemon answers.", 1.0);
        out.family("dovetail_build_info", "gauge", "The daemon's version; always 1.");
        out.sample("dovetail_build_info", &[("version", VERSION)], 1.0);
        let open = float(inner.life.connections() as u64);
        out.single("dovetail_connections_open", gauge, "Connections that are open now.", open);
        let accepted = float(inner.life.connections_total());
        let help = "Connections accepted since the start.";
        out.single("dovetail_connections_accepted_total", FigureKind::Counter, help, accepted);
        let help = "How each check of /v1/health ends: 0 good, 1 warn, 2 bad.";
        out.family("dovetail_health", "gauge", help);
        for (name, check) in health.checks() {
            let state = f64::from(check.state().number());
            out.sample("dovetail_health", &[("check", name)], state);
        }
        let help = "Whether each listener accepts connections.";
        out.family("dovetail_listener_up", "gauge", help);
        for (name, serving) in inner.watched.serving() {
            let up = f64::from(u8::from(serving));
            out.sample("dovetail_listener_up", &[("listener", &name)], up);
        }
    }

    fn process(&self, out: &mut Exposition) {
        let gauge = FigureKind::Gauge;
        let started = float(self.0.started_millis) / 1000.0;
        let help = "When the process started, in seconds since 1970.";
        out.single("process_start_time_seconds", gauge, help, started);
        if let Some(usage) = process::usage() {
            let help = "Processor time used, in seconds.";
            out.single("process_cpu_seconds_total", FigureKind::Counter, help, usage.cpu);
            let help = "Memory in use, in octets.";
            out.single("process_resident_memory_bytes", gauge, help, usage.resident);
            let help = "Address space, in octets.";
            out.single("process_virtual_memory_bytes", gauge, help, usage.virtual_memory);
            out.single("process_threads", gauge, "Threads.", usage.threads);
        }
        if let Some((open, limit)) = process::descriptors() {
            out.single("process_open_fds", gauge, "Descriptors that are open.", float(open));
            let help = "Descriptors that may be open.";
            out.single("process_max_fds", gauge, help, float(limit));
        }
    }

    fn own(&self, out: &mut Exposition) {
        let inner = &self.0;
        let figures = inner.figures.lock().unwrap_or_else(PoisonError::into_inner);
        for shown in figures.values().filter(|shown| shown.figure.kind != FigureKind::Plain) {
            let Some(value) = (shown.value)().as_f64() else { continue };
            let (name, kind) = (shown.figure.metric(self.base()), shown.figure.kind);
            out.single(&name, kind, shown.figure.help, value);
        }
        drop(figures);
        let labelled = inner.labelled.lock().unwrap_or_else(PoisonError::into_inner);
        for one in labelled.values() {
            let name = one.figure.metric(self.base());
            out.family(&name, kind_word(one.figure.kind), one.figure.help);
            for (text, value) in (one.samples)().into_iter().take(MAX_LABELLED) {
                out.sample(&name, &[(one.label, &text)], value);
            }
        }
        drop(labelled);
        let times = inner.times.lock().unwrap_or_else(PoisonError::into_inner);
        for one in times.values() {
            let name = format!("dovetail_{}_{}", self.base(), one.name);
            out.histogram(&name, one.help, &one.histogram);
        }
    }
}
