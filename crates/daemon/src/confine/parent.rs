//! Ties a daemon's life to its parent's, for `dovetail demo`.

use nix::sys::prctl;

/// Environment variable with the pid of a parent that we are not to outlive.
pub const PARENT_VARIABLE: &str = "DOVETAIL_PARENT";

/// Asks the kernel to end us with our parent, if that asks for it, so that no daemon outlives the demo
/// however it ends.
pub(super) fn follow() {
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
