//! The number that ties a reply to its request.

use std::fmt;
use std::num::NonZeroU32;

/// A request's id: 1 to 2^32-1, chosen by the asking side and free again once answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(NonZeroU32);

impl RequestId {
    /// The first id an asker uses.
    pub const FIRST: Self = Self(NonZeroU32::MIN);

    /// Makes an id of a number; `None` for 0.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The id after this one; after the last comes the first.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.checked_add(1) {
            Some(number) => Self(number),
            None => Self::FIRST,
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
