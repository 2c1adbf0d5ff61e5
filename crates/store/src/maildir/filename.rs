//! Message file names: `BASE,S=…,W=…:2,FLAGS`. Pure.
//!
//! The identity of a message is all before the first `:`. Flags stand after the last `:` if that
//! begins with `2,`: known flags are `DFRST`, `a`–`z` are the mailbox's keywords, everything else
//! belongs to somebody else and is kept.

/// The part that identifies the message: all before the first `:`.
pub(crate) fn base(name: &[u8]) -> &[u8] {
    name.split(|&b| b == b':').next().unwrap_or_default()
}

/// The flag letters, and what stands behind a `,` after them.
fn info(name: &[u8]) -> (&[u8], &[u8]) {
    let last = name.rsplitn(2, |&b| b == b':').next().unwrap_or_default();
    if last.len() == name.len() {
        return (&[], &[]); // no colon
    }
    let Some(info) = last.strip_prefix(b"2,") else { return (&[], &[]) };
    let end = info.iter().position(|&b| b == b',').unwrap_or(info.len());
    info.split_at(end)
}

/// The flag letters, as they stand.
pub(crate) fn letters(name: &[u8]) -> &[u8] {
    info(name).0
}

/// Whether a letter is one of ours: a system flag or a keyword.
pub(crate) fn is_known_letter(letter: u8) -> bool {
    matches!(letter, b'D' | b'F' | b'R' | b'S' | b'T' | b'a'..=b'z')
}

/// The name with `known` as its known letters. Foreign letters, and what follows a `,`, stay.
pub(crate) fn with_letters(name: &[u8], known: &[u8]) -> Vec<u8> {
    let (old, rest) = info(name);
    let mut all: Vec<u8> =
        old.iter().copied().filter(|&b| !is_known_letter(b)).chain(known.iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    [stem(name), b":2,", &all, rest].concat()
}

/// All before the `:2,` that [`with_letters`] replaces.
fn stem(name: &[u8]) -> &[u8] {
    match name.iter().rposition(|&b| b == b':') {
        Some(colon) if name.get(colon + 1..).is_some_and(|info| info.starts_with(b"2,")) => {
            name.get(..colon).unwrap_or_default()
        }
        _ => base(name),
    }
}

/// The number of `,S=` or `,W=` in the base: the first one counts, and only if it is a clean number.
pub(crate) fn size_field(name: &[u8], key: u8) -> Option<u64> {
    base(name)
        .split(|&b| b == b',')
        .skip(1)
        .find_map(|field| field.strip_prefix(&[key, b'=']))
        .and_then(number)
}

/// Decimal digits only.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The order in which unknown files get their UIDs: seconds, then microseconds, then the bytes.
pub(crate) fn arrival_key(name: &[u8]) -> (u64, u64, &[u8]) {
    let seconds_end = name.iter().position(|b| !b.is_ascii_digit()).unwrap_or(name.len());
    let (seconds, rest) = name.split_at(seconds_end);
    let seconds = number(seconds).unwrap_or(0);
    let micros = rest
        .split(|&b| b == b'.')
        .nth(1)
        .and_then(|part| part.iter().position(|&b| b == b'M').and_then(|at| part.get(at + 1..)))
        .and_then(|digits| {
            let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
            digits.get(..end).and_then(number)
        })
        .unwrap_or(0);
    (seconds, micros, rest)
}

/// Whether a folder's entry can be a message: `.x` never is, and CR or LF would break the uidlist.
pub(crate) fn is_message(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && !name.iter().any(|b| matches!(b, b'\r' | b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAME: &[u8] = b"1795548153.M502377P9054.vm,S=18,W=21:2,Sab";

    #[test]
    fn parts() {
        assert_eq!(base(NAME), b"1795548153.M502377P9054.vm,S=18,W=21");
        assert_eq!(letters(NAME), b"Sab");
        assert_eq!((size_field(NAME, b'S'), size_field(NAME, b'W')), (Some(18), Some(21)));
        assert_eq!(letters(b"x:1,S"), b"");
        assert_eq!(letters(b"x2,S"), b"");
        assert_eq!(letters(b"x:2,S,extra"), b"S");
        assert_eq!(size_field(b"x,S=1a:2,", b'S'), None);
        assert_eq!(size_field(b"x,S=5,S=6", b'S'), Some(5));
        assert_eq!(size_field(b"S=5", b'S'), None);
    }

    #[test]
    fn letters_change_and_foreign_ones_stay() {
        assert_eq!(with_letters(b"x:2,PSZ", b"SRb"), b"x:2,PRSZb");
        assert_eq!(with_letters(NAME, b""), b"1795548153.M502377P9054.vm,S=18,W=21:2,");
        assert_eq!(with_letters(b"x", b"S"), b"x:2,S");
        assert_eq!(with_letters(b"x:1,foo", b"S"), b"x:2,S");
        assert_eq!(with_letters(b"x:2,S,extra", b"F"), b"x:2,F,extra");
    }

    #[test]
    fn arrival() {
        let mut names: Vec<&[u8]> =
            vec![b"10.M5P1.h", b"9.M70P1.h", b"9.M7P2.h", b"9.M7P1.h", b"junk", b"9.h"];
        names.sort_by_key(|name| arrival_key(name));
        let sorted: Vec<&[u8]> =
            vec![b"junk", b"9.h", b"9.M7P1.h", b"9.M7P2.h", b"9.M70P1.h", b"10.M5P1.h"];
        assert_eq!(names, sorted);
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_identity(
            name in proptest::collection::vec(prop_oneof![
                Just(b':'), Just(b','), Just(b'2'), Just(b'S'), Just(b'='), any::<u8>(),
            ], 1..24),
            known in "[DFRSTa-z]{0,6}",
        ) {
            let _ = (size_field(&name, b'S'), arrival_key(&name), is_message(&name));
            let changed = with_letters(&name, known.as_bytes());
            prop_assert_eq!(base(&changed), base(&name));
            let mut want: Vec<u8> = known.bytes().collect();
            want.sort_unstable();
            want.dedup();
            let got: Vec<u8> =
                letters(&changed).iter().copied().filter(|&b| is_known_letter(b)).collect();
            prop_assert_eq!(&got, &want);
            prop_assert_eq!(with_letters(&changed, known.as_bytes()), changed.clone());
        }
    }
}
