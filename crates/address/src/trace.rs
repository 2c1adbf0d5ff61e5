//! The trace id: one name for one message, in Received, in every log line, in the queue and in the
//! Maildir file's name.
//!
//! Twenty characters of `[0-9A-Za-z]` in ASCII order: eight of milliseconds since 1970, so that ids
//! sort by time, and twelve of randomness (71 bits), so that nobody guesses or repeats one.

use std::fmt;
use std::str::FromStr;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 20;
const TIME_LENGTH: usize = 8;

/// The text has not the form of a trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a trace id")]
pub struct TraceIdError;

/// A message's trace id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId([u8; LENGTH]);

impl TraceId {
    /// Makes one of `millis` since 1970 and a number that the caller drew at random.
    #[must_use]
    pub fn new(millis: u64, random: u128) -> Self {
        let mut id = [b'0'; LENGTH];
        let (time, rest) = id.split_at_mut(TIME_LENGTH);
        write_base62(time, u128::from(millis));
        write_base62(rest, random);
        Self(id)
    }

    /// Milliseconds since 1970 at which it was made.
    #[must_use]
    pub fn millis(&self) -> u64 {
        self.0.iter().take(TIME_LENGTH).fold(0u64, |sum, byte| {
            let digit = DIGITS.iter().position(|d| d == byte).unwrap_or(0);
            sum.wrapping_mul(62).wrapping_add(digit as u64)
        })
    }

    /// Its twenty characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Every byte is one of DIGITS.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn write_base62(out: &mut [u8], mut number: u128) {
    for byte in out.iter_mut().rev() {
        let digit = (number % 62) as usize;
        *byte = DIGITS.get(digit).copied().unwrap_or(b'0');
        number /= 62;
    }
}

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        let id: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| TraceIdError)?;
        if id.iter().all(u8::is_ascii_alphanumeric) { Ok(Self(id)) } else { Err(TraceIdError) }
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A queue entry's name: the trace id for a message's first entry, `ID-2`, `ID-3` for further ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EntryId {
    trace: TraceId,
    part: u16,
}

impl EntryId {
    /// Entry `part` (from 1) of the message.
    #[must_use]
    pub fn new(trace: TraceId, part: u16) -> Self {
        Self { trace, part: part.max(1) }
    }

    /// The message it belongs to.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.trace
    }

    /// Which of the message's entries it is, from 1.
    #[must_use]
    pub fn part(&self) -> u16 {
        self.part
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            1 => write!(f, "{}", self.trace),
            part => write!(f, "{}-{part}", self.trace),
        }
    }
}

impl FromStr for EntryId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<Self, TraceIdError> {
        match text.split_once('-') {
            None => Ok(Self::new(text.parse()?, 1)),
            Some((trace, part)) => {
                let number: u16 = part.parse().map_err(|_| TraceIdError)?;
                if number < 2 || number.to_string() != part {
                    return Err(TraceIdError);
                }
                Ok(Self::new(trace.parse()?, number))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_time_and_keeps_it() {
        let now = 1_795_548_153_502;
        let earlier = TraceId::new(now, u128::MAX);
        let later = TraceId::new(now + 1, 0);
        assert!(earlier < later && earlier.as_str() < later.as_str());
        assert_eq!(earlier.millis(), now);
        assert_eq!(earlier.as_str().len(), 20);
        assert_eq!(earlier.as_str().parse(), Ok(earlier));
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in ["", "B97AE9961B1", "0123456789012345678/", "012345678901234567890"] {
            assert!(bad.parse::<TraceId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn entries() {
        let trace = TraceId::new(1, 2);
        for part in [1, 2, 300] {
            let entry = EntryId::new(trace, part);
            assert_eq!(entry.to_string().parse(), Ok(entry));
        }
        assert!(format!("{trace}-1").parse::<EntryId>().is_err());
        assert!(format!("{trace}-02").parse::<EntryId>().is_err());
    }
}
