//! Durations (`"5d"`, `"1h30m"`, `"250ms"`) and sizes (`"50M"`, `"64K"`) as configuration writes
//! them. Sizes count in powers of 1024, as Postfix's and Dovecot's do.

use std::time::Duration;

/// Units of time in milliseconds, the longest first, as [`print_duration`] tries them.
const TIMES: [(&str, u64); 6] = [
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

const SIZES: [(&str, u64); 4] = [("T", 1 << 40), ("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)];

/// Reads a duration: one or more of number and unit (`ms`, `s`, `m`, `h`, `d`, `w`) without blanks.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit());
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        let (_, scale) = TIMES.iter().find(|(name, _)| *name == unit)?;
        let number: u64 = number.parse().ok()?;
        millis = millis.checked_add(number.checked_mul(*scale)?)?;
        rest = after;
    }
    Some(Duration::from_millis(millis))
}

/// Reads a size in octets: a number, and `K`, `M`, `G`, `T` (also `KB`, `KiB`) or nothing after it.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split(text, |c| c.is_ascii_digit());
    let number: u64 = number.parse().ok()?;
    let unit = unit.to_ascii_uppercase();
    let unit = unit.strip_suffix("IB").or_else(|| unit.strip_suffix('B')).unwrap_or(&unit);
    if unit.is_empty() {
        return Some(number);
    }
    let (_, scale) = SIZES.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*scale)
}

/// Writes a duration with the longest unit that divides it: `5d`, `90m`, `1500ms`.
#[must_use]
pub fn print_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let fits = TIMES.iter().find(|(_, scale)| millis.is_multiple_of(*scale));
    fits.map_or_else(|| format!("{millis}ms"), |(unit, scale)| format!("{}{unit}", millis / scale))
}

/// Writes a size with the largest unit that divides it: `50M`, `1536`.
#[must_use]
pub fn print_size(size: u64) -> String {
    let fits = SIZES.iter().find(|(_, scale)| size != 0 && size.is_multiple_of(*scale));
    fits.map_or_else(|| size.to_string(), |(unit, scale)| format!("{}{unit}", size / scale))
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("5d", 432_000_000),
            ("300s", 300_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "5", "d", "5 d", "5x", "-5s", "99999999999999999999s", "5d!", "1.5h"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, size) in [
            ("50M", 50 << 20),
            ("64K", 65536),
            ("64KiB", 65536),
            ("1000", 1000),
            ("1000B", 1000),
            ("2g", 2 << 30),
        ] {
            assert_eq!(parse_size(text), Some(size), "{text}");
        }
        for text in ["", "M", "5X", "5 M", "-1", "99999999T"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn durations_round_trip(millis in 0u64..10_000_000_000) {
            let duration = Duration::from_millis(millis);
            proptest::prop_assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
        }

        #[test]
        fn sizes_round_trip(size in 0u64..1 << 50) {
            proptest::prop_assert_eq!(parse_size(&print_size(size)), Some(size));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse_duration(&text);
            let _ = parse_size(&text);
        }
    }
}
