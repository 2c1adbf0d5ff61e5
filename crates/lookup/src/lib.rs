//! Look-ups outside the process: Postfix's table files, and the DNS as mail needs it.
//!
//! Tables are read as they stand, without a compiling step, and read again when they change. Knows
//! nothing of sessions or policy: what a found value means is the asking daemon's business.

pub mod dns;
pub mod table;
