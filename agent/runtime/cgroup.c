/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/cgroup_impl.h"

#include "lib/base/buf.h"
#include "lib/sys/file.h"
#include "lib/sys/memory.h"

#include <dirent.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define CGROUP2_MAGIC 0x63677270
#define PATH_BUF 1024

static const char *const v1_wanted[] = {"cpu", "cpuacct", "memory", "pids", "devices"};

int cgroup_errno(int ecg)
{
	switch (ecg) {
	case 0:
		return 0;
	case ECGROUPNOTEXIST:
	case ECGROUPNOTMOUNTED:
		return -ENOENT;
	case ECGROUPNOTALLOWED:
	case ECGROUPNOTOWNER:
		return -EPERM;
	case ECGNONEMPTY:
		return -EBUSY;
	case ECGOTHER:
		return cgroup_get_last_errno() ? -cgroup_get_last_errno() : -EIO;
	default:
		return -EIO;
	}
}

struct cgroup_controller *cgroup_want(struct cgroup *g, const char *controller)
{
	struct cgroup_controller *c = cgroup_get_controller(g, controller);
	return c ? c : cgroup_add_controller(g, controller);
}

int cgroup_read_u64(const char *dir, const char *file, const char *key, uint64_t *ret)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	char path[PATH_BUF];
	struct str rest, line;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	r = file_read(AT_FDCWD, path, 64 << 10, &b);
	if (r < 0)
		return r;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line)) {
		if (!key) {
			if (str_eqs(line, "max")) {
				*ret = 0;
				return 0;
			}
			return str_to_u64(str_trim(line), ret);
		}
		if (str_starts(line, str_of(key)) && line.len > strlen(key) &&
		    line.p[strlen(key)] == ' ')
			return str_to_u64(str_trim(str_skip(line, strlen(key) + 1)), ret);
	}
	return -ENOENT;
}

static bool is_v2(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_MAGIC;
}

static void find_v1(struct cgroups *cg, const char *mount)
{
	for (size_t i = 0; i < ARRAY_SIZE(v1_wanted); i++) {
		struct cgroup_tree *t = &cg->tree[cg->n_trees];
		char *at = NULL;
		if (cgroup_get_subsys_mount_point(v1_wanted[i], &at) != 0)
			continue;
		if (!str_starts(str_of(at), str_of(mount)) || is_v2(at)) {
			free(at);
			continue;
		}
		t->controller = v1_wanted[i];
		t->mount = at;
		for (size_t k = 0; k < cg->n_trees; k++)
			t->shared |= strcmp(cg->tree[k].mount, at) == 0;
		cg->n_trees++;
	}
}

int cgroups_open(const char *mount, const char *root, struct cgroups **ret, struct err *err)
{
	struct cgroups *cg;
	char unified[PATH_BUF];
	int r = cgroup_init();

	memory_drop_zeros("libcgroup.so"); /* it clears a table of 2.4 MB */
	if (r)
		return err_sys(err, ENODEV, "cannot use control groups: %s (is %s mounted?)",
			       cgroup_strerror(r), mount);
	cg = NEW(struct cgroups);
	cg->root = xstrdup(root);
	snprintf(unified, sizeof(unified), "%s/unified", mount);
	if (is_v2(mount)) {
		cg->v2 = xstrdup(mount);
		cg->layout = &cgroup_layout_v2;
	} else {
		find_v1(cg, mount);
		cg->layout = &cgroup_layout_v1;
		if (is_v2(unified)) {
			cg->v2 = xstrdup(unified);
			cg->layout = &cgroup_layout_hybrid;
		}
	}
	if (cg->v2)
		cg->v2_root = xasprintf("%s/%s", cg->v2, root);
	if (!cg->v2 && cg->n_trees == 0) {
		cgroups_close(cg);
		return err_sys(err, ENODEV, "no control group hierarchy is mounted at %s", mount);
	}
	r = cgroup_apply(cg, "", NULL, err);
	if (r < 0) {
		cgroups_close(cg);
		return r;
	}
	*ret = cg;
	return 0;
}

struct cgroups *cgroups_close(struct cgroups *cg)
{
	if (!cg)
		return NULL;
	for (size_t i = 0; i < cg->n_trees; i++)
		free(cg->tree[i].mount);
	free(cg->root);
	free(cg->v2);
	free(cg->v2_root);
	free(cg);
	return NULL;
}

const char *cgroups_version(const struct cgroups *cg)
{
	return cg->layout->version;
}

