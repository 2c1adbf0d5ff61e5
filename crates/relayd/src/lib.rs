//! An LMTP server whose mailboxes are the rest of the internet.
