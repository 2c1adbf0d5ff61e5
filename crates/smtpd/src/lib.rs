//! Takes mail in and decides at RCPT and DATA.
