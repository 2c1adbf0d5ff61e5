//! seccomp: system calls that no daemon makes are refused with EPERM, and the log of whoever tries
//! shows it. A list of what is forbidden, since what the C library and the runtime need changes with
//! each of their versions, and a daemon that a new libc kills loses mail. seccomp(2).

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Len, SeccompCmpOp as Op, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use crate::error::Error;

/// What differs between daemons.
#[derive(Debug, Clone, Copy)]
pub(super) struct Needs {
    /// Makes internet sockets after its start.
    pub(super) internet: bool,
    /// Gives files to the group of their folder.
    pub(super) chown: bool,
}

/// Executing, looking into other processes, mounting, modules, keys, tracing, name spaces, clocks,
/// other users, and what has been the way in more often than it was of use.
const NEVER: &[libc::c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_personality,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_vhangup,
    libc::SYS_lookup_dcookie,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    libc::SYS_mknodat,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_capset,
];

/// What only the older architecture has.
#[cfg(target_arch = "x86_64")]
const NEVER_HERE: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mknod,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_kexec_file_load,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const NEVER_HERE: &[libc::c_long] = &[libc::SYS_kexec_file_load];

const CHOWN: &[libc::c_long] = &[libc::SYS_fchown, libc::SYS_fchownat];
#[cfg(target_arch = "x86_64")]
const CHOWN_HERE: &[libc::c_long] = &[libc::SYS_chown, libc::SYS_lchown];
#[cfg(not(target_arch = "x86_64"))]
const CHOWN_HERE: &[libc::c_long] = &[];

/// x32's numbers have this bit, and then some of its own.
#[cfg(target_arch = "x86_64")]
const X32: libc::c_long = 0x4000_0000;
#[cfg(target_arch = "x86_64")]
const X32_OWN: std::ops::RangeInclusive<libc::c_long> = 512..=547;

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(not(target_arch = "x86_64"))]
const ARCH: TargetArch = TargetArch::aarch64;

type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses the calls to this thread and those that it will make.
pub(super) fn forbid(needs: Needs) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Privileges(format!("seccomp: {error}"));
    let refused = calls(needs).map_err(|error| failed(&error))?;
    // The C library takes clone(2), whose flags can be seen, where clone3 isn't there.
    let absent = Calls::from([(libc::SYS_clone3, Vec::new())]);
    for (calls, errno) in [(absent, libc::ENOSYS), (refused, libc::EPERM)] {
        let errno = SeccompAction::Errno(errno.unsigned_abs());
        let filter = SeccompFilter::new(calls, SeccompAction::Allow, errno, ARCH)
            .and_then(BpfProgram::try_from)
            .map_err(|error| failed(&error))?;
        seccompiler::apply_filter(&filter).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn calls(needs: Needs) -> Result<Calls, seccompiler::BackendError> {
    let mut calls = Calls::new();
    let chown = [CHOWN, CHOWN_HERE].into_iter().flatten().filter(|_| !needs.chown);
    for call in NEVER.iter().chain(NEVER_HERE).chain(chown) {
        calls.insert(*call, Vec::new());
    }
    // No process, only threads.
    let thread = u64::from(libc::CLONE_THREAD.unsigned_abs());
    let no_thread = SeccompCondition::new(0, Len::Dword, Op::MaskedEq(thread), 0)?;
    calls.insert(libc::SYS_clone, vec![SeccompRule::new(vec![no_thread])?]);
    let mut families = vec![libc::AF_UNIX];
    if needs.internet {
        families.extend([libc::AF_INET, libc::AF_INET6]);
    }
    let none_of = families
        .into_iter()
        .map(|family| {
            SeccompCondition::new(0, Len::Dword, Op::Ne, u64::from(family.unsigned_abs()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    calls.insert(libc::SYS_socket, vec![SeccompRule::new(none_of)?]);
    without_x32(&mut calls);
    Ok(calls)
}

/// The same calls by their other numbers: nothing of ours makes a call so.
#[cfg(target_arch = "x86_64")]
fn without_x32(calls: &mut Calls) {
    let numbers: Vec<i64> = calls.keys().copied().collect();
    calls.extend(numbers.into_iter().map(|call| (call | X32, Vec::new())));
    calls.extend(X32_OWN.map(|call| (call | X32, Vec::new())));
}

#[cfg(not(target_arch = "x86_64"))]
fn without_x32(_: &mut Calls) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_small_enough_for_the_kernel() {
        for (internet, chown) in [(false, false), (true, true)] {
            let calls = calls(Needs { internet, chown }).unwrap();
            assert_eq!(calls.contains_key(&libc::SYS_fchown), !chown);
            let errno = SeccompAction::Errno(1);
            let filter = SeccompFilter::new(calls, SeccompAction::Allow, errno, ARCH).unwrap();
            let program = BpfProgram::try_from(filter).unwrap();
            assert!(program.len() < 4096, "{}", program.len());
        }
    }
}
