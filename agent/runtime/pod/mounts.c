/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mounting operations of a plan. After PLAN_PIVOT "/" is the container's root and nothing of
 * the host can be reached by any path, so links in an image lead nowhere outside. What remains is
 * an image that wants our own mounts (/proc, /sys, /dev) in another place: those paths may hold no
 * link at all; and volumes over parts of /proc: refused.
 */
#include "agent/runtime/pod/pod.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

/* An empty directory and /dev/null to hide things behind; opened by op_pivot. */
static int empty_dir = -1;

int make_dirs(const char *path, mode_t mode)
{
	char part[4096];
	size_t len = strlen(path);
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != 0)
			continue;
		part[i] = 0;
		if (mkdir(part, mode) < 0 && errno != EEXIST && errno != EROFS)
			return -errno;
		if (i < len)
			part[i] = '/';
	}
	return 0;
}

static int make_file(const char *path)
{
	char dir[4096];
	size_t len = strlen(path);
	int fd, r;
	while (len > 1 && path[len - 1] != '/')
		len--;
	if (len >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, len);
	dir[len] = 0;
	r = len > 1 ? make_dirs(dir, 0755) : 0;
	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno == EEXIST || errno == EROFS ? 0 : -errno;
	close(fd);
	return 0;
}

/* O_PATH descriptor of a mount point, made when missing. */
static int open_target(const char *path, unsigned int how)
{
	uint64_t resolve =
		how == PLAN_TARGET_AS_IS ? K_RESOLVE_NO_SYMLINKS : K_RESOLVE_NO_MAGICLINKS;
	struct statfs fs;
	int fd = k_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0, resolve);
	if (fd == -ENOENT) {
		int r = how == PLAN_TARGET_FILE ? make_file(path) : make_dirs(path, 0755);
		if (r < 0)
			return r;
		fd = k_openat2(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0, resolve);
	}
	if (fd < 0 || how == PLAN_TARGET_AS_IS)
		return fd;
	if (fstatfs(fd, &fs) < 0 || fs.f_type == K_PROC_SUPER_MAGIC) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

/* Put a detached mount on a path; the mount's descriptor stays the caller's. */
static int put(int mount_fd, const char *path, unsigned int how)
{
	int r, fd = open_target(path, how);
	if (fd < 0)
		return fd;
	r = k_move_mount(mount_fd, "", fd, "",
			 K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH);
	close(fd);
	return r;
}

int op_mount_fd(const struct child *c, const struct plan_op *op)
{
	return put(c->fds[op->fd], plan_s(c->plan, op->s1), (unsigned int)op->b);
}

