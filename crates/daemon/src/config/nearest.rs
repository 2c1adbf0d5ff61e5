//! Which known word was probably meant.

/// The known word nearest to `word` by optimal string alignment, if it is near enough: at most one
/// change for each three letters, at least one, swapped neighbours counting as one.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(changes, _)| *changes <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Words longer than this are not compared: the cost grows with the product of lengths.
const MAX_WORD: usize = 64;

fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().map(fold).collect();
    let b: Vec<char> = b.to_lowercase().chars().map(fold).collect();
    if a.len() > MAX_WORD || b.len() > MAX_WORD {
        return usize::MAX;
    }
    let mut two_back: Vec<usize> = Vec::new();
    let mut back: Vec<usize> = (0..=b.len()).collect();
    let mut left: Option<char> = None;
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        let mut above: Option<char> = None;
        for (j, &y) in b.iter().enumerate() {
            let at = |cells: &[usize], k: usize| cells.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&back, j) + usize::from(x != y)).min(at(&back, j + 1) + 1);
            best = best.min(at(&row, j) + 1);
            if left == Some(y) && above == Some(x) && j > 0 {
                best = best.min(at(&two_back, j - 1) + 1);
            }
            row.push(best);
            above = Some(y);
        }
        two_back = std::mem::replace(&mut back, row);
        left = Some(x);
    }
    back.last().copied().unwrap_or(usize::MAX)
}

/// `-` and `_` are the same mistake away from each other as nothing.
fn fold(c: char) -> char {
    if c == '-' { '_' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words() {
        let known = ["hostname", "listener", "passdb", "tls", "max_connections"];
        let find = |word| nearest(word, known.into_iter());
        assert_eq!(find("hostnmae"), Some("hostname"));
        assert_eq!(find("lisener"), Some("listener"));
        assert_eq!(find("max-connections"), Some("max_connections"));
        assert_eq!(find("TLS"), Some("tls"));
        assert_eq!(find("colour"), None);
        assert_eq!(find(""), None);
    }

    #[test]
    fn distances() {
        for (a, b, want) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "abc", 3),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(a, b), want, "{a} {b}");
        }
    }
}
