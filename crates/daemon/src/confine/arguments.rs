//! System calls that are refused by their arguments: new processes, sockets beyond those that the daemon
//! needs, files that would run as somebody else. A filter sees numbers only, never what a pointer
//! leads to. seccomp(2).

use nix::libc;
use seccompiler::{
    BackendError as Wrong, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompRule,
};

use super::calls::Calls;

/// New name spaces, which clone(2) can make too.
const NAME_SPACES: &[libc::c_int] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// No process, only threads, and those where they are.
pub(super) fn only_threads(calls: &mut Calls) -> Result<(), Wrong> {
    let mut clone = vec![SeccompRule::new(vec![bits(0, libc::CLONE_THREAD, 0)?])?];
    for flag in NAME_SPACES {
        clone.push(SeccompRule::new(vec![bits(0, *flag, *flag)?])?);
    }
    calls.insert(libc::SYS_clone, clone);
    Ok(())
}

/// socket(2): the kind without SOCK_CLOEXEC and its like.
const KIND: libc::c_int = 0xf;

/// What sockets may be made, and that none of them listens: those that do were there before.
pub(super) fn sockets(internet: bool, calls: &mut Calls) -> Result<(), Wrong> {
    const UNIX: &[libc::c_int] = &[libc::AF_UNIX];
    const ALL: &[libc::c_int] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
    let families = if internet { ALL } else { UNIX };
    // Landlock knows TCP alone: others that come to the same (MPTCP, SCTP) would pass it by.
    let other_protocol = none_of(2, &[0, libc::IPPROTO_TCP, libc::IPPROTO_UDP])?;
    let raw = vec![bits(1, KIND, libc::SOCK_RAW)?];
    let refused = [none_of(0, families)?, other_protocol, raw];
    let refused: Result<Vec<_>, _> = refused.into_iter().map(SeccompRule::new).collect();
    calls.insert(libc::SYS_socket, refused?);
    calls.insert(libc::SYS_socketpair, vec![SeccompRule::new(none_of(0, UNIX)?)?]);
    calls.insert(libc::SYS_listen, Vec::new());
    // It connects by the way, which older kernels don't show Landlock.
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2), (libc::SYS_sendmmsg, 3)] {
        let fast = bits(flags, libc::MSG_FASTOPEN, libc::MSG_FASTOPEN)?;
        calls.insert(call, vec![SeccompRule::new(vec![fast])?]);
    }
    Ok(())
}

/// fchmodat2(2), which has the same number everywhere.
const FCHMODAT2: libc::c_long = 452;
/// Calls that give a file or folder its mode, with the argument that is the mode.
const MODES: &[(libc::c_long, u8)] =
    &[(libc::SYS_fchmod, 1), (libc::SYS_fchmodat, 2), (FCHMODAT2, 2), (libc::SYS_mkdirat, 2)];
#[cfg(target_arch = "x86_64")]
const MODES_HERE: &[(libc::c_long, u8)] =
    &[(libc::SYS_chmod, 1), (libc::SYS_mkdir, 1), (libc::SYS_creat, 1)];
#[cfg(not(target_arch = "x86_64"))]
const MODES_HERE: &[(libc::c_long, u8)] = &[];
/// Calls whose mode counts only where the argument before it says that a file is made.
#[cfg(target_arch = "x86_64")]
const OPENS: &[(libc::c_long, u8)] = &[(libc::SYS_openat, 3), (libc::SYS_open, 2)];
#[cfg(not(target_arch = "x86_64"))]
const OPENS: &[(libc::c_long, u8)] = &[(libc::SYS_openat, 3)];
/// O_TMPFILE without O_DIRECTORY.
const TMPFILE: libc::c_int = libc::O_TMPFILE & !libc::O_DIRECTORY;

/// No file becomes setuid or setgid. A folder keeps the setgid bit that it inherits, as no call names it.
pub(super) fn set_id_bits(calls: &mut Calls) -> Result<(), Wrong> {
    let set_ids = [0o4000, 0o2000];
    for (call, mode) in MODES.iter().chain(MODES_HERE) {
        let rules = set_ids.map(|bit| SeccompRule::new(vec![bits(*mode, bit, bit)?]));
        calls.insert(*call, rules.into_iter().collect::<Result<_, _>>()?);
    }
    for (call, mode) in OPENS {
        let mut rules = Vec::new();
        for makes in [libc::O_CREAT, TMPFILE] {
            for bit in set_ids {
                let made = bits(mode - 1, makes, makes)?;
                rules.push(SeccompRule::new(vec![made, bits(*mode, bit, bit)?])?);
            }
        }
        calls.insert(*call, rules);
    }
    Ok(())
}

/// These bits of an argument have this value.
fn bits(argument: u8, mask: libc::c_int, value: libc::c_int) -> Result<SeccompCondition, Wrong> {
    let (mask, value) = (u64::from(mask.unsigned_abs()), u64::from(value.unsigned_abs()));
    SeccompCondition::new(argument, Len::Dword, Op::MaskedEq(mask), value)
}

/// An argument is none of these.
fn none_of(argument: u8, values: &[libc::c_int]) -> Result<Vec<SeccompCondition>, Wrong> {
    let differs = |value: &libc::c_int| {
        SeccompCondition::new(argument, Len::Dword, Op::Ne, u64::from(value.unsigned_abs()))
    };
    values.iter().map(differs).collect()
}
