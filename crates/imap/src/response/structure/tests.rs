//! ENVELOPE and BODYSTRUCTURE as Dovecot prints them.

use super::*;

fn body(structure: &Structure, extended: bool) -> String {
    let mut out = Vec::new();
    put_structure(&mut out, structure, extended);
    String::from_utf8(out).expect("ASCII")
}

fn text(octets: u64, lines: u64) -> Structure {
    Structure::Single(Part { octets, kind: PartKind::Text { lines }, ..Part::empty_text() })
}

#[test]
fn as_recorded() {
    assert_eq!(
        body(&text(4, 1), true),
        r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 4 1 NIL NIL NIL NIL)"#
    );
    let mixed = Multipart { subtype: b"mixed".to_vec(), ..Multipart::default() };
    assert_eq!(
        body(&Structure::Multi(mixed), true),
        r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) "mixed" NIL NIL NIL NIL)"#
    );
    let two = Multipart {
        parts: vec![text(5, 0), text(2, 0)],
        subtype: b"mixed".to_vec(),
        parameters: vec![(b"boundary".to_vec(), b"b".to_vec())],
        extension: Extension::default(),
    };
    assert_eq!(
        body(&Structure::Multi(two), true),
        r#"(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0 NIL NIL NIL NIL)("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 2 0 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)"#
    );
}

#[test]
fn a_message_within_and_all_extensions() {
    let part = Part {
        media: b"message".to_vec(),
        subtype: b"rfc822".to_vec(),
        parameters: vec![],
        kind: PartKind::Message {
            envelope: Box::new(Envelope::default()),
            structure: Box::new(text(1, 1)),
            lines: 9,
        },
        md5: Some(b"x".to_vec()),
        extension: Extension {
            disposition: Some((
                b"attachment".to_vec(),
                vec![(b"filename".to_vec(), b"a \"b\"".to_vec())],
            )),
            language: vec![b"de".to_vec(), b"en".to_vec()],
            location: Some(b"http://x".to_vec()),
        },
        ..Part::empty_text()
    };
    let structure = Structure::Single(part);
    assert_eq!(
        body(&structure, true),
        r#"("message" "rfc822" NIL NIL NIL "7bit" 0 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 1 NIL NIL NIL NIL) 9 "x" ("attachment" ("filename" "a \"b\"")) ("de" "en") "http://x")"#
    );
    assert!(body(&structure, false).ends_with(r#""7bit" 1 1) 9)"#));
}

#[test]
fn an_envelope_as_recorded() {
    let address = |name: Option<&str>, mailbox: Option<&str>, host: Option<&str>| {
        let octets = |text: &str| text.as_bytes().to_vec();
        EnvelopeAddress {
            name: name.map(octets),
            route: None,
            mailbox: mailbox.map(octets),
            host: host.map(octets),
        }
    };
    let from = vec![address(Some("x \"y\""), Some("a"), Some("b.test"))];
    let envelope = Envelope {
        subject: Some(Vec::new()),
        from,
        to: vec![address(None, Some("grp"), None), address(None, None, None)],
        message_id: Some(b"<m1@b.test>".to_vec()),
        ..Envelope::default()
    };
    let mut out = Vec::new();
    put_envelope(&mut out, &envelope);
    assert_eq!(
        String::from_utf8(out).expect("ASCII"),
        "(NIL \"\" (({5}\r\nx \"y\" NIL \"a\" \"b.test\")) NIL NIL \
         ((NIL NIL \"grp\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL \"<m1@b.test>\")"
    );
}

#[test]
fn depth_is_bounded() {
    let mut structure = text(0, 0);
    for _ in 0..MAX_DEPTH * 3 {
        structure = Structure::Multi(Multipart {
            parts: vec![structure],
            subtype: b"mixed".to_vec(),
            ..Multipart::default()
        });
    }
    let said = body(&structure, true);
    assert!(said.contains("octet-stream"));
    assert_eq!(said.matches("\"mixed\"").count(), MAX_DEPTH);
}
