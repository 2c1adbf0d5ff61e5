//! One event as one line.
//!
//! A delivery, that is an event with `to`, `relay`, `delay`, `dsn` and `status`, reads as Postfix's
//! do: `ID: to=<…>, relay=…, delay=…, dsn=…, status=sent (250 …)`, and then the other fields. That is
//! what log readers look for; in JSON and in the journal these are fields like all others.

use std::fmt::{self, Write as _};

use tracing::Level;
use tracing::field::{Field, Visit};

/// A value is cut after this many bytes.
pub const MAX_VALUE: usize = 1024;
/// A line is cut after this many bytes, its newline not counted.
pub const MAX_LINE: usize = 8192;
/// Further fields of an event and its spans are left out.
const MAX_FIELDS: usize = 48;
const CUT: &str = "…";

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `TIME NAME[PID] level: message key=value`
    Text,
    /// One JSON object with the keys `time`, `name`, `pid`, `level`, `message` and the fields.
    Json,
}

/// A field's value: JSON tells texts, numbers and booleans apart.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FieldValue {
    Text(String),
    /// Written as it is: a number or a boolean.
    Bare(String),
}

impl FieldValue {
    fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Bare(text) => text,
        }
    }
}

/// The fields of an event, or of a span.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    message: String,
    fields: Vec<(&'static str, FieldValue)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: FieldValue) {
        if field.name() == "message" {
            self.message = match value {
                FieldValue::Text(text) | FieldValue::Bare(text) => text,
            };
            return;
        }
        // A field said twice (a span's, then the event's) counts as last said.
        self.fields.retain(|(name, _)| *name != field.name());
        if self.fields.len() < MAX_FIELDS {
            self.fields.push((field.name(), value));
        }
    }

    /// Each field's name, and its value as text.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.fields.iter().map(|(name, value)| (*name, value.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.each().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    fn is_delivery(&self) -> bool {
        ["to", "relay", "delay", "dsn", "status"].iter().all(|name| self.get(name).is_some())
    }

    /// Puts a span's fields before these, but for those said here again.
    pub(super) fn after(mut self, span: &Self) -> Self {
        let new = |(name, _): &&(&'static str, FieldValue)| {
            !self.fields.iter().any(|(own, _)| own == name)
        };
        let mut all: Vec<_> = span.fields.iter().filter(new).cloned().collect();
        all.append(&mut self.fields);
        all.truncate(MAX_FIELDS);
        self.fields = all;
        self
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut cut = Cut(String::new());
        // Cut stops a value that would go on and on; what was written until then counts.
        let _ = write!(cut, "{value:?}");
        self.put(field, FieldValue::Text(cut.0));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        let mut cut = Cut(String::new());
        let _ = cut.write_str(value);
        self.put(field, FieldValue::Text(cut.0));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, FieldValue::Bare(value.to_string()));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, FieldValue::Bare(value.to_string()));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, FieldValue::Bare(value.to_string()));
    }
    /// Seconds, mostly: thousandths are enough, and no reader wants an exponent.
    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = format!("{value:.3}");
        // JSON has no word for what isn't a number.
        let value = if value.is_finite() { FieldValue::Bare(text) } else { FieldValue::Text(text) };
        self.put(field, value);
    }
}

/// A text that stops growing at the limit.
struct Cut(String);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_VALUE.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(text.get(..end).unwrap_or(""));
        self.0.push_str(CUT);
        Err(fmt::Error)
    }
}

/// Who writes, and when.
pub(super) struct Head<'a> {
    pub(super) time: &'a str,
    pub(super) name: &'a str,
    pub(super) pid: u32,
    pub(super) level: Level,
}

/// Writes the line, its newline included.
pub(super) fn line(format: Format, head: &Head<'_>, fields: &Fields) -> String {
    let mut out = String::with_capacity(256);
    match format {
        Format::Text => text(&mut out, head, fields),
        Format::Json => out.push_str(&json_object(head, fields)),
    }
    out.push('\n');
    out
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The level as syslog(3) counts it.
pub(super) fn severity(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// An event's text for syslog and the journal, which tell time, name and level themselves. As in
/// Postfix's lines a word says what isn't for information only.
pub(super) fn body(level: Level, fields: &Fields) -> String {
    let mut out = String::with_capacity(256);
    out.push_str(match level {
        Level::ERROR => "error: ",
        Level::WARN => "warning: ",
        Level::INFO => "",
        Level::DEBUG | Level::TRACE => "debug: ",
    });
    text_body(&mut out, fields);
    out
}

fn text(out: &mut String, head: &Head<'_>, fields: &Fields) {
    let _ = write!(out, "{} {}[{}] {}: ", head.time, head.name, head.pid, level_name(head.level));
    text_body(out, fields);
}

/// The fields at the beginning of a delivery's line, in Postfix's order.
const DELIVERY: [&str; 6] = ["to", "orig_to", "relay", "delay", "dsn", "status"];

fn text_body(out: &mut String, fields: &Fields) {
    let delivery = fields.is_delivery();
    if delivery {
        delivery_body(out, fields);
    } else {
        escape_text(out, &fields.message);
    }
    for (name, value) in &fields.fields {
        if delivery && DELIVERY.contains(name) {
            continue;
        }
        let before = out.len();
        let _ = write!(out, " {name}=");
        match value {
            FieldValue::Bare(value) => out.push_str(value),
            FieldValue::Text(value) if needs_quotes(value) => {
                out.push('"');
                escape_text(out, &value.replace('\\', "\\\\").replace('"', "\\\""));
                out.push('"');
            }
            FieldValue::Text(value) => escape_text(out, value),
        }
        if out.len() > MAX_LINE {
            out.truncate(before);
            out.push_str(" cut=true");
            return;
        }
    }
}

fn delivery_body(out: &mut String, fields: &Fields) {
    if let Some(id) = fields.get("id") {
        escape_text(out, id);
        out.push_str(": ");
    }
    let mut comma = "";
    for name in DELIVERY {
        if let Some(value) = fields.get(name) {
            let brackets = if name == "orig_to" { ("<", ">") } else { ("", "") };
            let _ = write!(out, "{comma}{name}={}", brackets.0);
            escape_text(out, value);
            out.push_str(brackets.1);
            comma = ", ";
        }
    }
    if !fields.message.is_empty() {
        out.push_str(" (");
        escape_text(out, &fields.message);
        out.push(')');
    }
}

/// What a reader that splits at blanks would misread.
fn needs_quotes(value: &str) -> bool {
    value.is_empty() || value.chars().any(|c| c.is_whitespace() || c == '"' || c.is_control())
}

/// Control characters, the C1 ones and those that break or turn lines on a screen among them.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_text(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_harmful(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

/// One JSON object, without a newline.
pub(super) fn json_object(head: &Head<'_>, fields: &Fields) -> String {
    let mut object = String::with_capacity(256);
    let out = &mut object;
    let _ = write!(
        out,
        "{{\"time\":\"{}\",\"name\":\"{}\",\"pid\":{},\"level\":\"{}\",\"message\":",
        head.time,
        head.name,
        head.pid,
        level_name(head.level)
    );
    quote_json(out, &fields.message);
    for (name, value) in &fields.fields {
        let before = out.len();
        out.push(',');
        quote_json(out, name);
        out.push(':');
        match value {
            FieldValue::Bare(value) => out.push_str(value),
            FieldValue::Text(value) => quote_json(out, value),
        }
        if out.len() > MAX_LINE {
            out.truncate(before);
            out.push_str(",\"cut\":true");
            break;
        }
    }
    out.push('}');
    object
}

fn quote_json(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_harmful(c) => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
