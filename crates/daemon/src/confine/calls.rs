//! seccomp: system calls that no daemon makes are refused with EPERM, and the log of whoever tries
//! shows it. A list of what is forbidden, since what the C library and the runtime need changes with
//! each of their versions, and a daemon that a new libc kills loses mail. seccomp(2).

use std::collections::BTreeMap;

use nix::libc;
use seccompiler::{
    BackendError as Wrong, BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};

use super::arguments;
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

/// Calls that the C library does without where they aren't there: what they do stands in memory, which
/// no filter sees. It takes clone(2) and openat(2) then.
const ABSENT: &[libc::c_long] = &[libc::SYS_clone3, libc::SYS_openat2];

#[cfg(target_arch = "x86_64")]
const ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCH: TargetArch = TargetArch::aarch64;
#[cfg(target_arch = "riscv64")]
const ARCH: TargetArch = TargetArch::riscv64;

pub(super) type Calls = BTreeMap<i64, Vec<SeccompRule>>;

/// Refuses the calls to this thread and those that it will make. A call of another architecture ends
/// the process.
pub(super) fn forbid(needs: Needs) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Privileges(format!("seccomp: {error}"));
    seccompiler::apply_filter(&no_x32()).map_err(|error| failed(&error))?;
    let absent: Calls = ABSENT.iter().map(|call| (*call, Vec::new())).collect();
    let refused = calls(needs).map_err(|error| failed(&error))?;
    for (calls, errno) in [(absent, libc::ENOSYS), (refused, libc::EPERM)] {
        let program = program(calls, errno).map_err(|error| failed(&error))?;
        seccompiler::apply_filter(&program).map_err(|error| failed(&error))?;
    }
    Ok(())
}

fn program(calls: Calls, errno: libc::c_int) -> Result<BpfProgram, Wrong> {
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    SeccompFilter::new(calls, SeccompAction::Allow, errno, ARCH).and_then(BpfProgram::try_from)
}

/// x32's calls, which have the numbers from this bit on: nothing of ours makes one, and a list of
/// numbers would miss them.
fn no_x32() -> BpfProgram {
    const FIRST: u32 = 0x4000_0000;
    // seccomp(2): the call's number is what the filter sees first.
    let load = sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 };
    let compare = sock_filter { code: JUMP_IF_AT_LEAST, jt: 0, jf: 1, k: FIRST };
    let answer =
        |action: SeccompAction| sock_filter { code: RETURN, jt: 0, jf: 0, k: action.into() };
    let refuse = answer(SeccompAction::Errno(libc::ENOSYS.unsigned_abs()));
    vec![load, compare, refuse, answer(SeccompAction::Allow)]
}

/// linux/bpf_common.h: a word at an offset; a comparison with a constant; the verdict.
const LOAD: u16 = 0x20;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

fn calls(needs: Needs) -> Result<Calls, Wrong> {
    let mut calls = Calls::new();
    let chown = [CHOWN, CHOWN_HERE].into_iter().flatten().filter(|_| !needs.chown);
    for call in NEVER.iter().chain(NEVER_HERE).chain(chown) {
        calls.insert(*call, Vec::new());
    }
    arguments::only_threads(&mut calls)?;
    arguments::sockets(needs.internet, &mut calls)?;
    arguments::set_id_bits(&mut calls)?;
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_small_enough_for_the_kernel() {
        for (internet, chown) in [(false, false), (true, true)] {
            let calls = calls(Needs { internet, chown }).unwrap();
            assert_eq!(calls.contains_key(&libc::SYS_fchown), !chown);
            let program = program(calls, libc::EPERM).unwrap();
            assert!(program.len() < 4096, "{}", program.len());
        }
    }
}
