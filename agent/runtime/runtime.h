/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_RUNTIME_H
#define KNARR_RUNTIME_H
#include "lib/base/err.h"
/*
 * The container runtime: pod sandboxes and the containers in them, straight on the kernel. It knows
 * no Kubernetes types; the words (sandbox, container, attempt-less ids, CRI log lines) are those of
 * the Container Runtime Interface, k8s.io/cri-api/pkg/apis/runtime/v1.
 *
 *	agent (one thread, one uv loop)             knarr-pod, one a sandbox (static, ~25 KB)
 *	  runtime_container_start()
 *	    user, cgroups, overlay, plan  --START-->  clone3 into the cgroup, run the plan, execve
 *	  done(0) / EXITED event          <--events-  waitid, log lines, exit file
 *
 * Everything that lives longer than the agent is in a supervisor (agent/runtime/pod) or in files
 * below run_dir: a killed agent costs nothing, the next one calls runtime_recover().
 *
 * Calls either answer at once (int result) or take a `done` callback. A call with a callback
 * returns 0 when the callback will run exactly once, later, from the loop (never from inside the
 * call); a negative errno (err filled) means that it will not. All strings are borrowed for the
 * duration of the call. One thread only.
 *
 *	sandbox:    (none) --start--> READY --stop / supervisor lost--> STOPPED --remove--> (none)
 *	container:  (none) --start--> CREATED --exec done--> RUNNING --> EXITED --remove--> (none)
 *	                                 \--failed: gone, done(<0) says why
 */
struct runtime;
struct uv_loop_s;

/* Opaque ids chosen by the caller: 1-64 of [A-Za-z0-9_.-], not starting with a dot. */
#define RUNTIME_ID_MAX 64

enum runtime_event_type {
	RUNTIME_EXITED, /* a container's first process ended; info has the exit */
	RUNTIME_OOM, /* reserved: the kernel killed a process of a container that goes on (not sent
			yet) */
	RUNTIME_SANDBOX_LOST, /* the supervisor is gone; its containers are killed and EXITED (137)
			       */
};

struct runtime_event {
	enum runtime_event_type type;
	const char *sandbox_id;
	const char *container_id; /* NULL for sandbox events */
};

typedef void runtime_event_fn(void *user, const struct runtime_event *ev);
/* r: 0 or a negative errno, then err says why in words for a user. */
typedef void runtime_done_fn(void *user, int r, const struct err *err);

struct runtime_conf {
	const char *root_dir; /* writable layers; must not be on overlayfs */
	const char *run_dir; /* sockets, exit files: best a tmpfs; lives until reboot */
	const char *cgroup_root; /* one cgroup name, "knarr" if NULL; below it all is ours */
	const char *cgroup_mount; /* "/sys/fs/cgroup" if NULL */
	const char *pod_binary; /* knarr-pod; NULL: the installed one */
	const char *seccomp_dir; /* Localhost profiles are files beneath it; may be NULL */
	struct uv_loop_s *loop;
	runtime_event_fn *on_event;
	void *user;
};

/*
 * Opens the runtime: directories, cgroup hierarchies, the blank namespace. -EPERM when not root,
 * -EOPNOTSUPP when the kernel lacks something needed; err names it and says what to do. Does not
 * look for sandboxes of an earlier agent: runtime_recover does.
 */
int runtime_open(const struct runtime_conf *conf, struct runtime **ret, struct err *err);
/* Lets go of everything; sandboxes and containers run on. Pending callbacks get -ECANCELED. */
struct runtime *runtime_close(struct runtime *rt);
/*
 * Re-adopts every sandbox below run_dir: connects to its supervisor, reads states and exit files
 * (also of containers that ended while no agent ran: their state is EXITED, no event is sent), and
 * marks sandboxes without a supervisor STOPPED after killing what is left of them. Then
 * runtime_sandbox_next() and runtime_container_next() list all. Blocks for as long as the
 * supervisors need to answer (sub-millisecond each; a supervisor silent for 2 s counts as lost).
 */
int runtime_recover(struct runtime *rt, struct err *err);

/* ---- Resources ---- */
/* Zero means "not limited" for every member, except where said. */
struct runtime_resources {
	uint64_t cpu_shares; /* v1 scale 2..262144; mapped to cpu.weight on v2 */
	uint64_t cpu_quota_us; /* per cpu_period_us */
	uint64_t cpu_period_us; /* 0: 100000 */
	uint64_t mem_limit_bytes;
	uint64_t mem_min_bytes; /* v2 memory.min; ignored on v1 */
	uint64_t pids_limit;
	const char *cpuset_cpus, *cpuset_mems; /* NULL: inherit */
	const char *const *unified; /* v2 only: name, value, name, value, ..., NULL; or NULL */
};
/*
 * Make a group between the root and the sandboxes ("burstable"), or change its limits. `path` is
 * relative to cgroup_root. Idempotent.
 */
