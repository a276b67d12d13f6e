/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_H
#define KNARR_POD_H
/*
 * knarr-pod, the supervisor of one sandbox. It lives in the sandbox's namespaces (but for pid and
 * a blank mount namespace of its own), is the parent of every container and exec, owns log pipes
 * and terminals, and outlives the agent. Small on purpose: musl, static, no heap, no stdio; every
 * table has a fixed size and untouched entries cost no memory.
 *
 *	main.c    the loop: socket, children, output
 *	wire.c    packets with descriptors
 *	proc.c    the table of processes: start, exec, exit, exit files
 *	child.c   the plan's operations between clone and execve
 *	mounts.c  those of them that mount
 *	log.c     CRI log lines and rotation
 *	remove.c  deleting trees for the agent
 *	attach.c  copies of output for attached clients
 */
#include "agent/runtime/pod/kernel.h"
#include "agent/runtime/pod/proto.h"

#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#define POD_PROCS 128 /* containers, running or exited and not yet forgotten, and execs */
#define POD_ATTACHED 4 /* clients attached to one container */
#define POD_CHUNK 8192 /* output is read in pieces of this size; a longer line gets tag P */
#define POD_NAME_MAX 200

enum proc_state { PROC_FREE, PROC_RUNNING, PROC_EXITED };

struct pod_log {
	int dir, fd; /* -1: none */
	uint64_t size, max;
	uint32_t files;
	char name[POD_NAME_MAX];
};

/* Everything here starts as -1 or zero by proc_new. */
struct proc {
	enum proc_state state;
	uint64_t seq; /* the exec's POD_EXEC; 0: a container */
	char id[POD_ID_MAX + 4];
	pid_t pid;
	int pidfd;
	bool tty, stdin_once;
	int in; /* our end of stdin, or the terminal's master (then also what out reads) */
	int peer; /* a container's terminal: the other end, kept open */
	int out[2]; /* our ends of stdout and stderr */
	int oom, kill;
	struct pod_log log;
	int attached[2][POD_ATTACHED]; /* copies of out[0], out[1] */
	bool stalled[2]; /* an attached client is slow: out[i] isn't read */
	int64_t stalled_ns; /* since when, monotonic */
	int64_t started_ns, finished_ns;
	int code, sig;
	bool oomed;
};

struct pod {
	int epoll, listener, agent, signals;
	int run_dir; /* RUN/POD */
	int own_pidns; /* to come back to after starting something in a container's */
	int pod_pidns; /* shared by all containers, or -1 */
	int blank; /* we are in a blank mount namespace */
	bool quit;
	struct proc proc[POD_PROCS];
};

extern struct pod pod;

/* epoll_data: what the descriptor is, and which process it belongs to. */
enum pod_source { SRC_LISTENER, SRC_AGENT, SRC_SIGNALS, SRC_OUT, SRC_ERR, SRC_ATTACHED };
void pod_watch(int fd, enum pod_source src, int index, uint32_t events);
void pod_unwatch(int fd);
void pod_close(int *fd); /* closes and sets -1; takes -1 */

/* wire.c: all return 0 or a negative errno. */
/* One packet; descriptors beyond the first n_fds are -1. -EPIPE: the other side is gone. */
int wire_recv(int sock, struct pod_msg *m, int fds[POD_FDS_MAX], int *n_fds);
int wire_send(int sock, const struct pod_msg *m, const int *fds, int n_fds);
void wire_event(struct pod_msg *m, enum pod_msg_type type, const struct proc *p);
/* Send to the agent if there is one. A reader that doesn't read is dropped: it asks STATE later. */
void pod_send(const struct pod_msg *m, const int *fds, int n_fds);

/* proc.c */
struct proc *proc_find(const char *id); /* a container, or NULL */
struct proc *proc_find_exec(uint64_t seq);
/* START and EXEC: fills r (a POD_REPLY); fds taken over are set to -1. */
void proc_start(const struct pod_msg *m, int *fds, int n_fds, struct pod_msg *r);
void proc_reap(void);
void proc_free(struct proc *p);
int proc_setup(const struct pod_msg *m, int *fds, int n_fds, struct pod_msg *r);
int64_t now_ns(int clock);

/* child.c */
struct child {
	const struct plan_hdr *plan;
	char **argv, **env;
	const int *fds;
	int in, out, err; /* the child's ends; -1: /dev/null */
	int tty_sock; /* the terminal's master is sent here */
	int target_pidfd; /* EXEC: the container gone into */
};
/* Where the child says what failed: shared memory, zero when it got to execve. */
struct child_result {
	int error; /* positive errno */
	int op;
};
/* Run all operations; returns a negative errno with *ret_op set. Only PLAN_EXEC never returns. */
int child_run(const struct child *c, int *ret_op);
const char *plan_s(const struct plan_hdr *plan, uint32_t off); /* NULL for 0 */

/* mounts.c: one function an operation. */
int op_mount_fd(const struct child *c, const struct plan_op *op);
int op_pivot(const struct child *c, const struct plan_op *op);
int op_mount(const struct child *c, const struct plan_op *op);
int op_bind(const struct child *c, const struct plan_op *op);
int op_mkdir(const struct child *c, const struct plan_op *op);
int op_mknod(const struct child *c, const struct plan_op *op);
int op_symlink(const struct child *c, const struct plan_op *op);
int op_setattr(const struct child *c, const struct plan_op *op);
int op_mask(const struct child *c, const struct plan_op *op);
int op_readonly(const struct child *c, const struct plan_op *op);
int make_dirs(const char *path, mode_t mode);

/* log.c */
int log_open(struct pod_log *l);
void log_close(struct pod_log *l);
void log_write(struct pod_log *l, bool is_err, const char *p, size_t len);
int log_rotate(struct pod_log *l);

/* remove.c: the program's other jobs; exit codes. */
int remove_main(const char *dir);
int usage_main(const char *dir);
char *put_i64(char *p, int64_t v); /* proc.c: decimal; returns the end */

/* attach.c */
/* Read what there is of out[i], log it and copy it to attached clients; false at its end. */
bool output_read(struct proc *p, int i);
void output_drain(struct proc *p);
int attach_add(struct proc *p, int i, int fd);
void attach_event(struct proc *p);
void attach_expire(void); /* drop clients that have been slow for too long */
void attach_close(struct proc *p);
#endif
