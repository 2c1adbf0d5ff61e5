//! Every RFC that the code cites stands in docs/rfcs.md, with how much of it is done.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::tidy::files::Source;

/// Finds citations that docs/rfcs.md doesn't list.
pub(crate) fn check(root: &Path, sources: &[Source]) -> Result<Vec<String>, String> {
    let page = root.join("docs").join("rfcs.md");
    let listed = fs::read_to_string(&page).map_err(|e| format!("{}: {e}", page.display()))?;
    let mut cited: BTreeMap<String, String> = BTreeMap::new();
    for source in sources {
        for number in citations(&source.text) {
            cited.entry(number).or_insert_with(|| source.path.display().to_string());
        }
    }
    let unlisted = cited.iter().filter(|(number, _)| !listed.contains(&format!("| {number} |")));
    Ok(unlisted
        .map(|(number, path)| format!("docs/rfcs.md lacks RFC {number}, which {path} cites"))
        .collect())
}

fn citations(text: &str) -> Vec<String> {
    let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
    let found = text
        .match_indices("RFC ")
        .map(|(at, mark)| digits(text.get(at + mark.len()..).unwrap_or_default()));
    found.filter(|number| (3..=5).contains(&number.len())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_numbers_and_nothing_else() {
        let text = concat!("R", "FC 5321 §4.1, R", "FC 822; R", "FC editor");
        assert_eq!(citations(text), ["5321", "822"]);
    }
}