int runtime_cgroup_apply(struct runtime *rt, const char *path, const struct runtime_resources *res,
			 struct err *err);
/* Remove such a group if it is empty; 0 when it was not there. "" removes the root itself. */
int runtime_cgroup_remove(struct runtime *rt, const char *path, struct err *err);

/* ---- Sandboxes ---- */
enum runtime_ns {
	RUNTIME_NS_POD, /* one new namespace for the sandbox (the default) */
	RUNTIME_NS_HOST,
	RUNTIME_NS_CONTAINER, /* pid only: each container its own */
	RUNTIME_NS_PATH, /* net only: sandbox_spec.netns_path */
};

struct runtime_pair {
	const char *name, *value;
};

struct sandbox_spec {
	const char *id;
	const char *note; /* opaque text, given back by info and after recovery; may be NULL */
	const char *hostname; /* NULL: leave the namespace's */
	enum runtime_ns net, ipc, uts, pid;
	const char *netns_path; /* e.g. /run/netns/x or /proc/PID/ns/net */
	const struct runtime_pair *sysctls; /* "net.ipv4.ip_forward" or with slashes */
	size_t n_sysctls;
	/* The sandbox's cgroup below cgroup_root, e.g. "burstable/pod1234"; containers become its
	 * children. NULL: the id. Missing parents are made. */
	const char *cgroup_path;
	struct runtime_resources resources; /* limits of the sandbox as a whole */
};

/*
 * Start a supervisor with the sandbox's namespaces. After done(0) its network namespace can be
 * opened and containers started. -EEXIST when the id is in use.
 */
int runtime_sandbox_start(struct runtime *rt, const struct sandbox_spec *spec,
			  runtime_done_fn *done, void *user, struct err *err);
/* O_CLOEXEC descriptor of the sandbox's network namespace, or -ENOENT (unknown, stopped). */
int runtime_sandbox_netns(struct runtime *rt, const char *id);
/* Path that names the same namespace while the sandbox is READY: "/proc/PID/ns/net". */
int runtime_sandbox_netns_path(struct runtime *rt, const char *id, char *ret, size_t size);
/* Change limits of the sandbox's cgroup. */
int runtime_sandbox_update(struct runtime *rt, const char *id, const struct runtime_resources *res,
			   struct err *err);
/*
 * Kill everything in the sandbox, wait until it is gone, end the supervisor. Exit codes stay
 * readable; EXITED events are sent first. Idempotent; unknown ids give done(0).
 */
int runtime_sandbox_stop(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			 struct err *err);
/* Stop if needed, then remove all containers, cgroups, layers and files. Idempotent. */
int runtime_sandbox_remove(struct runtime *rt, const char *id, runtime_done_fn *done, void *user,
			   struct err *err);

/* ---- Containers ---- */
enum runtime_propagation {
	RUNTIME_MOUNT_PRIVATE, /* Kubernetes None: rprivate */
	RUNTIME_MOUNT_SLAVE, /* HostToContainer: rslave */
	RUNTIME_MOUNT_SHARED, /* Bidirectional: rshared */
};

enum runtime_mount_type {
	RUNTIME_MOUNT_BIND, /* source is a path of the host */
	RUNTIME_MOUNT_TMPFS, /* options e.g. "size=64m,mode=1777"; source unused */
};

struct runtime_mount {
	enum runtime_mount_type type;
	const char *source;
	/* Bind only, may be NULL: a path inside `source`, resolved as if source were "/", so that
	 * no link leads out; made as a directory when missing (Kubernetes subPath). */
	const char *sub_path;
	const char *target; /* absolute path in the container; made when missing */
	const char *options; /* tmpfs only; may be NULL */
	bool read_only;
	bool recursive_read_only; /* with read_only: submounts too */
	bool nosuid, nodev, noexec;
	enum runtime_propagation propagation;
};

struct runtime_device {
	const char *host_path; /* "/dev/fuse" */
	const char *container_path; /* NULL: the same */
	const char *access; /* some of "rwm" */
};

struct runtime_rlimit {
	int resource; /* RLIMIT_* */
	uint64_t soft, hard;
};

enum runtime_seccomp {
	RUNTIME_SECCOMP_DEFAULT, /* RuntimeDefault */
	RUNTIME_SECCOMP_UNCONFINED,
	RUNTIME_SECCOMP_LOCALHOST, /* container_spec.seccomp_profile beneath seccomp_dir */
};

