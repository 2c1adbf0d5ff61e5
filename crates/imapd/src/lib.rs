//! Reading mail by IMAP.
