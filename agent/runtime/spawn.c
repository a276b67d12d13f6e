/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/spawn.h"

#include "agent/runtime/pod/kernel.h"
#include "lib/base/buf.h"
#include "lib/sys/file.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PROGRAM_MAX (16 << 20)
#define STACK_SIZE (64 << 10)

int spawn_copy(const char *path, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FD int fd = -1;
	int r = file_read(AT_FDCWD, path, PROGRAM_MAX, &b);
	if (r < 0)
		return err_sys(err, -r, "cannot read the supervisor %s: %s", path, strerror(-r));
	fd = memfd_create("knarr-pod", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	r = fd < 0 ? -errno : fd_write_all(fd, b.p, b.len);
	if (r >= 0 &&
	    (fchmod(fd, 0500) < 0 ||
	     fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0))
		r = -errno;
	if (r < 0)
		return err_sys(err, -r, "cannot copy the supervisor: %s", strerror(-r));
	return TAKE_FD(fd);
}

struct child {
	const struct spawn *s;
	int program, fds[6];
	int error;
};

/* In the child, in our memory: system calls only. */
__attribute__((no_sanitize("address", "undefined"))) static int child_main(void *arg)
{
	struct child *c = arg;
	static char *const none[] = {NULL};
	for (int i = 0; i < 6; i++)
		if (dup2(c->fds[i], i) < 0)
			goto failed;
	/* All of ours have FD_CLOEXEC; what a library of the agent left without goes here. */
	syscall(SYS_close_range, 6, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */);
	syscall(SYS_execveat, c->program, "", c->s->argv, none, K_AT_EMPTY_PATH);
failed:
	c->error = errno;
	return 127;
}

static int clone_child(struct child *c, pid_t *ret)
{
	void *stack =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct k_clone_args a = {
		.flags = K_CLONE_VM | K_CLONE_VFORK | K_CLONE_CLEAR_SIGHAND |
			 (c->s->cgroup >= 0 ? K_CLONE_INTO_CGROUP : 0),
		.exit_signal = SIGCHLD,
		.stack = (uint64_t)(uintptr_t)stack,
		.stack_size = STACK_SIZE,
		.cgroup = c->s->cgroup >= 0 ? (uint64_t)c->s->cgroup : 0,
	};
	sigset_t all, old;
	long pid;

	if (stack == MAP_FAILED)
		return -errno;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	pid = k_clone3_vm(&a, child_main, c);
	sigprocmask(SIG_SETMASK, &old, NULL);
	munmap(stack, STACK_SIZE);
	if (pid < 0)
		return (int)pid;
	*ret = (pid_t)pid;
	return -c->error;
}

int spawn_start(const struct spawn *s, pid_t *ret)
{
	struct child c = {.s = s, .program = -1, .fds = {-1, -1, -1, -1, -1, -1}};
	int r = 0;

	/* Copies out of the way of 0..5, which the child fills one after the other. */
	c.program = fcntl(s->program, F_DUPFD_CLOEXEC, 16);
	if (c.program < 0)
		r = -errno;
	for (int i = 0; i < 6; i++) {
		c.fds[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, 16);
		if (c.fds[i] < 0)
			r = -errno;
	}
	if (r >= 0)
		r = clone_child(&c, ret);
	for (int i = 0; i < 6; i++)
		if (c.fds[i] >= 0)
			close(c.fds[i]);
	if (c.program >= 0)
		close(c.program);
	return r;
}