/* Capability sets as bit masks (1 << CAP_X). */
#define RUNTIME_CAPS_DEFAULT 0xa80425fbull /* Docker's fourteen */
#define RUNTIME_CAPS_ALL (~0ull)
/* "NET_ADMIN", "CAP_NET_ADMIN", any case; "ALL" gives RUNTIME_CAPS_ALL. -EINVAL if unknown. */
int runtime_cap_mask(const char *name, uint64_t *ret);

struct container_spec {
	const char *id; /* unique over all sandboxes */
	const char *sandbox_id;
	const char *note; /* opaque text, as in sandbox_spec */

	const char *const *lower_dirs; /* image layers, top-most first; see agent/image */
	size_t n_lower_dirs;
	bool read_only_root;
	const struct runtime_mount
		*mounts; /* in order: shorter targets first is the caller's job */
	size_t n_mounts;
	const struct runtime_device *devices;
	size_t n_devices;

	const char *const *argv; /* NULL-terminated; argv[0] is searched in the PATH of env */
	const char *const *env; /* NULL-terminated "NAME=value" */
	const char *cwd; /* NULL or "": "/"; made when missing */

	/* User as an image or a pod gives it: "", "1000", "app", "app:staff", "1000:1000"; names
	 * come from the image's own /etc/passwd and /etc/group. uid/gid >= 0 win over it. */
	const char *user;
	int64_t uid, gid; /* -1: not given */
	const uint32_t *groups; /* supplementary, besides the image's own memberships */
	size_t n_groups;
	bool strict_groups; /* leave out the memberships of /etc/group */

	uint64_t caps; /* bounding, permitted and effective set; RUNTIME_CAPS_DEFAULT is usual */
	bool privileged; /* all devices, no masks, writable /sys, no seccomp */
	bool no_new_privs;
	enum runtime_seccomp seccomp;
	const char *seccomp_profile;
	bool unmask_paths; /* procMount: Unmasked */

	const struct runtime_rlimit *rlimits;
	size_t n_rlimits;
	int oom_score_adj; /* refused by the kernel: a warning in info, not an error */
	struct runtime_resources resources;

	bool tty;
	bool stdin_open; /* keep a stdin that runtime_attach can write to */
	bool stdin_once; /* close it when the first attached client leaves */
	/* CRI log lines "<RFC 3339 nano> stdout|stderr F|P text"; NULL: output is thrown away. The
	 * directory must exist. Rotated to PATH.1, PATH.2 ... by the supervisor. */
	const char *log_path;
	uint64_t log_max_bytes; /* 0: 10 MiB */
	uint32_t log_max_files; /* with the current one; 0: 5 */
};

/*
 * Make and start a container. done(0): its process runs the program. Errors are worded for a
 * user and carry these numbers: -ENOENT/-EACCES the program or a mount source (`exec: "foo":
 * executable file not found in $PATH`), -EINVAL the spec or an unknown user, -EEXIST the id,
 * -ENOTCONN the sandbox is not READY. After an error nothing is left of the container.
 */
int runtime_container_start(struct runtime *rt, const struct container_spec *spec,
			    runtime_done_fn *done, void *user, struct err *err);
/* Send a signal to the first process. -ESRCH when it is not running. */
int runtime_container_signal(struct runtime *rt, const char *id, int sig);
/*
 * Signal, then SIGKILL to everything in it when grace_ns has passed; done(0) after the EXITED
 * event. Calling it again only shortens the grace. sig 0: SIGTERM. grace_ns 0: SIGKILL at once.
 */
int runtime_container_stop(struct runtime *rt, const char *id, int sig, uint64_t grace_ns,
			   runtime_done_fn *done, void *user, struct err *err);
/* Remove an EXITED container: layer, cgroup, files (not its log). -EBUSY while it runs. */
int runtime_container_remove(struct runtime *rt, const char *id, struct err *err);
/* Change limits while it runs. */
int runtime_container_update(struct runtime *rt, const char *id,
			     const struct runtime_resources *res, struct err *err);
/* Start a new log file (the old one becomes PATH.1), e.g. for an explicit CRI ReopenContainerLog.
 */
int runtime_container_rotate_log(struct runtime *rt, const char *id);

/* ---- What there is ---- */
enum runtime_state {
	RUNTIME_SANDBOX_STARTING,
	RUNTIME_SANDBOX_READY,
	RUNTIME_SANDBOX_STOPPED,
	RUNTIME_CONTAINER_CREATED,
	RUNTIME_CONTAINER_RUNNING,
	RUNTIME_CONTAINER_EXITED,
};

struct sandbox_info {
	const char *id, *note, *cgroup_path; /* borrowed until the loop runs again */
	enum runtime_state state;
	pid_t supervisor; /* 0 when STOPPED */
	int64_t created_ns; /* Unix time, as all times here */
};

