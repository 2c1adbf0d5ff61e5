//! The id of a report that the queue itself makes.

use address::{EntryId, TraceId};

/// FNV-1a's offset and prime for 128 bits: spreads well, needs no library, and ids are no secrets.
const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The trace id of report number `round` about `original`, made at `made` (ms since 1970).
///
/// Derived, not drawn: with `made` fixed in the state record before the report is offered, a
/// report that is offered twice carries one id, and its receiver keeps one of them.
#[must_use]
pub fn derived_id(original: EntryId, round: u32, made: u64) -> TraceId {
    let text = format!("dovetail report {original} {round}");
    let hash =
        text.bytes().fold(OFFSET, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
    TraceId::new(made, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_id_a_round() {
        let original = EntryId::new(TraceId::new(5, 7), 1);
        let other = EntryId::new(TraceId::new(5, 7), 2);
        assert_eq!(derived_id(original, 1, 9), derived_id(original, 1, 9));
        assert_ne!(derived_id(original, 1, 9), derived_id(original, 2, 9));
        assert_ne!(derived_id(original, 1, 9), derived_id(other, 1, 9));
        assert_eq!(derived_id(original, 1, 9).millis(), 9);
    }
}
