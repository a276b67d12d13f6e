/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/volume/atomic_writer.h"

#include <dirent.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/sys/file.h"

#define DATA_LINK "..data"
#define DATA_TMP "..data_tmp"

void payload_done(struct payload *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].path);
		free(p->v[i].data);
	}
	free(p->v);
	*p = (struct payload){0};
}

static int path_check(struct str path)
{
	struct str rest = path, el;
	bool first = true;

	if (!path.len || path.len >= 4096 || memchr(path.p, 0, path.len))
		return -EINVAL;
	while (str_split(&rest, '/', &el)) {
		if (!el.len || el.len > 255 || str_eqs(el, ".") || str_eqs(el, ".."))
			return -EINVAL;
		/* Names beginning with ".." at the top are the writer's own. */
		if (first && str_starts(el, STR("..")))
			return -EINVAL;
		first = false;
	}
	return 0;
}

int payload_add(struct payload *p, struct str path, struct str data, mode_t mode, struct err *err)
{
	struct payload_file *f = NULL;
	int r = path_check(path);

	if (r < 0)
		return err_sys(err, -r, "invalid path in volume: \"%.*s\"", STR_ARG(path));
	if (data.len > PAYLOAD_MAX - p->bytes)
		return err_sys(err, E2BIG, "volume content is larger than %u bytes", PAYLOAD_MAX);
	for (size_t i = 0; i < p->n; i++)
		if (str_eqs(path, p->v[i].path))
			f = &p->v[i];
	if (f) {
		p->bytes -= f->len;
		free(f->data);
	} else {
		f = ARRAY_PUSH(p->v, p->n, p->cap);
		f->path = str_dup(path);
	}
	f->data = xmalloc(data.len + 1);
	if (data.len)
		memcpy(f->data, data.p, data.len);
	f->data[data.len] = 0;
	f->len = data.len;
	f->mode = mode & 0777;
	f->uid = -1;
	p->bytes += data.len;
	return 0;
}

static mode_t mode_of(const struct payload_file *f, int64_t gid)
{
	/* As SetVolumeOwnership does for read-only volumes: the group may read what the owner may.
	 */
	return gid >= 0 ? f->mode | ((f->mode & 0400) >> 3) : f->mode;
}

