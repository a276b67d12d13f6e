/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_KERNEL_H
#define KNARR_KERNEL_H
/*
 * Kernel interfaces newer than the C libraries we build with (musl 1.2, glibc 2.36): numbers and
 * thin wrappers that return the result or a negative errno. Shared by the supervisor (musl) and
 * the agent (glibc), so it includes nothing of Knarr's and nothing from <linux/...>. The numbers
 * are the same on all architectures (since Linux 5.1 new calls are).
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define K_SYS_PIDFD_SEND_SIGNAL 424
#define K_SYS_OPEN_TREE 428
#define K_SYS_MOVE_MOUNT 429
#define K_SYS_FSOPEN 430
#define K_SYS_FSCONFIG 431
#define K_SYS_FSMOUNT 432
#define K_SYS_PIDFD_OPEN 434
#define K_SYS_CLONE3 435
#define K_SYS_OPENAT2 437
#define K_SYS_MOUNT_SETATTR 442

#define K_AT_EMPTY_PATH 0x1000
#define K_AT_RECURSIVE 0x8000
#define K_OPEN_TREE_CLONE 1
#define K_MOVE_MOUNT_F_EMPTY_PATH 0x04
#define K_MOVE_MOUNT_T_EMPTY_PATH 0x40
#define K_FSCONFIG_SET_FLAG 0
#define K_FSCONFIG_SET_STRING 1
#define K_FSCONFIG_CMD_CREATE 6
#define K_FSOPEN_CLOEXEC 1
#define K_FSMOUNT_CLOEXEC 1
#define K_MOUNT_ATTR_RDONLY 0x01
#define K_MOUNT_ATTR_NOSUID 0x02
#define K_MOUNT_ATTR_NODEV 0x04
#define K_MOUNT_ATTR_NOEXEC 0x08
#define K_MOUNT_ATTR_NOATIME 0x10
#define K_RESOLVE_NO_XDEV 0x01
#define K_RESOLVE_NO_MAGICLINKS 0x02
#define K_RESOLVE_NO_SYMLINKS 0x04
#define K_RESOLVE_BENEATH 0x08
#define K_RESOLVE_IN_ROOT 0x10

#define K_CLONE_NEWTIME 0x00000080ull
#define K_CLONE_VM 0x00000100ull
#define K_CLONE_PIDFD 0x00001000ull
#define K_CLONE_VFORK 0x00004000ull
#define K_CLONE_NEWNS 0x00020000ull
#define K_CLONE_NEWCGROUP 0x02000000ull
#define K_CLONE_NEWUTS 0x04000000ull
#define K_CLONE_NEWIPC 0x08000000ull
#define K_CLONE_NEWUSER 0x10000000ull
#define K_CLONE_NEWPID 0x20000000ull
#define K_CLONE_NEWNET 0x40000000ull
#define K_CLONE_CLEAR_SIGHAND 0x100000000ull
#define K_CLONE_INTO_CGROUP 0x200000000ull

#define K_PROC_SUPER_MAGIC 0x9fa0
#define K_DEVPTS_SUPER_MAGIC 0x1cd1
#define K_TIOCGPTPEER 0x5441

struct k_clone_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};
struct k_open_how {
	uint64_t flags, mode, resolve;
};
struct k_mount_attr {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

static inline long k_ret(long r)
{
	return r < 0 ? -errno : r;
}
static inline int k_openat2(int dirfd, const char *path, uint64_t flags, uint64_t mode,
			    uint64_t resolve)
{
	struct k_open_how how = {flags, mode, resolve};
	return (int)k_ret(syscall(K_SYS_OPENAT2, dirfd, path, &how, sizeof(how)));
}
static inline int k_open_tree(int dirfd, const char *path, unsigned int flags)
{
	return (int)k_ret(syscall(K_SYS_OPEN_TREE, dirfd, path, flags));
}
static inline int k_move_mount(int from, const char *fpath, int to, const char *tpath,
			       unsigned int flags)
{
	return (int)k_ret(syscall(K_SYS_MOVE_MOUNT, from, fpath, to, tpath, flags));
}
static inline int k_fsopen(const char *type)
{
	return (int)k_ret(syscall(K_SYS_FSOPEN, type, K_FSOPEN_CLOEXEC));
}
static inline int k_fsconfig(int fd, unsigned int cmd, const char *key, const char *value)
{
	return (int)k_ret(syscall(K_SYS_FSCONFIG, fd, cmd, key, value, 0));
}
static inline int k_fsmount(int fd, unsigned int attr)
{
	return (int)k_ret(syscall(K_SYS_FSMOUNT, fd, K_FSMOUNT_CLOEXEC, attr));
}
static inline int k_mount_setattr(int dirfd, const char *path, unsigned int flags,
				  const struct k_mount_attr *attr)
{
	return (int)k_ret(syscall(K_SYS_MOUNT_SETATTR, dirfd, path, flags, attr, sizeof(*attr)));
}
static inline int k_pidfd_open(pid_t pid)
{
	return (int)k_ret(syscall(K_SYS_PIDFD_OPEN, pid, 0));
}
static inline int k_pidfd_signal(int pidfd, int sig)
{
	return (int)k_ret(syscall(K_SYS_PIDFD_SEND_SIGNAL, pidfd, sig, NULL, 0));
}
/* As fork(2): returns twice on a copied stack. Not with CLONE_VM: see k_clone3_vm. */
static inline long k_clone3_fork(struct k_clone_args *a)
{
	return k_ret(syscall(K_SYS_CLONE3, a, sizeof(*a)));
}
/*
 * clone3 with CLONE_VM: the child runs fn(arg) on a->stack and exits with its result. The libc
 * wrapper can't do this (the child would return into a frame it shares with the parent).
 */
#if defined(__x86_64__)
static inline long k_clone3_vm(struct k_clone_args *a, int (*fn)(void *), void *arg)
{
	register long r __asm__("rax") = K_SYS_CLONE3;
	register void *p8 __asm__("r8") = arg;
	register int (*p9)(void *) __asm__("r9") = fn;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r8, %%rdi\n\t"
			 "call *%%r9\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov $231, %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "+r"(r)
			 : "D"(a), "S"(sizeof(*a)), "r"(p8), "r"(p9)
			 : "rcx", "r11", "rdx", "memory");
	return r;
}
#elif defined(__aarch64__)
static inline long k_clone3_vm(struct k_clone_args *a, int (*fn)(void *), void *arg)
{
	register long x0 __asm__("x0") = (long)a;
	register long x1 __asm__("x1") = sizeof(*a);
	register long x8 __asm__("x8") = K_SYS_CLONE3;
	register int (*x10)(void *) __asm__("x10") = fn;
	register void *x11 __asm__("x11") = arg;
	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, #0\n\t"
			 "mov x0, x11\n\t"
			 "blr x10\n\t"
			 "mov x8, #94\n\t"
			 "svc #0\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x1), "r"(x8), "r"(x10), "r"(x11)
			 : "x30", "memory");
	return x0;
}
#else
#error "k_clone3_vm is written for x86-64 and arm64: add this architecture here"
#endif
#endif
