//! The queue on disk: messages that are not delivered yet.
