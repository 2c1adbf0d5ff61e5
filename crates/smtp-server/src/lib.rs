//! Drives an SMTP or LMTP server session over a byte stream.
