//! Plays the transcripts of `dialogues/`.
//!
//! Before the dialogue: `config:` (a line of smtpd.toml), `alias:` (of the alias table), `away:` (a
//! daemon that isn't there), `uid:` (whose program it is, at a Unix socket), `listen:` (the listener to connect to; default `smtp`). In it: `C:` and
//! `S:` as `support::dialogue` has them, `[TLS]` for the handshake, and `lmtpd:` or `qmgrd:` for what
//! that daemon heard next, content with a `|` in front. What it heard beyond that is a failure.

use std::collections::BTreeMap;

use support::Line;
use support::dialogue::{matches, play};

use crate::fakes::Heard;
use crate::stage::{Setup, Stage};

struct Script {
    setup: Setup,
    listen: String,
    dialogue: Vec<(usize, String)>,
}

fn read(text: &str) -> Script {
    let mut script =
        Script { setup: Setup::default(), listen: "smtp".into(), dialogue: Vec::new() };
    for (at, line) in text.lines().enumerate() {
        match line.split_once(": ") {
            Some(("config", rest)) => script.setup.config.push_str(&format!("{rest}\n")),
            Some(("alias", rest)) => script.setup.aliases.push_str(&format!("{rest}\n")),
            Some(("away", rest)) => script.setup.away.push(rest.to_owned()),
            Some(("uid", rest)) => script.setup.uid = rest.parse().ok(),
            Some(("listen", rest)) => rest.clone_into(&mut script.listen),
            _ => script.dialogue.push((at + 1, line.to_owned())),
        }
    }
    script
}

fn heard(number: usize, wanted: &str, daemon: &Heard, line: &Line) {
    let said = daemon.next();
    let good = said.as_deref().is_some_and(|said| matches(wanted, said));
    assert!(
        good,
        "line {number}: the daemon should have heard\n   {wanted}\nbut heard\n   {said:?}\nin\n{}",
        line.said()
    );
}

fn run(text: &str) {
    let script = read(text);
    let stage = Stage::new(&script.setup);
    let mut line = stage.connect(&script.listen);
    // `play` counts lines itself, so each line goes to it alone with its number kept here.
    for (number, text) in &script.dialogue {
        if text == "[TLS]" {
            line = line.start_tls(&stage.ca());
        } else if let Some(wanted) = text.strip_prefix("lmtpd: ") {
            heard(*number, wanted, &stage.lmtpd, &line);
        } else if let Some(wanted) = text.strip_prefix("qmgrd: ") {
            heard(*number, wanted, &stage.qmgrd, &line);
        } else {
            let padded = format!("{}{text}", "\n".repeat(number - 1));
            play(&padded, &mut line, &BTreeMap::new());
        }
    }
    assert_eq!(stage.lmtpd.rest(), Vec::<String>::new(), "more that lmtpd heard");
    assert_eq!(stage.qmgrd.rest(), Vec::<String>::new(), "more that qmgrd heard");
}

macro_rules! dialogues {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(include_str!(concat!("dialogues/", stringify!($name), ".txt")));
        })*

        /// A file that nobody plays tests nothing.
        #[test]
        fn every_dialogue_is_played() {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogues");
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                assert!([$(stringify!($name)),*].contains(&name.as_str()), "{name}");
            }
        }
    };
}

dialogues! {
    aliases auth auth_in_clear authd_away authd_away_at_login catch_all details hops internal
    lmtpd_away mynetworks order postmaster qmgrd_away queued recipients
    sendmail sendmail_authd_away sendmail_not_allowed sendmail_too_much
    several_recipients smtputf8 straight_in straight_in_4xx_stranger straight_in_4xx_trusted
    straight_in_5xx straight_in_off straight_in_unknown submission submissions three_of_whom_one_is_gone
}
