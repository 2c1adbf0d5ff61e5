//! A message's content as it goes over the wire.

use std::io;

/// A message's octets with CRLF at every line end, whatever the store keeps. It stays readable when
/// the message is expunged meanwhile. Blocking; reads go forward from the last [`io::Seek`].
pub trait Body: io::Read + io::Seek + Send {
    /// How many octets there are: exactly as many as reading gives. May read the whole message.
    ///
    /// # Errors
    /// If it can't be read.
    fn octets(&mut self) -> io::Result<u64>;
}
