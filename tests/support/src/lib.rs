//! What tests of the whole system share: the demo, dialogues, a small DNS server.
