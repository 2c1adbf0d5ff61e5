//! Where two replies differ, line by line.

/// Lines of one reply that differ, with what stands in their place in the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// How many lines of the first reply are before it.
    pub at: usize,
    /// What the first has.
    pub theirs: Vec<String>,
    /// What the second has.
    pub ours: Vec<String>,
}

/// Equal lines, and the hunks between them.
#[must_use]
pub fn compare(theirs: &[String], ours: &[String]) -> (usize, Vec<Hunk>) {
    let table = common(theirs, ours);
    let (mut i, mut j, mut equal) = (0, 0, 0);
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut open: Option<Hunk> = None;
    while i < theirs.len() || j < ours.len() {
        if i < theirs.len() && j < ours.len() && theirs[i] == ours[j] {
            hunks.extend(open.take());
            (i, j, equal) = (i + 1, j + 1, equal + 1);
            continue;
        }
        let hunk = open.get_or_insert(Hunk { at: i, theirs: Vec::new(), ours: Vec::new() });
        if j == ours.len() || (i < theirs.len() && table[i + 1][j] >= table[i][j + 1]) {
            hunk.theirs.push(theirs[i].clone());
            i += 1;
        } else {
            hunk.ours.push(ours[j].clone());
            j += 1;
        }
    }
    hunks.extend(open);
    (equal, hunks)
}

/// How many lines the rests from (i, j) have in common, in order.
fn common(a: &[String], b: &[String]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] = if a[i] == b[j] {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn hunks_between_equal_lines() {
        let (equal, hunks) = compare(&lines("a b c d"), &lines("a x c d e"));
        assert_eq!((equal, hunks.len()), (3, 2));
        assert_eq!(hunks[0], Hunk { at: 1, theirs: lines("b"), ours: lines("x") });
        assert_eq!(hunks[1], Hunk { at: 4, theirs: Vec::new(), ours: lines("e") });
        assert_eq!(compare(&lines("a"), &lines("a")), (1, Vec::new()));
    }
}
