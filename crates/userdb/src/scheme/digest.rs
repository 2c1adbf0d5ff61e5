//! The bare and the salted SHA schemes: digest = H(password ‖ salt).

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Scheme;

/// The digest's length in bytes.
pub(super) fn size(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Sha1 | Scheme::Ssha => Sha1::output_size(),
        Scheme::Sha256 | Scheme::Ssha256 => Sha256::output_size(),
        _ => Sha512::output_size(),
    }
}

/// The digest of password and salt.
pub(super) fn hash(scheme: Scheme, password: &[u8], salt: &[u8]) -> Vec<u8> {
    fn of<D: Digest>(password: &[u8], salt: &[u8]) -> Vec<u8> {
        D::new().chain_update(password).chain_update(salt).finalize().to_vec()
    }
    match scheme {
        Scheme::Sha1 | Scheme::Ssha => of::<Sha1>(password, salt),
        Scheme::Sha256 | Scheme::Ssha256 => of::<Sha256>(password, salt),
        _ => of::<Sha512>(password, salt),
    }
}
