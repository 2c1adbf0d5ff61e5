//! Commands as clients write them, what is refused and in which words, and that nothing panics.

use mailbox::Flag;
use proptest::prelude::*;

use super::*;
use crate::command::{FetchItem, Partial, SearchKey, Section, SectionText};
use crate::date::Date;
use crate::frame::{Event, Framer, Limits};
use crate::response::put_astring;
use crate::sequence::{Bound, Range, SequenceSet, UidSet};

/// Through framing and grammar.
fn read(line: &[u8]) -> Result<Command, BadCommand> {
    let mut input = line;
    let mut framer = Framer::new(Limits::AFTER_LOGIN);
    loop {
        match framer.next(&mut input) {
            Some(Event::Command(octets)) => break command(&octets).map(|read| read.command),
            Some(Event::Continue) => {}
            other => panic!("{other:?} of {}", String::from_utf8_lossy(line)),
        }
    }
}

fn print_section(section: &Section, out: &mut Vec<u8>) {
    let numbers: Vec<String> = section.part.iter().map(u32::to_string).collect();
    let word = section.text.word();
    let dot = if numbers.is_empty() || word.is_empty() { "" } else { "." };
    out.extend_from_slice(format!("[{}{dot}{word}", numbers.join(".")).as_bytes());
    if let SectionText::HeaderFields { names, .. } = &section.text {
        for (place, name) in names.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b" (" } else { b" " });
            put_astring(out, name);
        }
        out.push(b')');
    }
    out.push(b']');
}

fn print_item(item: &FetchItem, out: &mut Vec<u8>) {
    out.extend_from_slice(item.word().as_bytes());
    if let FetchItem::Section { peek, section, partial } = item {
        if *peek {
            out.extend_from_slice(b".PEEK");
        }
        print_section(section, out);
        if let Some(Partial { offset, length }) = partial {
            out.extend_from_slice(format!("<{offset}.{length}>").as_bytes());
        }
    }
}

fn print_key(key: &SearchKey, out: &mut Vec<u8>) {
    let text = |word: &str, text: &[u8], out: &mut Vec<u8>| {
        out.extend_from_slice(word.as_bytes());
        out.push(b' ');
        put_astring(out, text);
    };
    match key {
        SearchKey::All => out.extend_from_slice(b"ALL"),
        SearchKey::And(keys) => {
            for (place, key) in keys.iter().enumerate() {
                out.push(if place == 0 { b'(' } else { b' ' });
                print_key(key, out);
            }
            out.push(b')');
        }
        SearchKey::Or(a, b) => {
            out.extend_from_slice(b"OR ");
            print_key(a, out);
            out.push(b' ');
            print_key(b, out);
        }
        SearchKey::Not(key) => {
            out.extend_from_slice(b"NOT ");
            print_key(key, out);
        }
        SearchKey::Sequence(set) => out.extend_from_slice(set.to_string().as_bytes()),
        SearchKey::Uid(set) => out.extend_from_slice(format!("UID {set}").as_bytes()),
        SearchKey::Flag(Flag::Keyword(word)) => text("KEYWORD", word.as_str().as_bytes(), out),
        SearchKey::Flag(flag) => out.extend_from_slice(flag.as_str().trim_matches('\\').as_bytes()),
        SearchKey::Since(date) => out.extend_from_slice(format!("SINCE {date}").as_bytes()),
        SearchKey::Smaller(size) => out.extend_from_slice(format!("SMALLER {size}").as_bytes()),
        SearchKey::Header { name, text: value } => {
            text("HEADER", name, out);
            text("", value, out);
        }
        SearchKey::Body(value) => text("BODY", value, out),
        other => panic!("{other:?} is not made here"),
    }
}

fn octets() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(1_u8.., 0..20),
        "[a-z\"\\\\ ()%*{}]{0,9}".prop_map(String::into_bytes)
    ]
}

fn ranges() -> impl Strategy<Value = Vec<Range>> {
    let bound = prop_oneof![3 => (1_u32..).prop_map(Bound::Number), 1 => Just(Bound::Star)];
    prop::collection::vec((bound.clone(), bound), 1..5)
}

fn key() -> impl Strategy<Value = SearchKey> {
    let flag = prop_oneof!["[a-z$]{1,5}", Just("\\Seen".to_owned()), Just("\\Draft".to_owned())];
    let leaf = prop_oneof![
        Just(SearchKey::All),
        ranges().prop_map(|set| SearchKey::Sequence(SequenceSet::new(set).expect("good"))),
        ranges().prop_map(|set| SearchKey::Uid(UidSet::new(set).expect("good"))),
        flag.prop_map(|flag| SearchKey::Flag(Flag::parse(&flag).expect("good"))),
        (0_u16..9999, 1_u8..13, 1_u8..29)
            .prop_map(|(y, m, d)| SearchKey::Since(Date::new(y, m, d).expect("good"))),
        any::<u64>().prop_map(SearchKey::Smaller),
        ("[A-Z-]{1,9}", octets())
            .prop_map(|(name, text)| SearchKey::Header { name: name.into_bytes(), text }),
        octets().prop_map(SearchKey::Body),
    ];
    leaf.prop_recursive(4, 20, 3, |key| {
        prop_oneof![
            prop::collection::vec(key.clone(), 1..4).prop_map(SearchKey::And),
            (key.clone(), key.clone()).prop_map(|(a, b)| SearchKey::Or(Box::new(a), Box::new(b))),
            key.prop_map(|key| SearchKey::Not(Box::new(key))),
        ]
    })
}

