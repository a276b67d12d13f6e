/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_RUNTIME_INTERNAL_H
#define KNARR_RUNTIME_INTERNAL_H
/*
 * What the parts of the runtime share; runtime.h is the outside.
 *
 *	runtime.c    open, close, lookups, information, statistics, things done later
 *	conn.c       the packets to and from a supervisor
 *	sandbox.c    start, stop, removal of sandboxes
 *	container.c  the same for containers
 *	compile.c    container_spec -> plan
 *	exec.c       exec and attach
 *	trash.c      deleting layers, elsewhere
 *	spawn.c      starting knarr-pod (spawn.h)
 *	state.c      what is on disk, and re-adopting it
 */
#include "agent/runtime/cgroup.h"
#include "agent/runtime/pod/proto.h"
#include "agent/runtime/runtime.h"
#include "lib/base/buf.h"
#include "lib/base/hmap.h"
#include "lib/base/list.h"

#include <uv.h>

struct runtime {
	struct list sandboxes, containers; /* sorted by id */
	struct hmap *sandbox_ids, *container_ids;
	struct cgroups *cg;
	uv_loop_t *loop;
	uv_timer_t *timer; /* deferred calls and things to retry */
	struct list deferred; /* struct deferred */
	struct list leftovers; /* struct leftover */
	char *root_dir, *run_dir, *pod_binary, *seccomp_dir, *trash_dir;
	int pod_program; /* spawn_copy of pod_binary */
	pid_t trash_child;
	bool trash_dirty;
	int blank_ns;
	int device_program; /* of the usual rules; -1 until needed */
	uint64_t next_seq;
	runtime_event_fn *on_event;
	void *user;
	bool closing;
};

/* A done callback that waits for something. */
struct waiter {
	struct list node;
	runtime_done_fn *done;
	void *user;
};

struct sandbox {
	struct list node;
	struct runtime *rt;
	char id[RUNTIME_ID_MAX + 1];
	char *note, *cgroup_path, *hostname, *dir; /* dir: RUN/pods/ID */
	enum runtime_state state;
	enum runtime_ns ipc, pid_ns;
	pid_t pid;
	bool is_child; /* we started it and must reap it */
	int sock;
	uv_poll_t *poll;
	struct list requests; /* struct request, in order */
	struct list waiters; /* of stop */
	int64_t created_ns;
	bool stopping, remove_after, quit_sent;
};

struct container {
	struct list node;
	struct sandbox *sb;
	char id[RUNTIME_ID_MAX + 1];
	char *note, *log_path, *warning, *cgroup_path, *dir, *layer_dir;
	enum runtime_state state;
	pid_t pid;
	int64_t created_ns, started_ns, finished_ns;
	int exit_code, exit_signal;
	bool oom_killed, tty, stdin_once;
	uint32_t uid, gid;
	uv_timer_t *kill_timer;
	uint64_t kill_at_ns; /* loop time; 0: no stop is under way */
	struct list waiters; /* of stop */
	struct waiter *starting;
	uint64_t disk_bytes, disk_inodes;
	int64_t disk_at_ns; /* when that was asked for */
	pid_t disk_child; /* measures now, into disk_fd */
	int disk_fd;
	struct list execs; /* struct runtime_exec */
};

/* ---- runtime.c ---- */
int id_check(const char *what, const char *id, struct err *err);
struct sandbox *sandbox_find(struct runtime *rt, const char *id);
struct container *container_find(struct runtime *rt, const char *id);
void sandbox_insert(struct sandbox *sb);
void container_insert(struct container *c);
struct sandbox *sandbox_free(struct sandbox *sb);
struct container *container_free(struct container *c);
int64_t now_real_ns(void);
/* Call done(user, r, err) from the loop soon. */
void runtime_defer(struct runtime *rt, runtime_done_fn *done, void *user, int r);
void waiters_add(struct list *l, runtime_done_fn *done, void *user);
void waiters_run(struct list *l, int r, const struct err *err);
/*
 * Try again until it works: remove a cgroup with all in it, reap a child; then remove a directory
 * (which is what tells the next agent that there is still something to do). Strings are taken.
 */