static bool file_same(int dirfd, const struct payload_file *f, int64_t gid)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct stat st;

	if (fstatat(dirfd, f->path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	if ((size_t)st.st_size != f->len || (st.st_mode & 0777) != mode_of(f, gid) ||
	    (gid >= 0 && st.st_gid != (gid_t)gid) || (f->uid >= 0 && st.st_uid != (uid_t)f->uid))
		return false;
	if (file_read(dirfd, f->path, PAYLOAD_MAX, &b) < 0)
		return false;
	return b.len == f->len && memcmp(b.p, f->data, f->len) == 0;
}

/* Regular files beneath a directory, or a negative errno. Depth is bounded by our own path check.
 */
static ssize_t count_files(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	ssize_t n = 0, sub = 0;

	if (!d) {
		sub = -errno;
		if (fd >= 0)
			close(fd);
		return sub;
	}
	for (struct dirent *e; sub >= 0 && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		sub = e->d_type == DT_DIR ? count_files(fd, e->d_name) : 1;
		n += sub;
	}
	closedir(d);
	return sub < 0 ? sub : n;
}

static bool payload_same(int dirfd, const struct payload *p, int64_t gid)
{
	CLEANUP_FD int fd = openat(dirfd, DATA_LINK, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || count_files(fd, ".") != (ssize_t)p->n)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (!file_same(fd, &p->v[i], gid))
			return false;
	return true;
}

static int make_parents(int dirfd, const char *path, int64_t gid)
{
	char sub[4096];

	for (const char *s = strchr(path, '/'); s; s = strchr(s + 1, '/')) {
		if (str_copy(sub, sizeof(sub), str_n(path, (size_t)(s - path))) < 0)
			return -ENAMETOOLONG;
		if (mkdirat(dirfd, sub, 0755) < 0 && errno != EEXIST)
			return -errno;
		if (gid >= 0 && fchownat(dirfd, sub, (uid_t)-1, (gid_t)gid, 0) < 0)
			return -errno;
	}
	return 0;
}

static int file_put(int dirfd, const struct payload_file *f, int64_t gid)
{
	CLEANUP_FD int fd = -1;
	int r = make_parents(dirfd, f->path, gid);

	if (r < 0)
		return r;
	fd = openat(dirfd, f->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, f->data, f->len);
	if (r < 0)
		return r;
	if ((gid >= 0 || f->uid >= 0) && fchown(fd, f->uid < 0 ? (uid_t)-1 : (uid_t)f->uid,
						gid < 0 ? (gid_t)-1 : (gid_t)gid) < 0)
		return -errno;
	/* After chown, which drops set-id bits, and against the umask. */
	return fchmod(fd, mode_of(f, gid)) < 0 ? -errno : 0;
}

/* The first path element: what stands as a link at the volume's top. */
static void top_name(const char *path, char ret[256])
{
	struct str s = str_of(path);
	ssize_t slash = str_chr(s, '/');

	str_copy(ret, 256, slash < 0 ? s : str_n(s.p, (size_t)slash));
}

static int link_names(int dirfd, const struct payload *p)
{
	char top[256], to[300], now[300];

	for (size_t i = 0; i < p->n; i++) {
		ssize_t n;

		top_name(p->v[i].path, top);
		snprintf(to, sizeof(to), DATA_LINK "/%s", top);
		n = readlinkat(dirfd, top, now, sizeof(now) - 1);
		if (n >= 0 && str_eqs(str_n(now, (size_t)n), to))
			continue;
		if (symlinkat(to, dirfd, top) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/* Drop links whose name is in no path of the payload, and versions other than `keep`. */
static void remove_stale(int dirfd, const struct payload *p, const char *keep)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		bool known = false;
		char top[256];

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    strcmp(e->d_name, DATA_LINK) == 0 || strcmp(e->d_name, keep) == 0)
			continue;
		if (strncmp(e->d_name, "..", 2) == 0) {
			dir_remove_tree(dirfd, e->d_name);
			continue;
		}
		for (size_t i = 0; i < p->n && !known; i++) {
			top_name(p->v[i].path, top);
			known = strcmp(top, e->d_name) == 0;
		}
		if (!known)
			unlinkat(dirfd, e->d_name, 0);
	}
	closedir(d);
}

static int write_version(int dirfd, const char *name, const struct payload *p, int64_t gid,
			 struct err *err)
{
	CLEANUP_FD int fd = -1;
	int r;

	if (mkdirat(dirfd, name, 0755) < 0)
		return err_sys(err, errno, "cannot make %s: %s", name, strerror(errno));
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(err, errno, "cannot open %s: %s", name, strerror(errno));
	if (fchmod(fd, 0755) < 0 || (gid >= 0 && fchown(fd, (uid_t)-1, (gid_t)gid) < 0))
		return err_sys(err, errno, "cannot set owner of %s: %s", name, strerror(errno));
	for (size_t i = 0; i < p->n; i++) {
		r = file_put(fd, &p->v[i], gid);
		if (r < 0)
			return err_sys(err, -r, "cannot write %s: %s", p->v[i].path, strerror(-r));
	}
	return 0;
}

int atomic_write(const char *dir, const struct payload *p, int64_t gid, int64_t now_ns,
		 struct err *err)
{
	CLEANUP_FD int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[64], stamp[NANOTIME_LEN + 1];
	int r;

	if (dirfd < 0)
		return err_sys(err, errno, "cannot open volume directory %s: %s", dir,
			       strerror(errno));
	if (payload_same(dirfd, p, gid))
		return 0;
	time_format_nano(now_ns, stamp);
	for (char *s = stamp; *s; s++)
		if (*s == '-' || *s == ':' || *s == 'T')
			*s = '_';
	stamp[NANOTIME_LEN - 1] = 0; /* the Z */
	snprintf(name, sizeof(name), "..%s", stamp);
	r = write_version(dirfd, name, p, gid, err);
	if (r < 0) {
		dir_remove_tree(dirfd, name);
		return r;
	}
	unlinkat(dirfd, DATA_TMP, 0);
	if (symlinkat(name, dirfd, DATA_TMP) < 0 ||
	    renameat(dirfd, DATA_TMP, dirfd, DATA_LINK) < 0) {
		r = err_sys(err, errno, "cannot switch %s/" DATA_LINK ": %s", dir, strerror(errno));
		dir_remove_tree(dirfd, name);
		return r;
	}
	r = link_names(dirfd, p);
	if (r < 0)
		return err_sys(err, -r, "cannot link the files of %s: %s", dir, strerror(-r));
	remove_stale(dirfd, p, name);
	return 1;
}
