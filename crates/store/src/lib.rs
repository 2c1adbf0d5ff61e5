//! The mail store: mailboxes, messages, changes; Maildir++ as Dovecot keeps it.