struct container_info {
	const char *id, *sandbox_id, *note, *log_path;
	const char *warning; /* what was asked for and refused by the kernel, or NULL */
	enum runtime_state state;
	pid_t pid; /* of the host; 0 when EXITED */
	int64_t created_ns, started_ns, finished_ns;
	int exit_code; /* as a shell says it: 128 + signal when killed */
	int exit_signal; /* 0: ended by itself */
	bool oom_killed;
	bool tty;
	uint32_t uid, gid; /* as resolved */
};

/* -ENOENT when unknown. */
int runtime_sandbox_get(struct runtime *rt, const char *id, struct sandbox_info *ret);
int runtime_container_get(struct runtime *rt, const char *id, struct container_info *ret);
/* Iterate in order of ids: start with NULL, then the id of the last one. -ENOENT at the end. */
int runtime_sandbox_next(struct runtime *rt, const char *after_id, struct sandbox_info *ret);
int runtime_container_next(struct runtime *rt, const char *after_id, struct container_info *ret);

struct runtime_stats {
	int64_t at_ns; /* Unix time of the reading */
	uint64_t cpu_usage_ns;
	uint64_t mem_usage_bytes, mem_working_set_bytes, mem_rss_bytes, mem_limit_bytes;
	uint64_t mem_page_faults, mem_major_page_faults;
	uint64_t pids;
	uint64_t throttled_periods, periods, throttled_ns;
	uint64_t oom_kills;
	uint64_t rootfs_bytes,
		rootfs_inodes; /* writable layer; containers only, 0 until the first measure */
};
/* From the cgroup's files, ~0.1 ms. -ENOENT unknown, -ESRCH no longer there. */
int runtime_container_stats(struct runtime *rt, const char *id, struct runtime_stats *ret);
int runtime_sandbox_stats(struct runtime *rt, const char *id, struct runtime_stats *ret);
/* A group of runtime_cgroup_apply, "" for all pods together. */
int runtime_cgroup_stats(struct runtime *rt, const char *path, struct runtime_stats *ret);

/* ---- exec and attach ---- */
/*
 * Streams are plain descriptors, O_CLOEXEC and O_NONBLOCK, owned by the caller from the callback
 * on; -1 where there is none. With a TTY, tty is the terminal's master (read and write it; EIO on
 * read means the end) and the others are -1.
 */
struct runtime_streams {
	int in, out, err, tty;
};

struct exec_spec {
	const char *container_id;
	const char *const *argv; /* NULL-terminated */
	const char *const *env; /* added to the container's own; may be NULL */
	const char *cwd; /* NULL: the container's */
	bool want_in, want_out, want_err; /* not wanted: /dev/null */
	bool tty;
	uint16_t cols, rows; /* with tty; 0: 80x24 */
};

struct runtime_exec; /* one running exec; freed by the runtime after on_exit */

struct exec_ops {
	/* The program runs. Take the streams. */
	void (*on_started)(void *user, struct runtime_exec *x, const struct runtime_streams *s);
	/* The last call: r < 0 it did not start (err says why), or the supervisor was lost; else
	 * code is the exit code (128 + signal when killed). */
	void (*on_exit)(void *user, int r, int code, const struct err *err);
};
/*
 * Run a program in a running container with its user, capabilities, seccomp filter and cgroup.
 * *ret may be used until on_exit. The callbacks run later, never from inside.
 */
int runtime_exec(struct runtime *rt, const struct exec_spec *spec, const struct exec_ops *ops,
		 void *user, struct runtime_exec **ret, struct err *err);
int runtime_exec_signal(struct runtime_exec *x, int sig);
int runtime_exec_resize(struct runtime_exec *x, uint16_t cols, uint16_t rows);
/* No more callbacks are wanted; the program is killed. */
void runtime_exec_abandon(struct runtime_exec *x);

/*
 * Streams of the container itself: output from now on (also still logged), and its stdin when it
 * has one (stdin_open) and want_in. Close them to leave. on_attached(r < 0) says why not.
 * Output a client doesn't read for 10 s ends that client's stream, not the container.
 */
typedef void runtime_attach_fn(void *user, int r, const struct runtime_streams *s,
			       const struct err *err);
int runtime_attach(struct runtime *rt, const char *container_id, bool want_in, bool want_out,
		   bool want_err, runtime_attach_fn *on_attached, void *user, struct err *err);
/* Window size of a container with a TTY. */
int runtime_container_resize(struct runtime *rt, const char *id, uint16_t cols, uint16_t rows);

/* "v1", "hybrid" or "v2": for `status` and for logs. */
const char *runtime_cgroup_version(const struct runtime *rt);
/* The absolute path of the v2 group of cgroup_root (for cgroup-BPF), or NULL when there is none. */
const char *runtime_cgroup2_path(const struct runtime *rt);
#endif
