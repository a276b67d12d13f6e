/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/claim.h"

#include <dirent.h>
#include <sys/stat.h>
/* Persistent volumes on the node itself: hostPath and local (pkg/volume/hostpath, local). */

int claim_host_path(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	CLEANUP_FREE char *path = jv_strdup(jv_get(source, "path"));
	int r;

	if (v->block)
		return err_sys(err, EOPNOTSUPP, "hostPath volumes have no block mode");
	r = host_path_check(path, jv_text(jv_get(source, "type")), err);
	if (r < 0)
		return r;
	free(v->path);
	v->path = TAKE(path);
	return 0;
}

int claim_local(struct volume *v, const struct claim *c, struct jv source, struct err *err)
{
	CLEANUP_FREE char *path = jv_strdup(jv_get(source, "path"));
	int64_t gid = volume_conf(v)->fs_group;
	struct stat st;
	int r = 0;

	if (!path || path[0] != '/')
		return err_sys(err, EINVAL, "local volume has no absolute path");
	if (stat(path, &st) < 0)
		return err_sys(err, errno == ENOENT ? ENODEV : errno, "path \"%s\" does not exist",
			       path);
	if (v->block && !S_ISBLK(st.st_mode))
		return err_sys(err, EINVAL, "path \"%s\" is not a block device", path);
	if (!v->block && !S_ISDIR(st.st_mode))
		return err_sys(err, EINVAL,
			       "path \"%s\" is not a directory: this node makes no file systems on "
			       "devices",
			       path);
	if (!v->block && gid >= 0 && !v->read_only)
		r = volume_give_to_group(path, gid, volume_conf(v)->fs_group_always, err);
	if (r < 0)
		return r;
	free(v->path);
	v->path = TAKE(path);
	return 0;
}

#define DIR_BITS (S_ISGID | 0770)
#define FILE_BITS 0660
#define DEPTH_MAX 128

static int give_all(int dirfd, dev_t dev, gid_t gid, int depth);

static int give_one(int dirfd, const char *name, dev_t dev, gid_t gid, int depth)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno; /* others write here too */
	if (st.st_dev != dev)
		return 0;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return fchownat(dirfd, name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0 &&
				       errno != ENOENT
			       ? -errno
			       : 0;
	fd = openat(dirfd, name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			    (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0));
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENOTDIR ? 0 : -errno;
	if (S_ISDIR(st.st_mode)) {
		int r = give_all(fd, dev, gid, depth + 1);

		if (r < 0)
			return r;
	}
	if (fchown(fd, (uid_t)-1, gid) < 0 ||
	    fchmod(fd, (st.st_mode & 07777) | (S_ISDIR(st.st_mode) ? DIR_BITS : FILE_BITS)) < 0)
		return -errno;
	return 0;
}

static int give_all(int dirfd, dev_t dev, gid_t gid, int depth)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d)
		return -errno;
	while (r == 0 && (e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			r = depth < DEPTH_MAX ? give_one(dirfd, e->d_name, dev, gid, depth)
					      : -ELOOP;
	closedir(d);
	return r;
}

int volume_give_to_group(const char *path, int64_t gid, bool always, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read %s: %s", path, strerror(errno));
	if (!always && st.st_gid == (gid_t)gid && (st.st_mode & DIR_BITS) == DIR_BITS)
		return 0;
	r = give_all(fd, st.st_dev, (gid_t)gid, 0);
	/* The directory last: it says that all the rest has been done. */
	if (r == 0 && (fchown(fd, (uid_t)-1, (gid_t)gid) < 0 ||
		       fchmod(fd, (st.st_mode & 07777) | DIR_BITS) < 0))
		r = -errno;
	return r < 0 ? err_sys(err, -r, "cannot give %s to group %" PRId64 ": %s", path, gid,
			       strerror(-r))
		     : 0;
}
