//! What a server announced in its reply to EHLO or LHLO (RFC 5321 §4.1.1.1).

/// Longer lists than this are cut: nobody has so many extensions.
const MAX_KEYWORDS: usize = 64;

/// The extensions of the other side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities(Vec<(String, String)>);

impl Capabilities {
    /// Of the reply's lines; the first one is the greeting and no extension.
    #[must_use]
    pub fn read(lines: &[String]) -> Self {
        let entry = |line: &String| {
            // `AUTH=PLAIN` is what very old servers say.
            let end = line.find([' ', '=']).unwrap_or(line.len());
            let (keyword, rest) = line.split_at(end);
            (keyword.to_ascii_uppercase(), rest.get(1..).unwrap_or_default().to_owned())
        };
        Self(lines.iter().skip(1).take(MAX_KEYWORDS).map(entry).collect())
    }

    /// Whether it announced `keyword` (in upper case).
    #[must_use]
    pub fn has(&self, keyword: &str) -> bool {
        self.params(keyword).is_some()
    }

    /// What stands behind the keyword.
    #[must_use]
    pub fn params(&self, keyword: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == keyword).map(|(_, rest)| rest.as_str())
    }

    /// The words behind the keyword, in upper case.
    #[must_use]
    pub fn words(&self, keyword: &str) -> Vec<String> {
        let rest = self.params(keyword).unwrap_or_default();
        rest.split_ascii_whitespace().map(str::to_ascii_uppercase).collect()
    }

    /// The largest message it takes (RFC 1870 §4); none for no limit or none said.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.params("SIZE").and_then(|text| text.trim().parse().ok()).filter(|size| *size > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_list() {
        let lines = ["mx.test", "PIPELINING", "SIZE 1000", "xforward NAME addr", "AUTH=LOGIN"];
        let caps = Capabilities::read(&lines.map(str::to_owned));
        assert!(caps.has("PIPELINING") && !caps.has("MX.TEST"));
        assert_eq!(caps.size(), Some(1000));
        assert_eq!(caps.words("XFORWARD"), ["NAME", "ADDR"]);
        assert_eq!(caps.words("AUTH"), ["LOGIN"]);
    }
}
