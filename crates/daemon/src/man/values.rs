//! How values of each kind are written, for the kinds that a file has.

use super::roff::Roff;
use super::text::Span;
use crate::config::{Key, Kind};

/// What a kind is called, and how it is written.
type Value = (&'static str, &'static str);

/// The kinds that need a word, each once, in this order.
const VALUES: [Value; 9] = [
    ("text", "In quotes, without control characters: `\"alice\"`."),
    ("number", "A whole number: `100`."),
    (
        "duration",
        "Numbers with units, in quotes: `\"5d\"`, `\"1h30m\"`, `\"250ms\"`. Units are `ms`, `s`, `m`, `h`, \
         `d` and `w`.",
    ),
    (
        "size",
        "Octets: a number, or in quotes a number with a unit: `\"64K\"`, `\"50M\"`. Units are `K`, `M`, \
         `G` and `T`, powers of 1024.",
    ),
    ("path", "In quotes, from the root: `\"/var/vmail\"`."),
    (
        "address",
        "`\"127.0.0.1:25\"`, `\"[::1]:25\"`, `\"*:25\"` (all addresses), `\"unix:/run/x.sock\"`.",
    ),
    ("access bits", "Octal, in quotes: `\"0660\"`."),
    ("user", "A name that the system knows, in quotes, or a number: `\"vmail\"`, `5000`."),
    ("array", "Values in brackets: `[\"a\", \"b\"]`; `[]` is none."),
];

/// The section VALUES.
pub(super) fn write(page: &mut Roff, keys: &[Key]) {
    let mut found = Vec::new();
    for key in keys {
        collect(key.kind, &mut found);
    }
    page.section("VALUES");
    for (name, text) in VALUES.iter().filter(|(name, _)| found.contains(name)) {
        page.entry(&[Span::Italic(name)], text);
    }
}

fn collect(kind: Kind, found: &mut Vec<&'static str>) {
    let name = match kind {
        Kind::Text | Kind::Choice(_) => "text",
        Kind::Integer { .. } => "number",
        Kind::Duration { .. } => "duration",
        Kind::Size { .. } => "size",
        Kind::Path(_) | Kind::Template(_) => "path",
        Kind::Address => "address",
        Kind::Mode => "access bits",
        Kind::User => "user",
        Kind::Bool => return,
        Kind::List(inner) => {
            collect(*inner, found);
            "array"
        }
        Kind::Map(inner) => return collect(*inner, found),
        Kind::Table(keys) | Kind::Tables(keys) => {
            return keys.iter().for_each(|key| collect(key.kind, found));
        }
    };
    found.push(name);
}
