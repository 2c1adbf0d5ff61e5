//! Numbers that must not be taken for one another.

use std::fmt;
use std::num::NonZeroU32;

macro_rules! nonzero_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(NonZeroU32);

        impl $name {
            /// `None` for 0, which is no such number.
            #[must_use]
            pub const fn new(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The bare number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0.get()
            }

            /// The number after it, or itself at the end of the range.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

nonzero_number! {
    /// A message's unique identifier in its mailbox (RFC 3501 §2.3.1.1). Grows, is never reused.
    Uid
}
nonzero_number! {
    /// Which life of the mailbox its UIDs belong to (RFC 3501 §2.3.1.1).
    UidValidity
}
nonzero_number! {
    /// A message's place in the mailbox as one session sees it (RFC 3501 §2.3.1.2), from 1.
    SeqNo
}

impl SeqNo {
    /// The number of the message at `index` (from 0) of a session's view.
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).and_then(Self::new)
    }

    /// Its place in a session's view, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.get() as usize - 1
    }
}

/// A modification sequence (RFC 7162 §3.1). 63 bits; 0 where a mailbox keeps none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ModSeq(pub u64);

impl fmt::Display for ModSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
