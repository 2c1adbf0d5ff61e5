//! The asking side: against servers that a transcript speaks for (`dialogues/*.txt`), against our own
//! server's session in memory, and over Unix sockets.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on ends by panicking"
)]

mod fan;
mod kept;
mod ours;
mod player;

macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            player::play(include_str!(concat!("dialogues/", stringify!($name), ".txt"))).await;
        }
    )*

    #[test]
    fn every_dialogue_is_played() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogues");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let mut played = vec![$(concat!(stringify!($name), ".txt")),*];
        played.sort_unstable();
        assert_eq!(there, played);
    }};
}

dialogues![
    bare_server,
    chatter_behind_starttls,
    cut_at_the_dot,
    cut_between_replies,
    cut_in_the_content,
    data_refused,
    greeting_refused,
    helo_after_ehlo,
    leaves_with_421,
    mixed_verdicts,
    needs_smtputf8,
    no_recipient_left,
    not_smtp,
    sender_refused,
    silent_at_the_dot,
    silent_at_the_greeting,
    smtp_one_verdict,
    starttls,
    starttls_refused,
    too_big,
    two_messages,
];
