//! Sets of message numbers: `1:3,7,*` (RFC 3501 §9, `sequence-set`).
//!
//! A set is bounded by how many ranges it has, never written out number by number: `1:4294967295`
//! costs as much as `1`. Sequence numbers and UIDs are different types. Sets are resolved against
//! what the mailbox holds; looking messages up is the caller's.

use std::fmt;

use mailbox::{SeqNo, Uid};

/// A limit of ours: so many ranges in one set. A command line can't hold many more.
pub const MAX_RANGES: usize = 32_768;

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// A number; never 0.
    Number(u32),
    /// `*`: the highest number in use.
    Star,
}

impl Bound {
    const fn resolve(self, highest: u32) -> u32 {
        match self {
            Bound::Number(number) => number,
            Bound::Star => highest,
        }
    }
}

/// One or two numbers of a set, in the client's order.
pub type Range = (Bound, Bound);

/// Why ranges make no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// No range at all.
    #[error("Empty message set")]
    Empty,
    /// More than [`MAX_RANGES`].
    #[error("Too long message set")]
    TooLong,
    /// Number 0.
    #[error("Invalid message set")]
    Zero,
}

fn check(ranges: &[Range]) -> Result<(), SetError> {
    let zero = Bound::Number(0);
    if ranges.is_empty() {
        Err(SetError::Empty)
    } else if ranges.len() > MAX_RANGES {
        Err(SetError::TooLong)
    } else if ranges.iter().any(|&(a, b)| a == zero || b == zero) {
        Err(SetError::Zero)
    } else {
        Ok(())
    }
}

/// A set of sequence numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceSet(Vec<Range>);

/// A sequence number that no message has. Dovecot's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid messageset")]
pub struct OutOfRange;

impl SequenceSet {
    /// Checks the ranges.
    ///
    /// # Errors
    /// For none, too many, and 0.
    pub fn new(ranges: Vec<Range>) -> Result<Self, SetError> {
        check(&ranges).map(|()| Self(ranges))
    }

    /// The numbers meant, in a mailbox of `exists` messages.
    ///
    /// # Errors
    /// If one of them is above `exists`: the client must know how many there are
    /// (RFC 3501 §7.4.1 makes the numbers its own to follow).
    pub fn resolve(&self, exists: u32) -> Result<Numbers, OutOfRange> {
        let numbers = Numbers::of(&self.0, exists);
        match numbers.0.last() {
            Some(&(_, last)) if last > exists => Err(OutOfRange),
            _ if exists == 0 => Err(OutOfRange),
            _ => Ok(numbers),
        }
    }

    /// As [`SequenceSet::resolve`], but numbers that no message has are passed over: SEARCH.
    #[must_use]
    pub fn resolve_within(&self, exists: u32) -> Numbers {
        Numbers::of(&self.0, exists).within(exists)
    }
}

/// A set of UIDs. One that no message has is not an error (RFC 3501 §6.4.8).
#[derive(Clone, PartialEq, Eq)]
pub struct UidSet(Vec<Range>);

impl UidSet {
    /// Checks the ranges.
    ///
    /// # Errors
    /// For none, too many, and 0.
    pub fn new(ranges: Vec<Range>) -> Result<Self, SetError> {
        check(&ranges).map(|()| Self(ranges))
    }

    /// The UIDs meant where `last` is the highest in the mailbox; none if it is empty.
    #[must_use]
    pub fn resolve(&self, last: Option<Uid>) -> Numbers {
        last.map_or(Numbers(Vec::new()), |last| Numbers::of(&self.0, last.get()))
    }
}

fn write_ranges(ranges: &[Range], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let bound = |bound, f: &mut fmt::Formatter<'_>| match bound {
        Bound::Number(number) => write!(f, "{number}"),
        Bound::Star => f.write_str("*"),
    };
    for (place, &(first, last)) in ranges.iter().enumerate() {
        if place > 0 {
            f.write_str(",")?;
        }
        bound(first, f)?;
        if first != last {
            f.write_str(":")?;
            bound(last, f)?;
        }
    }
    Ok(())
}

macro_rules! printed {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_ranges(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_ranges(&self.0, f)
            }
        }
    )*};
}
printed!(SequenceSet, UidSet);

/// A resolved set: ranges in ascending order that neither touch nor overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(Vec<(u32, u32)>);

