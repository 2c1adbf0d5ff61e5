//! A page as it is written: man(7)'s macros, one call of a method a piece.

use super::text::{Span, argument, line, spans, unfilled};

/// A manual page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// As in `man NAME`: `dovetail-smtpd.toml`.
    pub name: String,
    /// 1: commands, 5: files, 8: daemons.
    pub section: u8,
    /// roff, in ASCII.
    pub text: String,
}

impl Page {
    /// The file that it stands in: `dovetail-smtpd.toml.5`.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// A page that is being written. Texts may hold backquotes around what is literal, and names of
/// other pages.
#[derive(Debug)]
pub struct Roff(Page);

impl Roff {
    /// Begins a page. The summary, a few words without a stop, is what whatis(1) and apropos(1) show.
    #[must_use]
    pub fn new(name: &str, section: u8, summary: &str) -> Self {
        let title = argument(&name.to_uppercase());
        let version = argument(&format!("Dovetail {}", env!("CARGO_PKG_VERSION")));
        // Without a date, the same sources make the same page. Keys and paths are never hyphenated:
        // `HY` is for macros that switch it on again.
        let text =
            format!(".TH {title} {section} \"\" {version} \"Dovetail\"\n.nr HY 0\n.nh\n.ad l\n");
        let mut roff = Self(Page { name: name.to_owned(), section, text });
        roff.section("NAME");
        let summary = summary.replace('`', "");
        roff.push(&line(&[Span::Plain(&format!("{name} - {summary}"))]));
        roff
    }

    /// A heading.
    pub fn section(&mut self, heading: &str) {
        self.push(&format!(".SH {}", argument(heading)));
    }

    /// A heading within a section.
    pub fn subsection(&mut self, heading: &str) {
        self.push(&format!(".SS {}", argument(heading)));
    }

    /// A paragraph.
    pub fn paragraph(&mut self, text: &str) {
        // A heading begins one already.
        let last = self.0.text.trim_end().rsplit('\n').next().unwrap_or_default();
        if !last.starts_with(".SH ") && !last.starts_with(".SS ") {
            self.push(".PP");
        }
        self.push(&line(&spans(text)));
    }

    /// Ways to call commands: each with its name, behind which further lines are indented.
    pub fn synopsis(&mut self, lines: &[(&str, Vec<Span<'_>>)]) {
        for (command, rest) in lines {
            self.push(&format!(".SY {}", argument(command)));
            self.push(&line(rest));
        }
        self.push(".YS");
    }

    /// An entry of a list: what it is about, and a text.
    pub fn entry(&mut self, tag: &[Span<'_>], text: &str) {
        self.push(".TP");
        self.push(&line(tag));
        self.push(&line(&spans(text)));
    }

    /// A further paragraph of an entry.
    pub fn further(&mut self, text: &str) {
        self.push(".IP");
        self.push(&line(&spans(text)));
    }

    /// What follows, until [`Roff::outdent`], belongs to the entry before it.
    pub fn indent(&mut self) {
        self.push(".RS");
    }

    /// Ends [`Roff::indent`].
    pub fn outdent(&mut self) {
        self.push(".RE");
    }

    /// Lines that stand as they are, indented.
    pub fn example(&mut self, lines: &str) {
        self.push(".PP\n.RS 4\n.EX");
        for line in lines.lines() {
            self.push(&unfilled(line));
        }
        self.push(".EE\n.RE");
    }

    /// SEE ALSO, each page once, in the order of sections and names, without the page itself.
    pub fn see_also(&mut self, pages: &[String]) {
        let own = format!("{}({})", self.0.name, self.0.section);
        let mut pages: Vec<&String> = pages.iter().filter(|page| **page != own).collect();
        pages.sort_by_key(|page| (page.trim_end_matches(')').chars().last(), *page));
        pages.dedup();
        self.section("SEE ALSO");
        let all: Vec<&str> = pages.into_iter().map(String::as_str).collect();
        self.push(&line(&spans(&all.join(", "))));
        self.push(".PP");
        self.push(&line(&spans("`/usr/share/doc/dovetail-common/`: the handbook, as text.")));
    }

    /// The page.
    #[must_use]
    pub fn finish(self) -> Page {
        self.0
    }

    /// An empty line would be a break.
    fn push(&mut self, line: &str) {
        if !line.is_empty() {
            self.0.text.push_str(line);
            self.0.text.push('\n');
        }
    }
}
