//! The asking side of Dovecot's auth protocol.
