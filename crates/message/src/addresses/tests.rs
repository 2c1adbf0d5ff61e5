//! Address lists, good and broken, as Dovecot shows them in ENVELOPE.

use proptest::prelude::*;

use super::*;

/// As IMAP would show it, for reading.
fn shown(value: &str) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let list: Vec<String> = parse(value.as_bytes())
        .iter()
        .map(|entry| match entry {
            Address::Mailbox { name, route, mailbox, host } => {
                let name = name.as_ref().map(|n| format!("{} ", text(n))).unwrap_or_default();
                let route = route.as_ref().map(|r| format!("{}:", text(r))).unwrap_or_default();
                format!("{name}<{route}{}@{}>", text(mailbox), text(host))
            }
            Address::GroupStart(name) => format!("{}:", text(name)),
            Address::GroupEnd => ";".to_owned(),
        })
        .collect();
    list.join(" ")
}

#[test]
fn good_lists() {
    for (value, expected) in [
        ("a@b", "<a@b>"),
        ("\"x, y\" <q@z.test>", "x, y <q@z.test>"),
        ("foo bar <a@b> x", "foo bar <a@b>"),
        ("x (a) y (b) <q@r>", "x y <q@r>"),
        ("x.y z. <a@b>", "x.y z. <a@b>"),
        ("\"x\" y \"z\" <a@b>", "x y z <a@b>"),
        ("a\"b\"c <a@b>", "a b c <a@b>"),
        ("\"q\\\"q\" <\"a b\"@c>", "q\"q <a b@c>"),
        ("a@b (C)", "C <a@b>"),
        ("a@b (C) (D)", "D <a@b>"),
        ("(C) a@b", "<a@b>"),
        ("a . b @ c . d", "<a.b@c.d>"),
        ("<@r1,@r2:a@b>", "<@r1,@r2:a@b>"),
        ("a@[1.2.3.4] x", "<a@[1.2.3.4]>"),
        ("A\r\n B <a@b>, c@d", "A B <a@b> <c@d>"),
        ("x <a@b> <c@d>", "x <a@b>"),
        ("g: a@b, c;, d@e", "g: <a@b> <c@MISSING_DOMAIN> ; <d@e>"),
        ("g:;", "g: ;"),
        ("g: a@b", "g: <a@b> ;"),
        ("grp: a@b.test, c@d.test; , e@f.test", "grp: <a@b.test> <c@d.test> ; <e@f.test>"),
        ("undisclosed-recipients:;", "undisclosed-recipients: ;"),
        ("\"foo@bar\" <a@b> (z)", "foo@bar <a@b>"),
        ("\"\" <a@b>", "<a@b>"),
        ("a@b,", "<a@b>"),
    ] {
        assert_eq!(shown(value), expected, "{value}");
    }
}

#[test]
fn broken_lists_as_dovecot_shows_them() {
    for (value, expected) in [
        ("", ""),
        ("(only)", ""),
        ("(unclosed a@b", ""),
        ("\"q r\"", "q r <MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("g: g2: a@b;;", "g: <g2@MISSING_DOMAIN> ;"),
        ("a", "<a@MISSING_DOMAIN>"),
        ("<>", "<MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("n <>", "n <MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("n <@r:>", "n <@r:MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("foo <a@b", "foo <a@SYNTAX_ERROR>"),
        ("<a b>", "<a@SYNTAX_ERROR>"),
        ("<a@>", "<a@SYNTAX_ERROR>"),
        ("<<a@b>>", "<MISSING_MAILBOX@SYNTAX_ERROR>"),
        ("foo bar", "foo bar <MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("a b@c", "a b <MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("@host", "<MISSING_MAILBOX@host>"),
        ("route@,x@y", "<route@MISSING_DOMAIN> <x@y>"),
        ("a@b,,c@d", "<a@b> <MISSING_MAILBOX@MISSING_DOMAIN> <c@d>"),
        (",", "<MISSING_MAILBOX@MISSING_DOMAIN>"),
        ("x;y@z", "<x@MISSING_DOMAIN>"),
        ("a@b; c@d", "<a@b>"),
        ("a@b@c", "<a@b>"),
        ("foo@bar <a@b>", "<foo@bar>"),
        ("\"unclosed <a@b>", "<MISSING_MAILBOX@MISSING_DOMAIN>"),
        (":a@b", ": <a@b> ;"),
        ("a:b:c;", "a: <b@MISSING_DOMAIN> ;"),
        ("mailto:x@y", "mailto: <x@y> ;"),
        ("g: x <a@b>, (c);", "g: x <a@b> <MISSING_MAILBOX@MISSING_DOMAIN> ;"),
    ] {
        assert_eq!(shown(value), expected, "{value}");
    }
}

#[test]
fn long_lists_are_cut() {
    assert_eq!(parse(",".repeat(1_000_000).as_bytes()).len(), MAX_ADDRESSES);
}

proptest! {
    #[test]
    fn never_panics_and_groups_close(text in "[ab@<>,:;()\"\\\\. \\[\\]\r\n]{0,40}") {
        let list = parse(text.as_bytes());
        let mut open = false;
        for entry in list {
            match entry {
                Address::GroupStart(_) => {
                    prop_assert!(!open);
                    open = true;
                }
                Address::GroupEnd => {
                    prop_assert!(open);
                    open = false;
                }
                Address::Mailbox { .. } => {}
            }
        }
        prop_assert!(!open);
    }
}
