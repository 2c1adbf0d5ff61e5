//! Pages as text: escapes, markup, keys.

use super::text::{line, spans};
use super::*;
use crate::config::{FileSpec, Key, Kind};

#[test]
fn characters_stand_for_themselves() {
    let plain = |text| line(&[Span::Plain(text)]);
    assert_eq!(plain(".SH not a macro"), "\\&.SH not a macro");
    assert_eq!(plain("'tis"), "\\&'tis");
    assert_eq!(plain(r"C:\All ~/x `a` 2^3"), r"C:\(rsAll \(ti/x \(gaa\(ga 2\(ha3");
    assert_eq!(plain("--json isn't \"x\""), "\\-\\-json isn't \"x\"");
    assert_eq!(line(&[Span::Bold(".x'y'")]), "\\fB.x\\(aqy\\(aq\\fR");
    assert_eq!(plain("§ 4 … a\nb"), "\\[u00A7] 4 ... a b");
    // What is longer than a line may break, and is still itself.
    let long = plain(&"x".repeat(100));
    assert_eq!(long.matches("\\:").count(), 1);
    assert_eq!(long.replace("\\:", ""), "x".repeat(100));
}

#[test]
fn markup() {
    let text = |text| line(&spans(text));
    assert_eq!(text("says `a-b` and"), "says \\fBa\\-b\\fR and");
    assert_eq!(text("`.x` first"), "\\fB.x\\fR first");
    assert_eq!(text("one ` alone"), "one \\(ga alone");
    assert_eq!(text("(see dovetail-x.toml(5), x)."), "(see \\fBdovetail\\-x.toml\\fR(5), x).");
    for none in ["f() and (5) and X(5) and x(9) and x(55)", "a (b"] {
        assert_eq!(text(none), none);
    }
}

#[test]
fn a_file_with_every_shape_of_key() {
    const INNER: &[Key] = &[
        Key::required("path", Kind::Text, "Where.").restart(),
        Key::optional(
            "deep",
            Kind::Table(&[Key::new("on", Kind::Bool, "true", "Whether")]),
            "Deep.",
        ),
    ];
    let keys = [
        Key::new("word", Kind::Choice(&["\\All", "b"]), "'\\All'", ".One word"),
        Key::optional("box", Kind::Tables(INNER), "Boxes: [box.\"x\"]").restart(),
        Key::optional("routes", Kind::Map(&Kind::Text), "Routes."),
    ];
    let page =
        file_page(&FileSpec::shared("x", "what a and b share.", &keys), &["a", "b"], &["c(1)"]);
    assert_eq!(page.file_name(), "dovetail-x.toml.5");
    for wanted in [
        ".SH \"NAME\"\ndovetail\\-x.toml \\- what a and b share\n",
        "says what a and b share. It is read by \\fBdovetail\\-a\\fR(8) and \\fBdovetail\\-b\\fR(8).",
        "\\fBword\\fR (default: '\\(rsAll')\n\\&.One word.\n.IP\nOne of '\\(rsAll', \"b\".\n",
        ".SS \"[box.NAME]\"\nBoxes: [box.\"x\"]. A change needs a restart.\n",
        "\\fBpath\\fR (must be set)\nWhere.\n.IP\nText. A change needs a restart.\n",
        ".SS \"[box.NAME.deep]\"\nDeep.\n.TP\n\\fBon\\fR (default: true)\nWhether.\n",
        ".SS \"[routes]\"\n",
        "\\fBc\\fR(1), \\fBdovetail\\fR(1), \\fBdovetail\\-config\\fR(1), \\fBdovetail\\-a\\fR(8), ",
    ] {
        assert!(page.text.contains(wanted), "{wanted}\nis not in\n{}", page.text);
    }
    // Only kinds that the file has are explained.
    assert!(page.text.contains("\\fItext\\fR") && !page.text.contains("\\fIduration\\fR"));
}

proptest::proptest! {
    #[test]
    fn no_text_becomes_a_macro(text in "\\PC*") {
        let mut page = Roff::new("x", 1, &text);
        page.section(&text);
        page.paragraph(&text);
        page.entry(&[Span::Bold(&text)], &text);
        page.example(&text);
        let page = page.finish();
        proptest::prop_assert!(page.text.is_ascii());
        let known = [
            ".TH ", ".nr HY 0", ".SH ", ".PP", ".TP", ".RS 4", ".EX", ".EE", ".RE", ".nh", ".ad l",
        ];
        for line in page.text.lines().filter(|line| line.starts_with(['.', '\''])) {
            proptest::prop_assert!(known.iter().any(|macro_| line.starts_with(macro_)), "{line}");
        }
    }
}
