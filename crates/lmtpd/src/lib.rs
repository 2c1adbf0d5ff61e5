//! Final delivery into mailboxes.
