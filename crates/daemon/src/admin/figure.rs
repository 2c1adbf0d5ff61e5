//! Numbers that a daemon shows: in `/v1/status` by their name, in `/metrics` as
//! `dovetail_DAEMON_NAME` with what kind they are and what they mean.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Samples of one labelled figure; what is beyond isn't shown.
pub(super) const MAX_LABELLED: usize = 256;

/// A figure's name, kind and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    pub(super) name: &'static str,
    pub(super) kind: FigureKind,
    pub(super) help: &'static str,
    /// Every daemon has it: its metric is `dovetail_NAME`.
    pub(super) common: bool,
}

/// What a figure is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FigureKind {
    /// Shown in `/v1/status` alone.
    Plain,
    Counter,
    Gauge,
}

impl Figure {
    /// A number that only grows while the daemon runs; its metric is `dovetail_DAEMON_NAME_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: FigureKind::Counter, help, common: false }
    }

    /// A number that goes up and down; its metric is `dovetail_DAEMON_NAME`.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, kind: FigureKind::Gauge, help, common: false }
    }

    /// One that every daemon has.
    pub(super) const fn common(self) -> Self {
        Self { common: true, ..self }
    }

    /// The metric's name.
    pub(super) fn metric(&self, daemon: &str) -> String {
        let whose = if self.common { String::new() } else { format!("{daemon}_") };
        let unit = if self.kind == FigureKind::Counter { "_total" } else { "" };
        format!("dovetail_{whose}{}{unit}", self.name)
    }
}

/// A name alone: any JSON, shown in `/v1/status` and not among the metrics.
impl From<&'static str> for Figure {
    fn from(name: &'static str) -> Self {
        Self { name, kind: FigureKind::Plain, help: "", common: false }
    }
}

/// A registered figure and where its value comes from.
pub(super) struct Shown {
    pub(super) figure: Figure,
    pub(super) value: Box<dyn Fn() -> Value + Send + Sync>,
}

/// One sample of a labelled figure: the label's value, the number.
pub type Sample = (String, f64);

/// A figure with one sample for each value of a label.
pub(super) struct Labelled {
    pub(super) figure: Figure,
    pub(super) label: &'static str,
    pub(super) samples: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

/// Bounds, in seconds, for what an answer within a session may take.
pub const SHORT_TIMES: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Bounds, in seconds, for how long a message is under way.
pub const LONG_TIMES: &[f64] = &[
    0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0, 172_800.0,
    432_000.0,
];

/// How often something took how long. Cheap to count: two atomic additions.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// One a bound, and one for what is longer than the last; not cumulated.
    buckets: Box<[AtomicU64]>,
    micros: AtomicU64,
}

impl Histogram {
    /// With upper bounds in seconds, ascending.
    #[must_use]
    pub fn new(bounds: &'static [f64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, micros: AtomicU64::new(0) }
    }

    /// Counts one that took so long.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let at = self.bounds.iter().position(|bound| seconds <= *bound);
        if let Some(bucket) = self.buckets.get(at.unwrap_or(self.bounds.len())) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Each bound with how many took at most so long; and the sum of all in seconds. The last
    /// bound is infinite and has them all.
    pub(super) fn cumulated(&self) -> (Vec<(f64, u64)>, f64) {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let mut sum = 0;
        let counted = bounds.zip(&self.buckets).map(|(bound, bucket)| {
            sum += bucket.load(Ordering::Relaxed);
            (bound, sum)
        });
        let counted = counted.collect();
        (counted, Duration::from_micros(self.micros.load(Ordering::Relaxed)).as_secs_f64())
    }
}

/// A registered histogram.
pub(super) struct Times {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) histogram: std::sync::Arc<Histogram>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_cumulate() {
        let histogram = Histogram::new(&[0.1, 1.0]);
        for millis in [50, 100, 500, 5000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let (counted, sum) = histogram.cumulated();
        assert_eq!(counted, [(0.1, 2), (1.0, 3), (f64::INFINITY, 4)]);
        assert!((sum - 5.65).abs() < 1e-6, "{sum}");
    }
}
