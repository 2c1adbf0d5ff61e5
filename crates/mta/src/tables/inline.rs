//! `inline:{ key=value, { key = text with blanks } }`, as Postfix's DATABASE_README has it.

/// What stands between the outer braces, if there are some.
pub(super) fn braced(text: &str) -> Option<&str> {
    text.trim().strip_prefix('{')?.strip_suffix('}').map(str::trim)
}

/// Keys and values in order.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut rest = braced(text).ok_or("want {key=value, …}")?;
    let mut entries = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        if rest.is_empty() {
            break;
        }
        let end = match rest.starts_with('{') {
            true => closing(rest).ok_or("a brace stays open")?,
            false => rest.find(|c: char| c == ',' || c.is_whitespace()).unwrap_or(rest.len()),
        };
        let (pair, behind) = rest.split_at(end);
        let pair = braced(pair).unwrap_or(pair);
        let (key, value) = pair.split_once('=').ok_or("missing '=' behind a key")?;
        let (key, value) = (key.trim(), value.trim());
        if key.is_empty() || value.is_empty() {
            return Err("a key or its value is missing");
        }
        entries.push((key.to_owned(), value.to_owned()));
        rest = behind;
    }
    if entries.is_empty() { Err("it has no entry") } else { Ok(entries) }
}

/// Behind the brace that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + c.len_utf8());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs() {
        let pairs = |text: &str| {
            parse(text).map(|all| {
                all.into_iter().map(|(key, value)| format!("{key}>{value}")).collect::<Vec<_>>()
            })
        };
        assert_eq!(pairs("{x=y,z=w}"), Ok(vec!["x>y".into(), "z>w".into()]));
        assert_eq!(pairs("{ {a = b c}, d=e }"), Ok(vec!["a>b c".into(), "d>e".into()]));
        for bad in ["", "x=y", "{}", "{x}", "{x=}", "{{x=y}"] {
            assert!(pairs(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[{}=, a-cé]{0,20}") {
            let _ = parse(&text);
            let _ = parse(&format!("{{{text}}}"));
        }
    }
}
