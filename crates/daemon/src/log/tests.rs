//! Lines as they come out, and lines that somebody tried to forge.

use std::sync::{Arc, Mutex};

use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::format::{Fields, Format, Head, MAX_LINE, line};

/// Keeps each event's line.
struct Kept(Format, Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Kept {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let head = Head {
            time: "2026-11-25T00:21:36.502+00:00",
            name: "smtpd",
            pid: 42,
            level: *event.metadata().level(),
        };
        self.1.lock().unwrap().push(line(self.0, &head, &fields));
    }
}

fn lines(format: Format, work: impl FnOnce()) -> Vec<String> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::registry().with(Kept(format, Arc::clone(&kept)));
    tracing::subscriber::with_default(subscriber, work);
    std::mem::take(&mut *kept.lock().unwrap())
}

fn one(format: Format, work: impl FnOnce()) -> String {
    lines(format, work).pop().unwrap()
}

#[test]
fn text() {
    let found = one(Format::Text, || {
        let (id, to) = ("0123456789abcdefghij", "<a@example.test>");
        tracing::info!(id, %to, status = "sent", delay = 3u64, said = "250 2.0.0 \"ok\"", "stored");
    });
    assert_eq!(
        found,
        "2026-11-25T00:21:36.502+00:00 smtpd[42] info: stored id=0123456789abcdefghij \
         to=<a@example.test> status=sent delay=3 said=\"250 2.0.0 \\\"ok\\\"\"\n"
    );
}

#[test]
fn deliveries_read_as_postfix_s_do() {
    let found = one(Format::Text, || {
        let (id, to) = ("0123456789abcdefghij", "<a@example.test>");
        tracing::info!(id, from = "<>", %to, orig_to = "b@example.test", relay = "mx.test[192.0.2.1]:25",
            delay = 0.31, dsn = "2.0.0", status = "sent", hop = 3u64, "250 2.0.0 Ok: queued as 1");
    });
    assert_eq!(
        found,
        "2026-11-25T00:21:36.502+00:00 smtpd[42] info: 0123456789abcdefghij: to=<a@example.test>, \
         orig_to=<b@example.test>, relay=mx.test[192.0.2.1]:25, delay=0.310, dsn=2.0.0, \
         status=sent (250 2.0.0 Ok: queued as 1) id=0123456789abcdefghij from=<> hop=3\n"
    );
}

#[test]
fn json_is_json() {
    let found = one(Format::Json, || {
        tracing::warn!(
            id = "x",
            secured = true,
            n = -1i64,
            delay = 1e-9,
            no = f64::NAN,
            text = "a\"b\\c\u{7}\nd",
            "m\u{1b}"
        );
    });
    let value: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(value["level"], "warn");
    assert_eq!(value["pid"], 42);
    assert_eq!(value["secured"], true);
    assert_eq!(value["n"], -1);
    assert_eq!((&value["delay"], &value["no"]), (&0.0.into(), &"NaN".into()));
    assert_eq!(value["text"], "a\"b\\c\u{7}\nd");
    assert_eq!(value["message"], "m\u{1b}");
}

#[test]
fn nobody_forges_a_line() {
    for format in [Format::Text, Format::Json] {
        let found = one(format, || {
            let helo = "x\r\n2026-11-25T00:00:00.000+00:00 smtpd[1] info: forged\u{85}\u{2028}\u{202e}\u{1b}[2J\0";
            tracing::info!(helo, "{helo}");
        });
        let line = found.strip_suffix('\n').unwrap();
        assert!(
            !line.chars().any(|c| c.is_control() || "\u{2028}\u{202e}".contains(c)),
            "{line:?}"
        );
    }
}

#[test]
fn long_values_and_lines_are_cut() {
    let long = "ü".repeat(10_000);
    let found = one(Format::Text, || {
        tracing::info!(a = long, b = %long, c = ?long, d = long, e = long, f = long, g = long, h = long, i = long, "{long}");
    });
    assert!(found.len() < MAX_LINE + 100, "{}", found.len());
    assert!(found.ends_with(" cut=true\n"), "{found}");
    let found = one(Format::Json, || {
        tracing::info!(a = long, b = %long, c = ?long, d = long, e = long, f = long, g = long, h = long, i = long, "{long}");
    });
    let value: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!(value["cut"], true);
}
