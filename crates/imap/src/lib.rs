//! IMAP4rev1 as types, framing and grammar.