const char *cgroups_v2_root(const struct cgroups *cg)
{
	return cg->v2_root;
}

static void join_path(const struct cgroups *cg, const char *mount, const char *path, char *ret,
		      size_t size)
{
	snprintf(ret, size, "%s%s%s%s%s", mount, *mount ? "/" : "", cg->root, *path ? "/" : "",
		 path);
}

int cgroup_dir(const struct cgroups *cg, const char *controller, const char *path, char *ret,
	       size_t size)
{
	if (cg->v2 && (!controller || cg->layout == &cgroup_layout_v2)) {
		join_path(cg, cg->v2, path, ret, size);
		return 0;
	}
	for (size_t i = 0; controller && i < cg->n_trees; i++)
		if (strcmp(cg->tree[i].controller, controller) == 0) {
			join_path(cg, cg->tree[i].mount, path, ret, size);
			return 0;
		}
	return -ENOENT;
}

/* The v2 tree of a hybrid host has no controllers, and libcgroup makes no group without one. */
static int make_tracking(struct cgroups *cg, const char *path)
{
	char dir[PATH_BUF];
	join_path(cg, cg->v2, path, dir, sizeof(dir));
	return dir_make(dir, 0755);
}

int cgroup_apply(struct cgroups *cg, const char *path, const struct runtime_resources *res,
		 struct err *err)
{
	static const struct runtime_resources none;
	char name[PATH_BUF];
	struct cgroup *g;
	int r = 0;

	join_path(cg, "", path, name, sizeof(name));
	if (cg->layout == &cgroup_layout_hybrid)
		r = make_tracking(cg, path);
	if (r < 0)
		return err_sys(err, -r, "cannot make control group %s: %s", name, strerror(-r));
	g = cgroup_new_cgroup(name);
	if (!g)
		return err_sys(err, ENOMEM, "control group %s: out of memory", name);
	r = cg->layout->fill(cg, g, res ? res : &none);
	if (r >= 0)
		r = cgroup_errno(cgroup_create_cgroup(g, 0));
	cgroup_free(&g);
	if (r < 0)
		return err_sys(err, -r, "cannot set up control group %s: %s", name, strerror(-r));
	return 0;
}

