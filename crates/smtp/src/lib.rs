//! SMTP and LMTP as types and state machines, server and client.
