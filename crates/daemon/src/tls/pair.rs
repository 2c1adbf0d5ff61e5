//! A certificate with its chain and its key, read from PEM files and found to fit together.

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::InconsistentKeys;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::Certificate;
use super::error::TlsError;

/// Octets that a PEM file may have.
pub const MAX_PEM: u64 = 256 << 10;
/// Certificates that a chain may have, the first included.
pub const MAX_CHAIN: usize = 10;

/// Where a pair stands; both may be one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PairFiles {
    /// The certificate and its chain.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl PairFiles {
    /// Reads both and checks that they fit together.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn read(&self) -> Result<Pair, TlsError> {
        let (certificate, key) = self.octets()?;
        self.pair(&certificate, &key)
    }

    /// Both files' octets as they stand. One file is read once, so that its halves can't be of
    /// different times.
    ///
    /// # Errors
    /// One can't be read, or is too long.
    pub fn octets(&self) -> Result<(Vec<u8>, Vec<u8>), TlsError> {
        let certificate = read(&self.certificate)?;
        let key = if self.key == self.certificate { certificate.clone() } else { read(&self.key)? };
        Ok((certificate, key))
    }

    /// Makes a pair of what was read.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn pair(&self, certificate: &[u8], key: &[u8]) -> Result<Pair, TlsError> {
        let file = || shown(&self.certificate);
        // One that is broken in the middle is as good as none.
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .unwrap_or_default();
        if chain.is_empty() {
            return Err(TlsError::Empty(file(), "certificate"));
        }
        if chain.len() > MAX_CHAIN {
            return Err(TlsError::TooMany(file(), MAX_CHAIN));
        }
        let facts = chain
            .iter()
            .map(|der| Certificate::parse(der))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| TlsError::Unusable(file(), "holds what is no certificate".to_owned()))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| TlsError::Empty(shown(&self.key), "private key"))?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| TlsError::Unusable(shown(&self.key), error.to_string()))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
            Err(rustls::Error::InconsistentKeys(_)) => {
                return Err(TlsError::Mismatch { certificate: file(), key: shown(&self.key) });
            }
            Err(error) => return Err(TlsError::Unusable(file(), error.to_string())),
        }
        Ok(Pair { certified: Arc::new(certified), chain: facts })
    }

    /// What tells one state of the files from another.
    pub(super) fn stamp(&self) -> Stamp {
        let of = |path: &Path| std::fs::metadata(path).ok().map(|found| stamp(&found));
        Stamp(of(&self.certificate), of(&self.key))
    }
}

/// A certificate with its chain and its key, which fit together.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) certified: Arc<CertifiedKey>,
    /// What the certificates say, the server's own first; never empty.
    pub chain: Vec<Certificate>,
}

impl Pair {
    /// The server's own certificate.
    #[must_use]
    pub fn leaf(&self) -> Option<&Certificate> {
        self.chain.first()
    }

    pub(super) fn fingerprint(&self) -> &str {
        self.leaf().map_or("", |leaf| &leaf.fingerprint)
    }
}

/// Device, inode, size, and the times of change of content and of the inode, in nanoseconds: a
/// rename over a file and a link that leads elsewhere change the inode.
type FileStamp = (u64, u64, u64, i128, i128);

/// Of both files; none of one that can't be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp(Option<FileStamp>, Option<FileStamp>);

fn stamp(found: &Metadata) -> FileStamp {
    let nanos = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    (
        found.dev(),
        found.ino(),
        found.size(),
        nanos(found.mtime(), found.mtime_nsec()),
        nanos(found.ctime(), found.ctime_nsec()),
    )
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |error| TlsError::Read(shown(path), error);
    let mut octets = Vec::new();
    let file = File::open(path).map_err(failed)?;
    let length = file.take(MAX_PEM + 1).read_to_end(&mut octets).map_err(failed)?;
    if length as u64 > MAX_PEM {
        return Err(TlsError::TooLong(shown(path), MAX_PEM));
    }
    Ok(octets)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Whether everybody on this machine can read a key's file.
#[must_use]
pub fn key_is_open(key: &Path) -> bool {
    std::fs::metadata(key).is_ok_and(|found| found.mode() & 0o004 != 0)
}