int cgroup_open_leaf(struct cgroups *cg, const char *path)
{
	char dir[PATH_BUF];
	int fd, r;
	if (!cg->v2)
		return -ENOENT;
	r = make_tracking(cg, path);
	if (r < 0)
		return r;
	join_path(cg, cg->v2, path, dir, sizeof(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int remove_dir(const char *dir)
{
	return rmdir(dir) == 0 || errno == ENOENT ? 0 : -errno;
}

int cgroup_remove(struct cgroups *cg, const char *path)
{
	char dir[PATH_BUF], name[PATH_BUF];
	struct cgroup *g;
	int r, ret = 0;

	if (cg->n_trees > 0) {
		join_path(cg, "", path, name, sizeof(name));
		g = cgroup_new_cgroup(name);
		for (size_t i = 0; g && i < cg->n_trees; i++)
			cgroup_add_controller(g, cg->tree[i].controller);
		if (g)
			cgroup_delete_cgroup_ext(g, CGFLAG_DELETE_EMPTY_ONLY);
		cgroup_free(&g);
	}
	/* Its result is not to be trusted (a false ENOENT in v2): look ourselves. */
	for (size_t i = 0; i < cg->n_trees; i++) {
		join_path(cg, cg->tree[i].mount, path, dir, sizeof(dir));
		r = remove_dir(dir);
		ret = r < 0 ? r : ret;
	}
	if (cg->v2) {
		join_path(cg, cg->v2, path, dir, sizeof(dir));
		r = remove_dir(dir);
		ret = r < 0 ? r : ret;
	}
	return ret;
}

static void remove_beneath(const char *dir, int depth)
{
	DIR *d = depth > 0 ? opendir(dir) : NULL;
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char sub[PATH_BUF];
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    (size_t)snprintf(sub, sizeof(sub), "%s/%s", dir, e->d_name) >= sizeof(sub))
			continue;
		remove_beneath(sub, depth - 1);
		rmdir(sub);
	}
	if (d)
		closedir(d);
}

int cgroup_remove_all(struct cgroups *cg, const char *path)
{
	char dir[PATH_BUF];
	int r = *path ? cgroup_remove(cg, path) : -EINVAL;
	if (r != -EBUSY)
		return r;
	for (size_t i = 0; i < cg->n_trees; i++) {
		join_path(cg, cg->tree[i].mount, path, dir, sizeof(dir));
		remove_beneath(dir, 8);
	}
	if (cg->v2) {
		join_path(cg, cg->v2, path, dir, sizeof(dir));
		remove_beneath(dir, 8);
	}
	return cgroup_remove(cg, path);
}

/* Without cgroup.kill: until nobody is left, but not for ever (forks go on while we read). */
static int kill_v1(struct cgroups *cg, const char *path)
{
	char file[PATH_BUF], dir[PATH_BUF - 64];
	if (cgroup_dir(cg, "pids", path, dir, sizeof(dir)) < 0 &&
	    cgroup_dir(cg, "memory", path, dir, sizeof(dir)) < 0)
		return -ENOENT;
	snprintf(file, sizeof(file), "%s/cgroup.procs", dir);
	for (int round = 0; round < 100; round++) {
		CLEANUP(buf_done) struct buf b = BUF_INIT;
		struct str rest, line;
		uint64_t pid;
		int n = 0, r = file_read(AT_FDCWD, file, 1 << 20, &b);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		rest = buf_str(&b);
		while (str_split(&rest, '\n', &line))
			if (str_to_u64(line, &pid) == 0 && pid > 0) {
				kill((pid_t)pid, SIGKILL);
				n++;
			}
		if (n == 0)
			return 0;
		usleep(1000);
	}
	return -EBUSY;
}

int cgroup_kill(struct cgroups *cg, const char *path)
{
	int r, fd = cgroup_open_kill(cg, path);
	if (fd < 0)
		return cg->v2 && fd == -ENOENT ? 0 : kill_v1(cg, path);
	r = write(fd, "1", 1) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int open_in(const struct cgroups *cg, const char *controller, const char *path,
		   const char *file, int flags)
{
	char full[PATH_BUF], dir[PATH_BUF - 64];
	int fd, r = cgroup_dir(cg, controller, path, dir, sizeof(dir));
	if (r < 0)
		return r;
	snprintf(full, sizeof(full), "%s/%s", dir, file);
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_open_join(struct cgroups *cg, const char *path, int *ret_v2, int ret_v1[CGROUP_JOIN_MAX],
		     size_t *ret_n)
{
	char dir[PATH_BUF];
	int r = 0;
	*ret_v2 = -1;
	*ret_n = 0;
	if (cg->v2) {
		join_path(cg, cg->v2, path, dir, sizeof(dir));
		*ret_v2 = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = *ret_v2 < 0 ? -errno : 0;
	}
	for (size_t i = 0; r >= 0 && i < cg->n_trees; i++) {
		if (cg->tree[i].shared)
			continue;
		/* "tasks", not "cgroup.procs": a thread that moves itself needs not the lock over
		 * all thread groups, whose writer waits for RCU (10 ms and more). Who joins here is
		 * a process of one thread. */
		r = open_in(cg, cg->tree[i].controller, path, "tasks", O_WRONLY);
		if (r >= 0)
			ret_v1[(*ret_n)++] = r;
	}
	if (r < 0) {
		while (*ret_n > 0)
			close(ret_v1[--*ret_n]);
		if (*ret_v2 >= 0)
			close(*ret_v2);
		*ret_v2 = -1;
	}
	return r < 0 ? r : 0;
}

int cgroup_open_kill(struct cgroups *cg, const char *path)
{
	return cg->v2 ? open_in(cg, NULL, path, "cgroup.kill", O_WRONLY) : -EOPNOTSUPP;
}

int cgroup_open_oom(struct cgroups *cg, const char *path)
{
	return open_in(cg, "memory", path,
		       cg->layout == &cgroup_layout_v2 ? "memory.events" : "memory.oom_control",
		       O_RDONLY);
}

int cgroup_write(const char *dir, const char *file, const char *value)
{
	char path[PATH_BUF];
	int r, fd;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write(fd, value, strlen(value)) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int cgroup_stats(struct cgroups *cg, const char *path, struct runtime_stats *ret)
{
	struct timespec ts;
	*ret = (struct runtime_stats){0};
	clock_gettime(CLOCK_REALTIME, &ts);
	ret->at_ns = (int64_t)ts.tv_sec * (int64_t)NSEC_PER_SEC + ts.tv_nsec;
	return cg->layout->stats(cg, path, ret);
}
