//! What is served, for `dovetail tls show` and for health: `/v1/tls` of the admin socket.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::certificate::{Certificate, judge};
use super::pair::{PairFiles, key_is_open};
use super::slot;
use crate::time::{now_millis, rfc3339};

/// One certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// Its file.
    pub file: PathBuf,
    /// The hosts that it is for.
    pub names: Vec<String>,
    /// Its last second, since 1970.
    pub not_after: i64,
    /// Whole days that are left; negative when it's over.
    pub days_left: i64,
    /// Why the files as they are now can't be taken up; what was served is served on.
    pub trouble: Option<String>,
}

/// The certificates that this process serves now.
#[must_use]
pub fn certificates() -> Vec<Served> {
    let of = |slot: std::sync::Arc<slot::Slot>| {
        let pair = slot.pair();
        // The chain's first end counts: all of it must be good.
        let soonest = pair.chain.iter().map(|one| one.not_after).min()?;
        let leaf = pair.leaf()?;
        Some(Served {
            file: slot.files().certificate.clone(),
            names: leaf.names.clone(),
            not_after: soonest,
            days_left: pair.chain.iter().map(|one| one.days_left(now())).min()?,
            trouble: slot.trouble(),
        })
    };
    slot::all().into_iter().filter_map(of).collect()
}

/// Seconds since 1970.
pub(super) fn now() -> i64 {
    i64::try_from(now_millis() / 1000).unwrap_or(i64::MAX)
}

/// The answer to `GET /v1/tls`.
pub(crate) fn report() -> Value {
    let of = |slot: std::sync::Arc<slot::Slot>| {
        let mut said = describe(slot.files(), &slot.pair().chain);
        if let (Some(trouble), Value::Object(said)) = (slot.trouble(), &mut said) {
            said.insert("trouble".to_owned(), trouble.into());
        }
        said
    };
    json!({ "certificates": slot::all().into_iter().map(of).collect::<Vec<_>>() })
}

/// A pair of files as `dovetail tls show --json` prints it: file, key_file, chain, days_left and
/// warnings.
#[must_use]
pub fn describe(files: &PairFiles, chain: &[Certificate]) -> Value {
    let mut warnings = judge(chain, now());
    if key_is_open(&files.key) {
        warnings.push("everybody on this machine can read the key: chmod o-r".to_owned());
    }
    let one = |one: &Certificate| {
        let mut said = serde_json::to_value(one).unwrap_or_default();
        if let Value::Object(said) = &mut said {
            said.insert("not_before".to_owned(), day(one.not_before).into());
            said.insert("not_after".to_owned(), day(one.not_after).into());
        }
        said
    };
    json!({
        "file": files.certificate.display().to_string(),
        "key_file": files.key.display().to_string(),
        "chain": chain.iter().map(one).collect::<Vec<_>>(),
        "days_left": chain.iter().map(|one| one.days_left(now())).min(),
        "warnings": warnings,
    })
}

fn day(seconds: i64) -> String {
    rfc3339(u64::try_from(seconds).unwrap_or(0).saturating_mul(1000))
}
