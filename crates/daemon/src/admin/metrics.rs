//! Prometheus' text exposition format 0.0.4: families with HELP and TYPE, samples, labels.
//!
//! Writes text only; which numbers there are is for the callers. `dovetail metrics serve` reads it.

use std::fmt::Write as _;

use super::figure::{FigureKind, Histogram};

/// The format's media type.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Opens a family: all its samples follow before the next one is opened.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    /// One sample of the family that is open.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            self.0.push(if index == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escape(text));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {}", number(value));
    }

    /// A family with one sample and no labels.
    pub(super) fn single(&mut self, name: &str, kind: FigureKind, help: &str, value: f64) {
        self.family(name, kind_word(kind), help);
        self.sample(name, &[], value);
    }

    /// A family of a histogram.
    pub(super) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        let (counted, sum) = histogram.cumulated();
        self.family(name, "histogram", help);
        let bucket = format!("{name}_bucket");
        let mut all = 0;
        for (bound, count) in counted {
            all = count;
            self.sample(&bucket, &[("le", &number(bound))], float(count));
        }
        self.sample(&format!("{name}_sum"), &[], sum);
        self.sample(&format!("{name}_count"), &[], float(all));
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

pub(super) const fn kind_word(kind: FigureKind) -> &'static str {
    match kind {
        FigureKind::Counter => "counter",
        FigureKind::Gauge => "gauge",
        FigureKind::Plain => "untyped",
    }
}

/// The format's numbers are floating-point; beyond 2^53 the last digits don't matter.
#[expect(clippy::cast_precision_loss, reason = "the format has no other numbers")]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    if value.is_nan() { "NaN".to_owned() } else { value.to_string() }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_format_to_the_letter() {
        let mut out = Exposition::default();
        out.single("dovetail_x_total", FigureKind::Counter, "A \\ and\na line.", 3.0);
        out.family("dovetail_y", "gauge", "Labelled.");
        out.sample("dovetail_y", &[("a", "q\"b\\\n"), ("b", "")], 0.5);
        let histogram = Histogram::new(&[0.25, 1.0]);
        histogram.observe(Duration::from_millis(500));
        out.histogram("dovetail_z_seconds", "Times.", &histogram);
        let wanted = r#"# HELP dovetail_x_total A \\ and\na line.
# TYPE dovetail_x_total counter
dovetail_x_total 3
# HELP dovetail_y Labelled.
# TYPE dovetail_y gauge
dovetail_y{a="q\"b\\\n",b=""} 0.5
# HELP dovetail_z_seconds Times.
# TYPE dovetail_z_seconds histogram
dovetail_z_seconds_bucket{le="0.25"} 0
dovetail_z_seconds_bucket{le="1"} 1
dovetail_z_seconds_bucket{le="+Inf"} 1
dovetail_z_seconds_sum 0.5
dovetail_z_seconds_count 1
"#;
        assert_eq!(out.finish(), wanted);
    }
}
