//! The place in the order of starting where a daemon confines itself to its row of the design's
//! table: after its sockets are bound and its identity is final, before there are threads.
//!
//! no_new_privs is set by then (`privileges`). Landlock for paths and TCP ports, and seccomp for
//! system calls, come in here; nothing else needs to move for them.

use nix::sys::prctl;

/// Ties our life to our parent's when it asks for that, as `dovetail demo` does, so that no daemon
/// outlives it however it ends.
pub(crate) fn confine() {
    let Some(parent) = std::env::var(PARENT_VARIABLE).ok().and_then(|pid| pid.parse::<i32>().ok())
    else {
        return;
    };
    // A change of uid clears it (prctl(2)), so it is set only now; a parent that died meanwhile
    // has been replaced by another.
    let _ = prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL);
    if nix::unistd::getppid().as_raw() != parent {
        tracing::error!("the parent is gone");
        std::process::exit(1);
    }
}

/// Environment variable with the pid of a parent that we are not to outlive.
pub const PARENT_VARIABLE: &str = "DOVETAIL_PARENT";
