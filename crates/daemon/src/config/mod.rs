//! Configuration: TOML files in one folder, checked against keys that are each defined once.
//!
//! All errors of all files come out at once, each with file, line, column and the key that was
//! probably meant. This module reads files and checks types and limits; what a combination of
//! values means is for each daemon's `settings`. Nothing here writes or keeps a secret: secrets
//! stand in files of their own, named by a key.

mod address;
mod check;
mod key;
mod load;
mod merge;
mod messages;
mod nearest;
mod paths;
mod plain;
mod problem;
mod purpose;
mod sample;
mod show;
mod source;
mod table;
mod units;

pub(crate) use address::MAX_UNIX_PATH;
pub use address::SocketAddress;
pub use key::{FileSpec, Key, Kind};
pub use load::{Config, MAX_FILE_SIZE, hostname};
pub use merge::{merge, merge_folders};
pub use nearest::nearest;
pub use paths::UsedPath;
pub use problem::{Problem, print_problems};
pub use purpose::Purpose;
pub use sample::sample;
pub(crate) use sample::{describe, is_table};
pub use show::{Shown, show};
pub use table::{Table, Value};
pub use units::{parse_duration, parse_size, print_duration, print_size};

#[cfg(test)]
mod tests;
