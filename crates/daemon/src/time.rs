//! The clock and the random numbers that trace ids are made of.

use std::time::{SystemTime, UNIX_EPOCH};

use address::TraceId;

/// Milliseconds since 1970.
#[must_use]
pub fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Makes a trace id for a new message.
///
/// # Errors
/// The kernel gave no random numbers: without them an id could be guessed, so the message must wait.
pub fn fresh_trace_id() -> Result<TraceId, std::io::Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(TraceId::new(now_millis(), u128::from_le_bytes(random)))
}

/// A time in RFC 3339 with milliseconds and the zone's offset, which is always +00:00.
#[must_use]
pub fn rfc3339(millis: u64) -> String {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{:.3}", time.display_with_offset(jiff::tz::Offset::UTC))
}

/// A span of time for people, in its two largest units: `3d4h`, `59m59s`.
#[must_use]
pub fn print_span(seconds: u64) -> String {
    let units = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let first = units.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut shown = String::new();
    for (unit, letter) in units.iter().skip(first).take(2) {
        if left >= *unit || shown.is_empty() {
            shown.push_str(&format!("{}{letter}", left / unit));
            left %= unit;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans() {
        let shown = [0, 59, 3599, 3661, 86_401, 90_061, 864_000].map(print_span);
        assert_eq!(shown, ["0s", "59s", "59m59s", "1h1m", "1d", "1d1h", "10d"]);
    }
}
