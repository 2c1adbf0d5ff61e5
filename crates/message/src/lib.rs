//! Internet messages: headers, MIME structure, dates, delivery reports.
//!
//! Works on bytes that somebody else read, gives offsets into them, and writes headers. No I/O, no
//! clock: the time is an argument. Ruled by RFC 5322, RFC 2045–2047, RFC 2231, RFC 3464, and by
//! RFC 3501 §7.4.2 for what IMAP shows of a message.

pub mod addresses;
pub mod content;
pub mod date;
pub mod dsn;
pub mod envelope;
pub mod find;
pub mod header;
pub mod params;
pub mod part;
pub mod received;
pub mod scan;
pub mod text;
mod token;
pub mod transfer;
pub mod words;
