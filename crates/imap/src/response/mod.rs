//! What the server says, as octets at the end of a buffer (RFC 3501 §7).
//!
//! Every function appends whole lines to a `Vec<u8>` that the caller sends; only [`fetch`] leaves a
//! line open, so that a message's octets can stream past between two pieces. Whatever comes from
//! users or messages is written so that it can't end a line or a string.

mod code;
mod data;
pub mod fetch;
mod list;
mod status;
mod string;
pub mod structure;

pub use code::Code;
pub use data::{
    Esearch, capability, enabled, esearch, exists, expunge, flags, id, namespace, recent, search,
};
pub use list::{ChildInfo, ListAttribute, list, list_root, lsub, status, wire_name};
pub use status::{Status, bye, bye_with, challenge, continuation, tagged, untagged};
pub use string::{put_astring, put_nstring, put_quoted, put_string};
