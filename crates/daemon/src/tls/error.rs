//! Why certificate and key can't be used.

use std::io;

/// Why certificate and key can't be used. Says the file, never what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that can't be read.
    #[error("{0}: {1}")]
    Read(String, io::Error),
    /// A file that is longer than any certificate's.
    #[error("{0}: longer than {1} octets")]
    TooLong(String, u64),
    /// A file without what it should hold.
    #[error("{0}: holds no {1} in PEM form")]
    Empty(String, &'static str),
    /// A chain that no client would follow to its end.
    #[error("{0}: holds more than {1} certificates")]
    TooMany(String, usize),
    /// What they hold isn't understood.
    #[error("{0}: {1}")]
    Unusable(String, String),
    /// The key is another certificate's.
    #[error("{key}: is not the key of the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
}

impl TlsError {
    /// Whether this process may not read a file that is there.
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Read(_, error) if error.kind() == io::ErrorKind::PermissionDenied)
    }
}
