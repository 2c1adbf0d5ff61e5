//! The octets that IMAP's tokens are made of (RFC 3501 §9).

mod chars;

pub use chars::{is_astring_char, is_atom_char, is_quoted_special};
