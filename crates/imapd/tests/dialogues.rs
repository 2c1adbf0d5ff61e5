//! Each file in `dialogues/` against a fresh imapd.

use crate::play::play;
use crate::stage::Stage;

macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {$(
        #[test]
        fn $name() {
            play(&Stage::new(""), include_str!(concat!("dialogues/", stringify!($name), ".txt")));
        }
    )*};
}

dialogues!(
    append,
    before_login,
    copy_move,
    fetch,
    folders,
    list,
    odd_commands,
    search,
    select,
    store,
    two_sessions,
);

/// So that no file lies there unplayed.
#[test]
fn every_file_is_played() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dialogues");
    let played = include_str!("dialogues.rs");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
        assert!(played.contains(&format!("{name},")), "{name} is not played");
    }
}
