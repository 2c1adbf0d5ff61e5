//! The limit on file descriptors: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises it to `wanted`, or as far as the hard limit allows; gives what it came to.
pub(crate) fn raise_descriptors(wanted: u64) -> u64 {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    if soft >= wanted {
        return soft;
    }
    // Only root may raise the hard limit; the others take what there is.
    if hard < wanted && setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted).is_ok() {
        return wanted;
    }
    let reachable = wanted.min(hard);
    let raised = setrlimit(Resource::RLIMIT_NOFILE, reachable, hard);
    if raised.is_ok() { reachable } else { soft }
}
