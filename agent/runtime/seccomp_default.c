/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RuntimeDefault profile: the calls Docker's and containerd's default profiles allow. What is
 * not named answers ENOSYS, so that programs fall back from calls younger than this list; what is
 * known and forbidden answers EPERM, as they expect.
 */
#include "agent/runtime/seccomp.h"

#include <sys/capability.h>

static const char allowed[] =
	"accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown "
	"chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
	"clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect "
	"copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old "
	"epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
	"exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate fanotify_mark fchdir "
	"fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr "
	"flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 "
	"fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv "
	"futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64 "
	"getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer "
	"getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 "
	"getresuid getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid "
	"gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init inotify_init1 "
	"inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
	"io_setup io_submit ioctl ioprio_get ioprio_set ipc kill landlock_add_rule "
	"landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link linkat "
	"listen listxattr llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 madvise "
	"map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat "
	"mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap msgctl msgget "
	"msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat "
	"_newselect open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc "
	"pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 "
	"process_mrelease pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead "
	"readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 recvmsg "
	"remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq "
	"rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
	"rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sched_get_priority_max "
	"sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
	"sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity "
	"sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget "
	"semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto "
	"set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 "
	"setgid setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 "
	"setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid "
	"setsockopt setuid setuid32 setxattr shmat shmctl shmdt shmget shutdown sigaltstack "
	"signalfd signalfd4 sigprocmask sigreturn socketcall socketpair splice stat stat64 statfs "
	"statfs64 statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time "
	"timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	"timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	"timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
	"utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write writev "
	"arch_prctl modify_ldt process_vm_readv process_vm_writev ptrace";

/* Allowed with a capability, EPERM without. */
static const struct {
	int cap;
	const char *calls;
} by_cap[] = {
	{CAP_DAC_READ_SEARCH, "open_by_handle_at"},
	{CAP_SYS_ADMIN,
	 "bpf fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
	 "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname "
	 "setns "
	 "syslog umount umount2 unshare"},
	{CAP_SYS_BOOT, "reboot"},
	{CAP_SYS_CHROOT, "chroot"},
	{CAP_SYS_MODULE, "delete_module init_module finit_module"},
	{CAP_SYS_PACCT, "acct"},
	{CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
	{CAP_SYS_RAWIO, "iopl ioperm"},
	{CAP_SYS_TIME, "settimeofday stime clock_settime clock_settime64"},
	{CAP_SYS_TTY_CONFIG, "vhangup"},
	{CAP_SYS_NICE, "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
	{CAP_SYSLOG, "syslog"},
	{CAP_BPF, "bpf"},
	{CAP_PERFMON, "perf_event_open"},
};

static const char forbidden[] =
	"add_key keyctl request_key kexec_load kexec_file_load userfaultfd io_uring_enter "
	"io_uring_register io_uring_setup pivot_root swapon swapoff move_pages migrate_pages "
	"nfsservctl "
	"uselib ustat sysfs _sysctl create_module get_kernel_syms query_module";

/* Calls libseccomp 2.5.4 has no names for, by their number (the same on all architectures). */
static const int numbers[] = {
	457, /* statmount */
	458, /* listmount */
	459, /* lsm_get_self_attr */
	461, /* lsm_list_modules */
	462, /* mseal */
	463, /* setxattrat */
	464, /* getxattrat */
	465, /* listxattrat */
	466, /* removexattrat */
	468, /* file_getattr */
	453, /* map_shadow_stack */
	451, /* cachestat */
	452, /* fchmodat2 */
};

int seccomp_add_names(scmp_filter_ctx ctx, uint32_t action, const char *names)
{
	struct str rest = str_of(names), one;
	while (str_split(&rest, ' ', &one)) {
		char name[64];
		int nr, r;
		if (str_copy(name, sizeof(name), one) < 0)
			continue;
		nr = seccomp_syscall_resolve_name(name);
		if (nr == __NR_SCMP_ERROR)
			continue; /* not in this libseccomp: falls to the default */
		r = seccomp_rule_add(ctx, action, nr, 0);
		if (r < 0 && r != -EEXIST && r != -EDOM && r != -EACCES)
			return r;
	}
	return 0;
}

/* clone without new namespaces; AF_VSOCK (40) leads past the network namespace. */
static int add_conditional(scmp_filter_ctx ctx, uint64_t caps)
{
	static const unsigned int personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	const uint64_t namespaces = 0x7e020000;
	int r;

	if (caps >> CAP_SYS_ADMIN & 1)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 0);
	else
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				     SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0));
	if (r >= 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_NE, 40));
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(personalities); i++)
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1,
				     SCMP_A0(SCMP_CMP_EQ, personalities[i]));
	return r;
}

int seccomp_add_numbers(scmp_filter_ctx ctx)
{
	int r = 0;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(numbers); i++) {
		r = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, numbers[i], 0);
		if (r == -EEXIST)
			r = 0;
	}
	return r;
}

int seccomp_fill_default(scmp_filter_ctx ctx, uint64_t caps)
{
	int r = seccomp_add_names(ctx, SCMP_ACT_ALLOW, allowed);
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(by_cap); i++)
		if (caps >> by_cap[i].cap & 1)
			r = seccomp_add_names(ctx, SCMP_ACT_ALLOW, by_cap[i].calls);
	if (r >= 0)
		r = add_conditional(ctx, caps);
	/* Second: a call allowed by one capability is not forbidden for want of another. */
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(by_cap); i++) {
		bool overlaps = by_cap[i].cap == CAP_SYSLOG || by_cap[i].cap == CAP_BPF ||
				by_cap[i].cap == CAP_PERFMON;
		if (!(caps >> by_cap[i].cap & 1) && !overlaps)
			r = seccomp_add_names(ctx, SCMP_ACT_ERRNO(EPERM), by_cap[i].calls);
	}
	/* clone3 can't be looked into: ENOSYS makes libc use clone (Docker, moby#42681). */
	if (r >= 0 && (caps >> CAP_SYS_ADMIN & 1))
		r = seccomp_add_names(ctx, SCMP_ACT_ALLOW, "clone3");
	if (r >= 0)
		r = seccomp_add_names(ctx, SCMP_ACT_ERRNO(EPERM), forbidden);
	return r;
}
