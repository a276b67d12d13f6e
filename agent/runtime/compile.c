/* SPDX-License-Identifier: Apache-2.0 */
/* From a container_spec to the plan its process runs through before it is the program. */
#include "agent/runtime/internal.h"

#include "agent/runtime/devices.h"
#include "agent/runtime/plan.h"
#include "agent/runtime/pod/kernel.h"
#include "agent/runtime/rootfs.h"
#include "agent/runtime/user.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define PASSWD_MAX (1 << 20)
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define PROTECTED (K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV | K_MOUNT_ATTR_NOEXEC)

/* What Docker and the CRI runtimes hide. */
static const char *const masked[] = {
	"/proc/asound",      "/proc/acpi",          "/proc/kcore",
	"/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
	"/proc/interrupts",  "/sys/firmware",       "/sys/devices/virtual/powercap",
};
static const char *const readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
					     "/proc/sysrq-trigger"};

static const struct {
	const char *path;
	unsigned int major, minor;
} nodes[] = {
	{"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
	{"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};
static const char *const links[][2] = {
	{"pts/ptmx", "/dev/ptmx"},          {"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},  {"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"}, {"/proc/kcore", "/dev/core"},
};

static struct plan_op *add_mount(struct plan *p, const char *type, const char *target,
				 const char *options, uint64_t attr, enum plan_target how)
{
	uint32_t ref = plan_string(p, options);
	struct plan_op *op = plan_add(p, PLAN_MOUNT, type, target, attr);
	op->s3 = ref;
	op->b = how;
	return op;
}

static int add_mount_fd(struct plan *p, int take_fd, const char *target, enum plan_target how)
{
	int at = plan_fd(p, take_fd);
	struct plan_op *op;
	if (at < 0)
		return at;
	op = plan_add(p, PLAN_MOUNT_FD, target, NULL, 0);
	op->fd = (int16_t)at;
	op->b = how;
	return 0;
}

/* ---- devices ---- */

static void add_node(struct plan *p, const char *path, mode_t mode, dev_t dev)
{
	plan_add(p, PLAN_MKNOD, path, NULL, mode)->b = dev;
}

/* A privileged container sees all of the host's devices; not the file systems mounted on /dev. */
static void add_host_nodes(struct plan *p, const char *dir, int depth)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	while (d && (e = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, e->d_name);
		struct stat st;
		if (e->d_name[0] == '.' || lstat(path, &st) < 0 || p->n_ops > PLAN_OPS_MAX / 2)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 4 && strcmp(path, "/dev/pts") != 0 &&
		    strcmp(path, "/dev/shm") != 0 && strcmp(path, "/dev/mqueue") != 0)
			add_host_nodes(p, path, depth + 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add_node(p, path, st.st_mode, st.st_rdev);
	}
	if (d)
		closedir(d);
}

static int add_devices(struct plan *p, const struct container_spec *spec, struct err *err)
{
	plan_op(p, PLAN_UMASK); /* modes as given */
	for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
		add_node(p, nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		plan_add(p, PLAN_SYMLINK, links[i][0], links[i][1], 0);
	for (size_t i = 0; i < spec->n_devices; i++) {
		const struct runtime_device *d = &spec->devices[i];
		struct stat st;
		if (stat(d->host_path, &st) < 0)
			return err_sys(err, errno, "no such device: %s: %s", d->host_path,
				       strerror(errno));
		if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			return err_sys(err, EINVAL, "%s is no device", d->host_path);
		if (!device_access(d->access))
			return err_sys(err, EINVAL, "device access \"%s\" is none of r, w, m",
				       d->access);
		add_node(p, d->container_path ? d->container_path : d->host_path, st.st_mode,
			 st.st_rdev);
	}
	if (spec->privileged)
		add_host_nodes(p, "/dev", 0);
	plan_add(p, PLAN_UMASK, NULL, NULL, 022);
	return 0;
}

/* ---- mounts ---- */

/* /dev/shm: the sandbox's (it is in the blank root, which is at /proc until proc covers it). */
static int add_shm(struct container *c, struct plan *p, struct err *err)
{
	static const struct runtime_mount host = {
		.source = "/dev/shm", .target = "/dev/shm", .nosuid = true, .nodev = true};
	bool is_dir;
	int fd;
	plan_add(p, PLAN_MKDIR, "/dev/shm", NULL, 01777);
	if (c->sb->ipc != RUNTIME_NS_HOST) {
		plan_add(p, PLAN_BIND, "/proc/shm", "/dev/shm", PROTECTED);
		return 0;
	}
	fd = rootfs_bind(&host, &is_dir, err);
	return fd < 0 ? fd : add_mount_fd(p, fd, "/dev/shm", PLAN_TARGET_AS_IS);
}

static int add_own_mounts(struct container *c, const struct container_spec *spec, struct plan *p,
			  struct err *err)
{
	uint64_t ro = spec->privileged ? 0 : K_MOUNT_ATTR_RDONLY;
	int r;

	add_mount(p, "tmpfs", "/dev", "mode=755,size=65536k", K_MOUNT_ATTR_NOSUID,
		  PLAN_TARGET_AS_IS);
	r = add_devices(p, spec, err);
	if (r < 0)
		return r;
	plan_add(p, PLAN_MKDIR, "/dev/pts", NULL, 0755);
	add_mount(p, "devpts", "/dev/pts", "newinstance,ptmxmode=0666,mode=0620,gid=5",
		  K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NOEXEC, PLAN_TARGET_AS_IS);
	r = add_shm(c, p, err);
	if (r < 0)
		return r;
	plan_add(p, PLAN_MKDIR, "/dev/mqueue", NULL, 0755);
	add_mount(p, "mqueue", "/dev/mqueue", NULL, PROTECTED, PLAN_TARGET_AS_IS);
	add_mount(p, "proc", "/proc", NULL, PROTECTED, PLAN_TARGET_AS_IS);
	add_mount(p, "sysfs", "/sys", NULL, PROTECTED | ro, PLAN_TARGET_AS_IS);
	return 0;
}

/* /sys/fs/cgroup: the container's own groups, read-only. */
static int add_cgroup_mounts(struct container *c, const struct container_spec *spec, struct plan *p)
{
	static const char *const trees[] = {"cpu", "cpuacct", "memory", "pids", "devices"};
	uint64_t ro = spec->privileged ? 0 : K_MOUNT_ATTR_RDONLY;
	struct cgroups *cg = c->sb->rt->cg;
	char dir[1024], target[64];

	if (strcmp(cgroups_version(cg), "v2") == 0) {
		plan_add(p, PLAN_UNSHARE, NULL, NULL, CLONE_NEWCGROUP);
		add_mount(p, "cgroup2", "/sys/fs/cgroup", NULL, PROTECTED | ro, PLAN_TARGET_AS_IS);
		return 0;
	}
	add_mount(p, "tmpfs", "/sys/fs/cgroup", "mode=755,size=64k", PROTECTED, PLAN_TARGET_AS_IS);
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		struct k_mount_attr a = {.attr_set = PROTECTED | ro, .propagation = 1 << 18};
		int r, fd;
		if (cgroup_dir(cg, trees[i], c->cgroup_path, dir, sizeof(dir)) < 0)
			continue;
		fd = k_open_tree(AT_FDCWD, dir, K_OPEN_TREE_CLONE | O_CLOEXEC);
		if (fd < 0)
			continue;
		r = k_mount_setattr(fd, "", K_AT_EMPTY_PATH, &a);
		if (r < 0) {
			close(fd);
			return r;
		}
		snprintf(target, sizeof(target), "/sys/fs/cgroup/%s", trees[i]);
		r = add_mount_fd(p, fd, target, PLAN_TARGET_DIR);
		if (r < 0)
			return r;
	}
	plan_add(p, PLAN_SETATTR, "/sys/fs/cgroup", NULL, PROTECTED | ro);
	return 0;
}

static void add_masks(const struct container_spec *spec, struct plan *p)
{
	if (spec->privileged || spec->unmask_paths)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(masked); i++)
		plan_add(p, PLAN_MASK, masked[i], NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(readonly_paths); i++)
		plan_add(p, PLAN_READONLY, readonly_paths[i], NULL, 0);
}

static int add_user_mounts(const struct container_spec *spec, struct plan *p, struct err *err)
{
	for (size_t i = 0; i < spec->n_mounts; i++) {
		const struct runtime_mount *m = &spec->mounts[i];
		bool is_dir = true;
		int r, fd;
		if (!m->target || m->target[0] != '/' || !m->target[1])
			return err_sys(err, EINVAL, "mount target \"%s\" is not a path below /",
				       m->target ? m->target : "");
		if (m->type == RUNTIME_MOUNT_TMPFS) {
			uint64_t attr = (m->nosuid ? K_MOUNT_ATTR_NOSUID : 0) |
					(m->nodev ? K_MOUNT_ATTR_NODEV : 0) |
					(m->noexec ? K_MOUNT_ATTR_NOEXEC : 0) |
					(m->read_only ? K_MOUNT_ATTR_RDONLY : 0);
			add_mount(p, "tmpfs", m->target, m->options, attr, PLAN_TARGET_DIR);
			continue;
		}
		fd = rootfs_bind(m, &is_dir, err);
		if (fd < 0)
			return fd;
		r = add_mount_fd(p, fd, m->target, is_dir ? PLAN_TARGET_DIR : PLAN_TARGET_FILE);
		if (r < 0)
			return err_sys(err, EINVAL, "a container can't have more than %d mounts",
				       POD_FDS_MAX - 20);
	}
	return 0;
}

/* ---- the process ---- */

static bool env_has(const char *const *env, const char *name)
{
	size_t len = strlen(name);
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			return true;
	return false;
}

static const char *env_get(const char *const *env, const char *name)
{
	size_t len = strlen(name);
	const char *found = NULL;
	for (; env && *env; env++)
		if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
			found = *env + len + 1;
	return found;
}

static void add_env_pair(struct plan *p, const char *name, const char *value)
{
	CLEANUP_FREE char *pair = xasprintf("%s=%s", name, value);
	plan_add_env(p, pair);
}

static void add_env(const struct container *c, const struct container_spec *spec,
		    const struct user *u, struct plan *p)
{
	if (!env_has(spec->env, "PATH"))
		add_env_pair(p, "PATH", DEFAULT_PATH);
	if (c->sb->hostname && !env_has(spec->env, "HOSTNAME"))
		add_env_pair(p, "HOSTNAME", c->sb->hostname);
	if (spec->tty && !env_has(spec->env, "TERM"))
		add_env_pair(p, "TERM", "xterm");
	for (const char *const *e = spec->env; e && *e; e++)
		plan_add_env(p, *e);
	if (!env_has(spec->env, "HOME"))
		add_env_pair(p, "HOME", u->home);
}

static int add_seccomp(struct container *c, const struct container_spec *spec, struct plan *p,
		       struct err *err)
{
	CLEANUP_FREE char *path = NULL;
	enum runtime_seccomp kind = spec->privileged ? RUNTIME_SECCOMP_UNCONFINED : spec->seccomp;
	int at, fd,
		r = seccomp_filter_file(c->sb->rt, kind, spec->seccomp_profile, spec->caps, &path,
					err);
	if (r < 0 || !path)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s: %s", path, strerror(errno));
	at = plan_fd(p, fd);
	if (at < 0)
		return at;
	/* The path is for later execs, which open the file anew. */
	plan_add(p, PLAN_SECCOMP, path, NULL, 0)->fd = (int16_t)at;
	return 0;
}

static void add_ids(struct plan *p, const struct user *u)
{
	CLEANUP(buf_done) struct buf groups = BUF_INIT;
	for (size_t i = 0; i < u->n_groups; i++)
		buf_addf(&groups, "%s%u", i ? "," : "", u->groups[i]);
	plan_add(p, PLAN_IDS, u->n_groups ? groups.p : NULL, NULL, u->uid)->b = u->gid;
}

static int add_process(struct container *c, const struct container_spec *spec, const struct user *u,
		       struct plan *p, struct err *err)
{
	char adj[16];
	int r;

	for (size_t i = 0; i < spec->n_rlimits; i++) {
		struct plan_op *op =
			plan_add(p, PLAN_RLIMIT, NULL, NULL, (uint64_t)spec->rlimits[i].resource);
		op->b = spec->rlimits[i].soft;
		op->c = spec->rlimits[i].hard;
	}
	snprintf(adj, sizeof(adj), "%d", spec->oom_score_adj);
	plan_add(p, PLAN_WRITE, "/proc/self/oom_score_adj", adj, 0)->b = 1;
	plan_op(p, PLAN_SETSID);
	plan_add(p, spec->tty ? PLAN_TTY : PLAN_STDIO, NULL, NULL, u->uid)->b =
		spec->tty ? 24u << 16 | 80 : u->gid;
	plan_add(p, PLAN_CHDIR, spec->cwd && *spec->cwd ? spec->cwd : "/", NULL, 0)->b = 1;
	plan_add(p, PLAN_BOUNDING, NULL, NULL, spec->privileged ? ~0ull : spec->caps);
	if (!spec->no_new_privs && (r = add_seccomp(c, spec, p, err)) < 0)
		return r; /* without no_new_privs only the capable may load a filter: early */
	add_ids(p, u);
	if (u->uid == 0)
		plan_add(p, PLAN_CAPS, NULL, NULL, spec->privileged ? ~0ull : spec->caps);
	else
		plan_add(p, PLAN_CAPS, NULL, NULL, 0);
	if (spec->no_new_privs) {
		plan_op(p, PLAN_NO_NEW_PRIVS);
		if ((r = add_seccomp(c, spec, p, err)) < 0)
			return r;
	}
	add_env(c, spec, u, p);
	for (const char *const *a = spec->argv; *a; a++)
		plan_add_arg(p, *a);
	plan_add(p, PLAN_EXEC,
		 env_has(spec->env, "PATH") ? env_get(spec->env, "PATH") : DEFAULT_PATH, NULL, 0);
	return 0;
}

/* ---- all of it ---- */

static int resolve_user(struct container *c, const struct container_spec *spec, int root_fd,
			struct user *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf passwd = BUF_INIT;
	CLEANUP(buf_done) struct buf group = BUF_INIT;
	struct user_query q = {.spec = spec->user,
			       .uid = spec->uid,
			       .gid = spec->gid,
			       .groups = spec->groups,
			       .n_groups = spec->n_groups,
			       .strict_groups = spec->strict_groups};
	int r;
	rootfs_read(root_fd, "etc/passwd", PASSWD_MAX, &passwd);
	rootfs_read(root_fd, "etc/group", PASSWD_MAX, &group);
	r = user_resolve(&q, buf_str(&passwd), buf_str(&group), ret, err);
	if (r < 0)
		return r;
	c->uid = ret->uid;
	c->gid = ret->gid;
	return 0;
}

static int add_root(struct container *c, const struct container_spec *spec, struct user *ret_user,
		    struct plan *p, struct err *err)
{
	CLEANUP_FREE char *upper = xasprintf("%s/upper", c->layer_dir);
	CLEANUP_FREE char *work = xasprintf("%s/work", c->layer_dir);
	int r, fd = rootfs_overlay(spec->lower_dirs, spec->n_lower_dirs, upper, work, err);
	if (fd < 0)
		return fd;
	r = resolve_user(c, spec, fd, ret_user, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = add_mount_fd(p, fd, "/r", PLAN_TARGET_AS_IS);
	plan_add(p, PLAN_PIVOT, "/r", NULL, 0);
	return r;
}

static int add_cgroups(struct container *c, struct plan *p, struct pod_msg *m, struct err *err)
{
	struct cgroups *cg = c->sb->rt->cg;
	int v2, v1[CGROUP_JOIN_MAX], fd, r;
	size_t n;

	r = cgroup_open_join(cg, c->cgroup_path, &v2, v1, &n);
	if (r < 0)
		return err_sys(err, -r, "cannot open control group %s: %s", c->cgroup_path,
			       strerror(-r));
	if (v2 >= 0)
		m->fd[POD_FD_CGROUP2] = (int16_t)plan_fd(p, v2);
	for (size_t i = 0; i < n; i++) {
		int at = plan_fd(p, v1[i]);
		plan_op(p, PLAN_CGROUP_JOIN)->fd = (int16_t)at;
	}
	fd = cgroup_open_kill(cg, c->cgroup_path);
	if (fd >= 0)
		m->fd[POD_FD_KILL] = (int16_t)plan_fd(p, fd);
	fd = cgroup_open_oom(cg, c->cgroup_path);
	if (fd >= 0)
		m->fd[POD_FD_OOM] = (int16_t)plan_fd(p, fd);
	return 0;
}

/* ---- which devices ---- */

#define RULES_MAX 256

static size_t device_rules(const struct container_spec *spec, struct device_rule rules[RULES_MAX])
{
	size_t n = 0;
	for (; n < n_device_defaults; n++)
		rules[n] = device_defaults[n];
	for (size_t i = 0; i < spec->n_devices && n < RULES_MAX; i++) {
		struct stat st;
		uint8_t access = device_access(spec->devices[i].access);
		if (stat(spec->devices[i].host_path, &st) < 0 || !access)
			continue; /* add_devices has complained */
		rules[n++] = (struct device_rule){S_ISBLK(st.st_mode) ? 'b' : 'c',
						  (int32_t)major(st.st_rdev),
						  (int32_t)minor(st.st_rdev), access};
	}
	return n;
}

static int limit_devices_v1(struct container *c, const struct device_rule *rules, size_t n,
			    struct err *err)
{
	char dir[1024], text[40];
	int r = cgroup_dir(c->sb->rt->cg, "devices", c->cgroup_path, dir, sizeof(dir));
	if (r < 0)
		return 0; /* no such controller: nothing to hold it with */
	r = cgroup_write(dir, "devices.deny", "a");
	for (size_t i = 0; i < n && r >= 0; i++) {
		device_v1_text(&rules[i], text);
		r = cgroup_write(dir, "devices.allow", text);
	}
	return r < 0 ? err_sys(err, -r, "cannot limit devices: %s", strerror(-r)) : 0;
}

/* The program of the usual rules is loaded once and attached many times. */
static int limit_devices(struct container *c, const struct container_spec *spec, int cgroup2,
			 struct err *err)
{
	struct device_rule rules[RULES_MAX];
	struct runtime *rt = c->sb->rt;
	size_t n;
	int r, program;

	if (spec->privileged)
		return 0;
	n = device_rules(spec, rules);
	if (cgroup2 < 0)
		return limit_devices_v1(c, rules, n, err);
	if (n > n_device_defaults || rt->device_program < 0) {
		program = device_program(rules, n, err);
		if (program < 0)
			return program;
	} else {
		program = rt->device_program;
	}
	r = device_attach(program, cgroup2, err);
	if (n == n_device_defaults)
		rt->device_program = program;
	else
		close(program);
	return r;
}

int compile_container(struct container *c, const struct container_spec *spec, struct plan *p,
		      struct pod_msg *m, struct err *err)
{
	CLEANUP_FREE struct user *u = NEW(struct user);
	int r;

	p->clone_flags = CLONE_NEWNS | (c->sb->pid_ns == RUNTIME_NS_CONTAINER ? CLONE_NEWPID : 0);
	r = add_cgroups(c, p, m, err);
	if (r >= 0)
		r = limit_devices(c, spec,
				  m->fd[POD_FD_CGROUP2] < 0 ? -1 : p->fds[m->fd[POD_FD_CGROUP2]],
				  err);
	if (r >= 0)
		r = add_root(c, spec, u, p, err);
	if (r >= 0)
		r = add_own_mounts(c, spec, p, err);
	if (r >= 0)
		r = add_cgroup_mounts(c, spec, p);
	if (r < 0)
		return err_sys(err, -r, "cannot prepare mounts: %s", strerror(-r));
	add_masks(spec, p);
	r = add_user_mounts(spec, p, err);
	if (r < 0)
		return r;
	if (spec->read_only_root)
		plan_add(p, PLAN_SETATTR, "/", NULL, K_MOUNT_ATTR_RDONLY);
	return add_process(c, spec, u, p, err);
}

static int exec_error(const char *argv0, int e, struct err *err)
{
	if (e == ENOENT && !strchr(argv0, '/'))
		return err_sys(err, e, "exec: \"%s\": executable file not found in $PATH", argv0);
	if (e == ENOENT)
		return err_sys(err, e, "exec: \"%s\": stat %s: no such file or directory", argv0,
			       argv0);
	if (e == EACCES)
		return err_sys(err, e, "exec: \"%s\": permission denied", argv0);
	if (e == ENOEXEC)
		return err_sys(err, e, "exec %s: exec format error", argv0);
	return err_sys(err, e, "exec: \"%s\": %s", argv0, strerror(e));
}

int compile_error(const struct plan_hdr *plan, const struct pod_msg *reply, struct err *err)
{
	const struct plan_op *op;
	const char *s1, *s2;
	int e = -reply->result;

	if (reply->op < 0 || reply->op >= plan->n_ops)
		return err_sys(err, e, "cannot start the process: %s", strerror(e));
	op = plan_ops(plan) + reply->op;
	s1 = plan_text(plan, op->s1);
	s2 = plan_text(plan, op->s2);
	switch (op->code) {
	case PLAN_EXEC:
		return exec_error((const char *)plan +
					  *(const uint64_t *)((const char *)plan + plan->argv_off),
				  e, err);
	case PLAN_MOUNT_FD:
		return err_sys(err, e, "cannot mount on %s: %s", s1,
			       e == EPERM ? "not allowed there" : strerror(e));
	case PLAN_MOUNT:
		return err_sys(err, e, "cannot mount %s on %s: %s", s1, s2, strerror(e));
	case PLAN_PIVOT:
		return err_sys(err, e, "cannot enter the root file system: %s", strerror(e));
	case PLAN_CHDIR:
		return err_sys(err, e, "cannot enter working directory \"%s\": %s", s1,
			       strerror(e));
	default:
		return err_sys(err, e, "cannot start the process: %s%s%s%s%s: %s",
			       plan_code_name(op->code), s1 ? " " : "", s1 ? s1 : "", s2 ? " " : "",
			       s2 ? s2 : "", strerror(e));
	}
}