int op_pivot(const struct child *c, const struct plan_op *op)
{
	int fd;
	if (chdir(plan_s(c->plan, op->s1)) < 0)
		return -errno;
	if (mkdir("proc", 0555) < 0 && errno != EEXIST)
		return -errno;
	fd = k_openat2(AT_FDCWD, "proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
		       K_RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	close(fd);
	if (syscall(SYS_pivot_root, ".", "proc") < 0 || chdir("/") < 0)
		return -errno;
	empty_dir = open("/proc/empty", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return empty_dir < 0 ? -errno : 0;
}

/* "a=b,c" as fsconfig calls. */
static int set_options(int fs, const char *options)
{
	char one[512];
	while (options && *options) {
		size_t len = strcspn(options, ",");
		char *value;
		int r;
		if (len >= sizeof(one))
			return -E2BIG;
		memcpy(one, options, len);
		one[len] = 0;
		value = strchr(one, '=');
		if (value)
			*value++ = 0;
		r = k_fsconfig(fs, value ? K_FSCONFIG_SET_STRING : K_FSCONFIG_SET_FLAG, one, value);
		if (r < 0)
			return r;
		options += len + (options[len] == ',');
	}
	return 0;
}

int op_mount(const struct child *c, const struct plan_op *op)
{
	int r, mnt, fs = k_fsopen(plan_s(c->plan, op->s1));
	if (fs < 0)
		return fs;
	r = set_options(fs, plan_s(c->plan, op->s3));
	if (r >= 0)
		r = k_fsconfig(fs, K_FSCONFIG_CMD_CREATE, NULL, NULL);
	mnt = r < 0 ? r : k_fsmount(fs, (unsigned int)op->a);
	close(fs);
	if (mnt < 0)
		return mnt;
	r = put(mnt, plan_s(c->plan, op->s2), (unsigned int)op->b);
	close(mnt);
	return r;
}

/* A private, detached copy of what is at `from` with attributes added. */
static int copy_mount(int dirfd, const char *from, uint64_t attr, unsigned int recursive)
{
	struct k_mount_attr a = {.attr_set = attr, .propagation = MS_PRIVATE};
	int r, fd = k_open_tree(dirfd, from,
				K_OPEN_TREE_CLONE | O_CLOEXEC | AT_SYMLINK_NOFOLLOW | recursive |
					(*from ? 0 : K_AT_EMPTY_PATH));
	if (fd < 0)
		return fd;
	r = k_mount_setattr(fd, "", K_AT_EMPTY_PATH | recursive, &a);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int op_bind(const struct child *c, const struct plan_op *op)
{
	int r, fd = copy_mount(AT_FDCWD, plan_s(c->plan, op->s1), op->a, 0);
	if (fd == -ENOENT && op->b)
		return 0;
	if (fd < 0)
		return fd;
	r = put(fd, plan_s(c->plan, op->s2), PLAN_TARGET_AS_IS);
	close(fd);
	return r;
}

int op_mkdir(const struct child *c, const struct plan_op *op)
{
	if (mkdir(plan_s(c->plan, op->s1), (mode_t)op->a) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

int op_mknod(const struct child *c, const struct plan_op *op)
{
	const char *path = plan_s(c->plan, op->s1);
	if (mknod(path, (mode_t)op->a, (dev_t)op->b) == 0)
		return 0;
	if (errno == ENOENT) {
		char dir[512];
		size_t len = strlen(path);
		while (len > 1 && path[len - 1] != '/')
			len--;
		if (len >= sizeof(dir))
			return -ENAMETOOLONG;
		memcpy(dir, path, len);
		dir[len - 1] = 0;
		if (make_dirs(dir, 0755) == 0 && mknod(path, (mode_t)op->a, (dev_t)op->b) == 0)
			return 0;
	}
	return errno == EEXIST ? 0 : -errno;
}

int op_symlink(const struct child *c, const struct plan_op *op)
{
	if (symlink(plan_s(c->plan, op->s1), plan_s(c->plan, op->s2)) < 0)
		return errno == EEXIST ? 0 : -errno;
	return 0;
}

int op_setattr(const struct child *c, const struct plan_op *op)
{
	struct k_mount_attr a = {.attr_set = op->a};
	return k_mount_setattr(AT_FDCWD, plan_s(c->plan, op->s1), 0, &a);
}

/* Is this really the null device, and not what an image has put there? */
static int open_null(void)
{
	struct stat st;
	int fd = k_openat2(AT_FDCWD, "/dev/null", O_PATH | O_CLOEXEC, 0, K_RESOLVE_NO_SYMLINKS);
	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))) {
		close(fd);
		return -ENODEV;
	}
	return fd;
}

int op_mask(const struct child *c, const struct plan_op *op)
{
	const uint64_t attr = K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NOEXEC;
	struct stat st;
	int r, null = -1, mnt,
	       fd = k_openat2(AT_FDCWD, plan_s(c->plan, op->s1), O_PATH | O_CLOEXEC, 0,
			      K_RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		mnt = copy_mount(empty_dir, "", attr | K_MOUNT_ATTR_NODEV, 0);
	} else {
		null = open_null();
		mnt = null < 0 ? null : copy_mount(null, "", attr, 0);
	}
	r = mnt < 0 ? mnt
		    : k_move_mount(mnt, "", fd, "",
				   K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH);
	pod_close(&null);
	pod_close(&mnt);
	close(fd);
	return r;
}

int op_readonly(const struct child *c, const struct plan_op *op)
{
	int r, mnt,
		fd = k_openat2(AT_FDCWD, plan_s(c->plan, op->s1), O_PATH | O_CLOEXEC, 0,
			       K_RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	mnt = copy_mount(fd, "",
			 K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV |
				 K_MOUNT_ATTR_NOEXEC,
			 K_AT_RECURSIVE);
	r = mnt < 0 ? mnt
		    : k_move_mount(mnt, "", fd, "",
				   K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH);
	pod_close(&mnt);
	close(fd);
	return r;
}
