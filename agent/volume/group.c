/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/group.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
/*
 * Containers may write to the tree meanwhile, so nothing is done by a name that was looked at
 * before: each entry is opened as it is (O_PATH), and what is opened is looked at and changed.
 */
#define DIR_BITS (S_ISGID | 0770)
#define FILE_BITS 0660
#define DEPTH_MAX 256 /* each holds one descriptor */

struct walk {
	const struct group_walk *w;
	dev_t dev;
};

static int give_all(const struct walk *k, int dirfd, int depth);

static int change_mode(int fd, mode_t mode)
{
	char name[40];

	/* The file behind an O_PATH descriptor; a link is not one that gets here. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return chmod(name, mode) < 0 ? -errno : 0;
}

/* What it has already is not written again: the walk is done at every start of a pod. */
static int give_fd(const struct walk *k, int fd, const struct stat *st)
{
	mode_t mode = st->st_mode & 07777, bits = S_ISDIR(st->st_mode) ? DIR_BITS : FILE_BITS;
	bool given = st->st_gid == (gid_t)k->w->gid;

	if (!given && fchownat(fd, "", (uid_t)-1, (gid_t)k->w->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (S_ISLNK(st->st_mode) || (given && (mode & bits) == bits))
		return 0;
	return change_mode(fd, mode | bits);
}

static int give_one(const struct walk *k, int dirfd, const char *name, int depth)
{
	CLEANUP_FD int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r, sub;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* others write here too */
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_dev != k->dev)
		return 0;
	r = give_fd(k, fd, &st);
	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	sub = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sub < 0)
		return errno == ENOENT ? 0 : -errno;
	close(fd);
	fd = -1;
	return give_all(k, sub, depth + 1);
}

/* Ends dirfd. */
static int give_all(const struct walk *k, int dirfd, int depth)
{
	DIR *d = fdopendir(dirfd);
	struct dirent *e;
	int r = 0;

	if (!d) {
		r = -errno;
		close(dirfd);
		return r;
	}
	while (r == 0 && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (k->w->cancelled && atomic_load(k->w->cancelled))
			r = -ECANCELED;
		else if (depth >= DEPTH_MAX)
			r = -ENAMETOOLONG;
		else
			r = give_one(k, dirfd, e->d_name, depth);
	}
	closedir(d);
	return r;
}

int group_walk(const struct group_walk *w, struct err *err)
{
	CLEANUP_FD int fd = open(w->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk k = {.w = w};
	struct stat st;
	int r, sub;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read %s: %s", w->path, strerror(errno));
	if (w->on_root_mismatch && st.st_gid == (gid_t)w->gid &&
	    (st.st_mode & DIR_BITS) == DIR_BITS)
		return 0;
	k.dev = st.st_dev;
	sub = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = sub < 0 ? -errno : give_all(&k, sub, 0);
	/* The directory last: it says that all the rest has been done. */
	if (r == 0 && (fchown(fd, (uid_t)-1, (gid_t)w->gid) < 0 ||
		       fchmod(fd, (st.st_mode & 07777) | DIR_BITS) < 0))
		r = -errno;
	return r < 0 ? err_sys(err, -r, "cannot give %s to group %" PRId64 ": %s", w->path, w->gid,
			       strerror(-r))
		     : 0;
}
