//! The server's session as transcripts: `dialogues/*.txt`, played by [`player`].

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on ends by panicking"
)]

mod endings;
mod player;

/// One test a file, so that a failure names it.
macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            player::play(include_str!(concat!("dialogues/", stringify!($name), ".txt")));
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
    auth,
    auth_in_clear,
    bdat,
    bdat_in_vain,
    bdat_unreadable,
    bdat_too_large,
    data_refused,
    end_of_data,
    errors,
    errors_forgiven,
    foreign,
    foreign_header,
    greeting,
    hello_again,
    helo,
    junk,
    lines,
    lmtp,
    lmtp_order,
    lmtp_too_large,
    order,
    out_of_step,
    out_of_step_early,
    parameters,
    recipients,
    size,
    smtputf8,
    starttls,
    starttls_demanded,
    xforward,
    xforward_untrusted,
];
