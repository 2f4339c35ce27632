//! seccomp: which system calls can be made.
//!
//! A call that is not on the list fails with EPERM, and does not end the sensor: a library that
//! tries something new after an update must not make it blind. What matters is that nothing is
//! run, traced, mounted or loaded.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

use super::SandboxError;

/// Calls that every architecture has.
const ALLOWED: &[i64] = &[
    // Memory.
    libc::SYS_brk,
    libc::SYS_mmap,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_mincore,
    libc::SYS_membarrier,
    // Threads and signals. Which kinds of clone(2) is told below.
    libc::SYS_clone3,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    // prctl(2) names threads, and cannot give back what was given up.
    libc::SYS_prctl,
    libc::SYS_getcpu,
    libc::SYS_prlimit64,
    // Who this is.
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_uname,
    libc::SYS_sysinfo,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_times,
    // Time.
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    // Files, which Landlock keeps to a few folders.
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utimensat,
    libc::SYS_umask,
    // Sockets. Which families is told below.
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept4,
    libc::SYS_connect,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
];

/// Older forms of these, which later architectures do not have.
#[cfg(target_arch = "x86_64")]
const ALLOWED_OLD: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_accept,
    libc::SYS_time,
    libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_OLD: &[i64] = &[];

/// Families of sockets: results and metrics, the service manager, packets and interfaces.
const FAMILIES: [i32; 6] = [
    libc::AF_UNIX,
    libc::AF_INET,
    libc::AF_INET6,
    libc::AF_NETLINK,
    libc::AF_PACKET,
    libc::AF_XDP,
];

/// Requests that put characters into a terminal as if somebody had typed them.
const TYPING: [libc::Ioctl; 2] = [libc::TIOCSTI, TIOCLINUX];
const TIOCLINUX: libc::Ioctl = 0x541c;

/// Lets these calls be made and no others. Says if the kernel has no seccomp.
pub(super) fn restrict(has_programs: bool) -> Result<Option<String>, SandboxError> {
    let Ok(arch) = TargetArch::try_from(ARCH) else {
        return Ok(Some(missing(&format!("there is no filter for {ARCH}"))));
    };
    // clone3(2) hides its flags from a filter, so it is not there, and clone(2) is used.
    let mut threads = BTreeMap::new();
    threads.insert(libc::SYS_clone3, Vec::new());
    let absent = SeccompAction::Errno(libc::ENOSYS as u32);
    let filters = rules(has_programs).and_then(|allowed| {
        let refused = SeccompAction::Errno(libc::EPERM as u32);
        let allowed = SeccompFilter::new(allowed, refused, SeccompAction::Allow, arch)?;
        let threads = SeccompFilter::new(threads, SeccompAction::Allow, absent, arch)?;
        Ok([
            BpfProgram::try_from(threads)?,
            BpfProgram::try_from(allowed)?,
        ])
    });
    let filters = filters.map_err(|error| SandboxError::Refused {
        what: "seccomp",
        why: error.to_string(),
    })?;
    for filter in &filters {
        if let Err(error) = apply_filter(filter) {
            return Ok(Some(missing(&error.to_string())));
        }
    }
    Ok(None)
}

fn missing(why: &str) -> String {
    format!("seccomp is not to be had ({why}): it can make every system call")
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn rules(has_programs: bool) -> Result<Rules, seccompiler::BackendError> {
    let calls = ALLOWED.iter().chain(ALLOWED_OLD).copied();
    let mut rules: Rules = calls.map(|call| (call, Vec::new())).collect();
    if has_programs {
        rules.insert(libc::SYS_bpf, Vec::new());
    }
    let family = |family: &i32| when(0, SeccompCmpOp::Eq, *family as u64);
    let families: Result<_, _> = FAMILIES.iter().map(family).collect();
    rules.insert(libc::SYS_socket, families?);
    rules.insert(
        libc::SYS_socketpair,
        vec![when(0, SeccompCmpOp::Eq, libc::AF_UNIX as u64)?],
    );
    // A thread, not a process.
    let is_thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
    let thread = when(0, is_thread, libc::CLONE_THREAD as u64)?;
    rules.insert(libc::SYS_clone, vec![thread]);
    let not = |request: &libc::Ioctl| {
        SeccompCondition::new(
            1,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::Ne,
            u64::from(*request as u32),
        )
    };
    let not_typing: Result<Vec<_>, _> = TYPING.iter().map(not).collect();
    rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(not_typing?)?]);
    Ok(rules)
}

fn when(
    argument: u8,
    is: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, seccompiler::BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, is, value)?;
    SeccompRule::new(vec![condition])
}