impl Numbers {
    fn of(ranges: &[Range], highest: u32) -> Self {
        let ends = |&(a, b): &Range| {
            let (a, b) = (a.resolve(highest), b.resolve(highest));
            (a.min(b), a.max(b)) // 4:2 is 2:4 (RFC 3501 §9)
        };
        let mut sorted: Vec<_> = ranges.iter().map(ends).collect();
        sorted.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Self(merged)
    }

    fn within(mut self, highest: u32) -> Self {
        self.0.retain_mut(|range| {
            range.1 = range.1.min(highest);
            range.0 <= highest && range.1 > 0
        });
        self
    }

    /// Whether the number is in the set.
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let place = self.0.partition_point(|&(_, last)| last < number);
        self.0.get(place).is_some_and(|&(first, _)| first <= number)
    }

    /// First and last of each range, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether no number is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each number as a sequence number, ascending. Only for a set that was resolved against how
    /// many messages there are: one of UIDs may hold four thousand million.
    pub fn sequence_numbers(&self) -> impl Iterator<Item = SeqNo> + '_ {
        self.0.iter().flat_map(|&(first, last)| first..=last).filter_map(SeqNo::new)
    }
}

/// Writes numbers as a set, in their order: `2:3,7` (RFC 4315 §3 wants COPYUID's two sets to
/// correspond, so nothing is sorted).
#[must_use]
pub fn compact(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut text = String::new();
    let mut run: Option<(u32, u32)> = None;
    for number in numbers {
        match &mut run {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => {
                put_run(&mut text, run);
                run = Some((number, number));
            }
        }
    }
    put_run(&mut text, run);
    text
}

fn put_run(text: &mut String, run: Option<(u32, u32)>) {
    let Some((first, last)) = run else { return };
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(&first.to_string());
    if last > first {
        text.push(':');
        text.push_str(&last.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use Bound::{Number as N, Star};

    fn sequence(ranges: &[Range]) -> SequenceSet {
        SequenceSet::new(ranges.to_vec()).expect("good")
    }

    #[test]
    fn star_and_order() {
        let set = sequence(&[(N(4), N(2)), (Star, N(6)), (N(5), N(5))]);
        assert_eq!(set.to_string(), "4:2,*:6,5");
        assert_eq!(set.resolve(9).expect("in range").ranges(), &[(2, 9)]);
        assert_eq!(set.resolve(5), Err(OutOfRange));
        assert_eq!(set.resolve_within(3).ranges(), &[(2, 3)]);
        assert!(sequence(&[(N(1), Star)]).resolve(0).is_err());
        assert!(sequence(&[(N(1), Star)]).resolve_within(0).is_empty());
    }

    #[test]
    fn a_uid_range_above_all_gives_the_last() {
        // RFC 3501 §6.4.8: 559:* always has the last message in it.
        let set = UidSet::new(vec![(N(559), Star)]).expect("good");
        assert_eq!(set.resolve(Uid::new(30)).ranges(), &[(30, 559)]);
        assert!(set.resolve(None).is_empty());
    }

    #[test]
    fn no_set() {
        assert_eq!(SequenceSet::new(vec![]), Err(SetError::Empty));
        assert_eq!(SequenceSet::new(vec![(N(0), Star)]), Err(SetError::Zero));
        assert_eq!(UidSet::new(vec![(N(1), N(1)); MAX_RANGES + 1]), Err(SetError::TooLong));
    }

    #[test]
    fn compacted_in_order() {
        assert_eq!(compact([2, 3, 4, 9, 7, 8]), "2:4,9,7:8");
        assert_eq!(compact([u32::MAX]), "4294967295");
        assert_eq!(compact([]), "");
    }

    fn bound() -> impl Strategy<Value = Bound> {
        prop_oneof![4 => (1_u32..60).prop_map(N), 1 => Just(Star)]
    }

    proptest! {
        #[test]
        fn resolving_means_each_range(
            ranges in prop::collection::vec((bound(), bound()), 1..9), exists in 1_u32..60,
        ) {
            let numbers = sequence(&ranges).resolve_within(exists);
            for n in 1..=70 {
                let meant = n <= exists && ranges.iter().any(|&(a, b)| {
                    let (a, b) = (a.resolve(exists), b.resolve(exists));
                    (a.min(b)..=a.max(b)).contains(&n)
                });
                prop_assert_eq!(numbers.contains(n), meant);
            }
            prop_assert!(numbers.ranges().windows(2).all(|w| w[0].1 + 1 < w[1].0));
            prop_assert!(numbers.sequence_numbers().all(|n| numbers.contains(n.get())));
        }
    }
}