void runtime_later(struct runtime *rt, char *take_cgroup, pid_t child, char *take_dir);
/* Have the timer look after leftovers and trash soon. */
void runtime_tidy(struct runtime *rt);
void runtime_emit(struct runtime *rt, enum runtime_event_type type, const char *sandbox_id,
		  const char *container_id);
/* A timer that frees itself when closed. */
uv_timer_t *timer_new(uv_loop_t *loop, void *data);
void timer_free(uv_timer_t **t);

/* ---- trash.c ---- */
void trash_open(struct runtime *rt); /* is there anything of an earlier agent? */
void trash_orphans(struct runtime *rt); /* layers of no container, after recovery */
/* A tree below root_dir disappears now and is deleted soon. */
void trash_put(struct runtime *rt, const char *path);
void trash_step(struct runtime *rt); /* from the timer */
bool trash_busy(const struct runtime *rt);

/* Size of a container's layer as last measured; has it measured again when that is long ago. */
void usage_read(struct container *c, struct runtime_stats *ret);
void usage_end(struct container *c);

/* ---- conn.c ---- */
/* reply is NULL when the supervisor was lost; descriptors not taken (set to -1) are closed. */
typedef void request_fn(void *user, const struct pod_msg *reply, int *fds, int n_fds);
void msg_init(struct pod_msg *m, enum pod_msg_type type);
/* Sends; fn will run once (not from inside) unless it returns an error. fn NULL: don't care. */
int conn_request(struct sandbox *sb, struct pod_msg *m, const int *fds, size_t n_fds,
		 request_fn *fn, void *user);
/* Take over a connected socket and listen on it. */
int conn_adopt(struct sandbox *sb, int sock);
void sandbox_conn_close(struct sandbox *sb);
/* Blocking receive during recovery; -ETIMEDOUT. */
int conn_receive(int sock, struct pod_msg *m, int timeout_ms);
int conn_send(int sock, const struct pod_msg *m, const int *fds, size_t n_fds);

/* ---- sandbox.c ---- */
void sandbox_lost(struct sandbox *sb); /* the connection ended */
/* Kill what is in it; a cgroup it shares with a newer sandbox of the same pod stays alive. */
void sandbox_kill(struct sandbox *sb);
/* Does a sandbox besides `except` that isn't stopped (any: or is) have this cgroup? */
bool sandbox_has_cgroup(struct runtime *rt, const char *path, const struct sandbox *except,
			bool any);
/* A container of it has ended: go on with a stop that waited for it. */
void sandbox_step(struct sandbox *sb);

/* ---- container.c ---- */
void container_exited(struct container *c, const struct pod_msg *m);
/* Forget all that is on disk and in memory of an exited or failed container. */
void container_destroy(struct container *c);

/* ---- compile.c ---- */
struct plan;
struct user;
/* All operations from clone to execve; descriptors end up in p. */
int compile_container(struct container *c, const struct container_spec *spec, struct plan *p,
		      struct pod_msg *m, struct err *err);
/* What failed, in a user's words; returns the errno, negative. */
int compile_error(const struct plan_hdr *plan, const struct pod_msg *reply, struct err *err);

/* ---- exec.c ---- */
struct runtime_exec;
void exec_exited(struct sandbox *sb, const struct pod_msg *m);
void exec_lost(struct container *c); /* the container or its supervisor is gone */

/* ---- state.c ---- */
int state_save_sandbox(struct sandbox *sb, struct err *err);
int state_save_container(struct container *c, struct err *err);
/* A file of our own, readable by the next agent; replaced in one step. */
int state_write(const char *dir, const char *name, struct str content);
/* RUN/pods/ID/exit of a container into c; -ENOENT. */
int state_read_exit(struct container *c);

/* ---- seccomp.c ---- */
/*
 * File with the compiled filter for a container, made at first use and kept in RUN/seccomp.
 * *ret_path is NULL for Unconfined; the caller frees it.
 */
int seccomp_filter_file(struct runtime *rt, enum runtime_seccomp kind, const char *profile,
			uint64_t caps, char **ret_path, struct err *err);
#endif