fn item() -> impl Strategy<Value = FetchItem> {
    let names = prop::collection::vec("[A-Z ()\"]{1,9}".prop_map(String::into_bytes), 1..4);
    let text = prop_oneof![
        Just(SectionText::All),
        Just(SectionText::Header),
        Just(SectionText::Text),
        (any::<bool>(), names).prop_map(|(not, names)| SectionText::HeaderFields { not, names }),
    ];
    let partial = (any::<u64>(), 1_u64..).prop_map(|(offset, length)| Partial { offset, length });
    let section = (prop::collection::vec(1_u32.., 0..4), text)
        .prop_map(|(part, text)| Section { part, text });
    let section = (any::<bool>(), section, prop::option::of(partial))
        .prop_map(|(peek, section, partial)| FetchItem::Section { peek, section, partial });
    prop_oneof![
        3 => section,
        1 => Just(FetchItem::Body),
        1 => Just(FetchItem::Rfc822Header),
        1 => Just(FetchItem::InternalDate),
    ]
}

proptest! {
    #[test]
    fn searches_come_back(keys in prop::collection::vec(key(), 1..4)) {
        let mut line = b"a UID SEARCH CHARSET UTF-8".to_vec();
        for key in &keys {
            line.push(b' ');
            print_key(key, &mut line);
        }
        line.extend_from_slice(b"\r\n");
        let Ok(Command::Search(search)) = read(&line) else { panic!("{line:?}") };
        prop_assert!(search.by_uid && search.charset == crate::command::Charset::Utf8);
        prop_assert_eq!(search.keys, keys);
    }

    #[test]
    fn fetches_come_back(set in ranges(), items in prop::collection::vec(item(), 1..5)) {
        let set = UidSet::new(set).expect("good");
        let mut line = format!("a UID FETCH {set} (").into_bytes();
        for item in &items {
            print_item(item, &mut line);
            line.push(b' ');
        }
        line.extend_from_slice(b")\r\n");
        let Ok(Command::Fetch(fetch)) = read(&line) else { panic!("{line:?}") };
        prop_assert_eq!(fetch.messages, Messages::Uid(set));
        prop_assert!(items.iter().all(|item| fetch.items.contains(item)));
        prop_assert!(fetch.items.iter().all(|item| items.contains(item)));
    }

    #[test]
    fn logins_come_back(user in octets(), password in octets()) {
        let mut line = b"a LOGIN ".to_vec();
        put_astring(&mut line, &user);
        line.push(b' ');
        put_astring(&mut line, &password);
        line.extend_from_slice(b"\r\n");
        let Ok(Command::Login { user: read_user, password: read_password }) = read(&line) else {
            panic!("{line:?}")
        };
        prop_assert_eq!(read_user, user);
        prop_assert_eq!(read_password.octets(), password);
    }

    #[test]
    fn any_octets(line in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = command(&line);
        let _ = append(&line);
        let _ = sasl_response(&line);
    }

    #[test]
    fn nearly_commands(
        name in "(UID )?(LOGIN|LIST|LSUB|STATUS|SEARCH|FETCH|STORE|ID|CREATE|APPEND|COPY)",
        arguments in "( |\\(|\\)|\"|\\{3\\}\r\n|BODY|\\[|\\]|1:\\*|<1\\.|RETURN|NOT|OR|\\\\Seen|x|,|é){0,20}",
    ) {
        let line = format!("a {name} {arguments}\r\n");
        if let Err(bad) = command(line.as_bytes()) {
            prop_assert!(!bad.to_string().contains(['\r', '\n']));
        }
        let _ = append(line.as_bytes());
    }
}

#[test]
fn lists_are_bounded() {
    let many = |word: &str, count: usize| vec![word; count].join(" ");
    let fetch = |count| read(format!("a FETCH 1 ({})\r\n", many("UID", count)).as_bytes());
    assert!(fetch(MAX_FETCH_ITEMS).is_ok() && fetch(MAX_FETCH_ITEMS + 1).is_err());
    let search = |count| read(format!("a SEARCH {}\r\n", many("ALL", count)).as_bytes());
    assert!(search(MAX_SEARCH_KEYS).is_ok() && search(MAX_SEARCH_KEYS + 1).is_err());
    let list = |count| read(format!("a LIST \"\" ({})\r\n", many("x", count)).as_bytes());
    assert!(list(MAX_PATTERNS).is_ok() && list(MAX_PATTERNS + 1).is_err());
    let fields = |count| {
        read(format!("a FETCH 1 BODY[HEADER.FIELDS ({})]\r\n", many("x", count)).as_bytes())
    };
    assert!(fields(MAX_HEADER_FIELDS).is_ok() && fields(MAX_HEADER_FIELDS + 1).is_err());
    let parts = |count| read(format!("a FETCH 1 BODY[{}1]\r\n", "1.".repeat(count)).as_bytes());
    assert!(parts(MAX_PART_NUMBERS - 1).is_ok() && parts(MAX_PART_NUMBERS).is_err());
}

#[test]
fn responses_during_authenticate() {
    assert_eq!(sasl_response(b"*"), SaslResponse::Cancelled);
    assert_eq!(
        sasl_response(b"AGE="),
        SaslResponse::Octets(crate::command::Secret::new(b"\0a".to_vec()))
    );
    assert_eq!(sasl_response(b""), SaslResponse::Octets(crate::command::Secret::new(Vec::new())));
    assert_eq!(sasl_response(b"a b"), SaslResponse::Invalid);
}
