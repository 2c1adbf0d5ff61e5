//! Dovecot's auth protocol, client and master side, as types and state machines.
