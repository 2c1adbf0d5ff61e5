//! A certificate authority of the demo's own, and a certificate for `localhost` and `127.0.0.1`.

use std::path::PathBuf;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::layout::Layout;
use crate::exit::Failure;

/// Certificates are valid for so many seconds, which no client finds too long (398 days at most).
const VALID: i64 = 397 * 24 * 3600;
/// A kept root makes new ones after this time.
const KEEP: Duration = Duration::from_secs(300 * 24 * 3600);
const NAMES: [&str; 2] = ["localhost", "127.0.0.1"];

/// Makes `ca.pem`, `tls/server.pem` and `tls/server.key`, unless a kept root has them still fresh.
pub(super) fn make(layout: &Layout) -> Result<(), Failure> {
    let (ca, (certificate, key)) = (layout.ca(), paths(layout));
    let fresh = [&ca, &certificate, &key].iter().all(|path| {
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age < KEEP))
    });
    if !fresh {
        let made = issue().map_err(|error| Failure::system("certificates", error))?;
        layout.write(&ca, 0o644, &made.ca)?;
        layout.write(&certificate, 0o644, &made.chain)?;
        layout.write(&key, 0o600, &made.key)?;
    }
    // A reload reads the key again when the daemon is no longer root.
    layout.give(&key)
}

/// The certificate's file and its key's.
pub(super) fn paths(layout: &Layout) -> (PathBuf, PathBuf) {
    (layout.tls().join("server.pem"), layout.tls().join("server.key"))
}

struct Made {
    ca: String,
    /// The certificate and the CA's.
    chain: String,
    key: String,
}

/// The CA's key is forgotten at once: nothing else is ever signed with it.
fn issue() -> Result<Made, rcgen::Error> {
    let ca_key = KeyPair::generate()?;
    let mut ca_params = params(&[], "Dovetail demo CA")?;
    ca_params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca = ca_params.self_signed(&ca_key)?;
    let issuer = Issuer::new(ca_params, ca_key);

    let leaf_key = KeyPair::generate()?;
    let mut leaf_params = params(&NAMES, "localhost")?;
    // Python's ssl asks for the authority key identifier (X509_V_FLAG_X509_STRICT).
    leaf_params.use_authority_key_identifier_extension = true;
    leaf_params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf_params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = leaf_params.signed_by(&leaf_key, &issuer)?;
    // The chain in whole, as an operator's file has it.
    let chain = leaf.pem() + &ca.pem();
    Ok(Made { ca: ca.pem(), chain, key: leaf_key.serialize_pem() })
}

fn params(names: &[&str], common_name: &str) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    // A day back, for clocks that are behind.
    let (from, to) = (day(-24 * 3600), day(VALID - 24 * 3600));
    params.not_before = rcgen::date_time_ymd(from.0, from.1, from.2);
    params.not_after = rcgen::date_time_ymd(to.0, to.1, to.2);
    Ok(params)
}

/// Year, month and day (UTC) of the time that many seconds away.
fn day(away: i64) -> (i32, u8, u8) {
    let now = jiff::Timestamp::now();
    let then = jiff::Timestamp::from_second(now.as_second().saturating_add(away)).unwrap_or(now);
    let date = jiff::tz::Offset::UTC.to_datetime(then).date();
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (i32::from(date.year()), part(date.month()), part(date.day()))
}
