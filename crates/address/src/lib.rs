//! Envelope addresses, and the trace id that follows a message through the daemons.
//!
//! Pure values: parsing, printing, folding to table keys, cutting the detail off. No look-ups, no
//! clock, no randomness. Ruled by RFC 5321 §4.1.2 and §4.5.3.1, RFC 6531 §3.3 (UTF-8 in both
//! halves) and docs/architecture.md ("Trace id").

mod grammar;
mod parts;
mod path;
mod trace;

pub use parts::{Domain, LocalPart, MAX_DOMAIN_OCTETS, MAX_LOCAL_OCTETS};
pub use path::{Address, AddressError, ForwardPath, ReversePath};
pub use trace::{EntryId, TraceId, TraceIdError};
