//! RFC 5322 §3.3's date and time, written and read.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};

/// `Wed, 25 Nov 2026 00:21:36 +0000` for seconds since 1970, in the zone `offset_seconds` east of
/// Greenwich. Times out of the calendar's range are shown as its end.
#[must_use]
pub fn rfc5322(seconds: i64, offset_seconds: i32) -> String {
    zoned(seconds, offset_seconds).strftime("%a, %d %b %Y %H:%M:%S %z").to_string()
}

/// `25-Nov-2026 00:21:36 +0000`, IMAP's `date-time` (RFC 3501 §9) without its quotes.
#[must_use]
pub fn imap(seconds: i64, offset_seconds: i32) -> String {
    zoned(seconds, offset_seconds).strftime("%d-%b-%Y %H:%M:%S %z").to_string()
}

/// `2026-11-25T00:21:36.502+00:00`: RFC 3339 for JSON and logs, from milliseconds since 1970.
#[must_use]
pub fn rfc3339_millis(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    time.to_zoned_datetime(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}

fn zoned(seconds: i64, offset_seconds: i32) -> ZonedDateTime {
    let offset = Offset::from_seconds(offset_seconds).unwrap_or(Offset::UTC);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.to_zoned_datetime(TimeZone::fixed(offset))
}

/// Reads a Date field's value: seconds since 1970 and the zone's offset in seconds.
///
/// Obsolete zone names, comments, a missing day name and missing seconds are taken (RFC 5322 §4.3).
#[must_use]
pub fn parse(value: &str) -> Option<(i64, i32)> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    let zoned = parser.parse_zoned_datetime(value.trim()).ok()?;
    Some((zoned.timestamp().as_second(), zoned.offset().seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads() {
        let text = rfc5322(1_795_548_096, 3600);
        assert_eq!(text, "Tue, 24 Nov 2026 20:21:36 +0100");
        assert_eq!(parse(&text), Some((1_795_548_096, 3600)));
        assert_eq!(imap(1_795_548_096, -18_000), "24-Nov-2026 14:21:36 -0500");
        assert_eq!(rfc3339_millis(1_795_548_096_007), "2026-11-24T19:21:36.007+00:00");
    }

    #[test]
    fn old_forms() {
        assert_eq!(parse("1 Jan 2020 00:00 GMT (no seconds)"), Some((1_577_836_800, 0)));
        assert_eq!(parse("yesterday"), None);
    }
}
