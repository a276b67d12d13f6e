/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers are read by libarchive and written here: every name is cleaned lexically, every folder on
 * the way is opened with openat2(RESOLVE_IN_ROOT), and the last component is made with an *at()
 * call that follows nothing. So neither "..", nor a link a layer planted before, leads outside.
 */
#include "agent/image/helper/helper.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define ENTRIES_MAX 2000000

/* A folder whose times and mode are set when everything in it is written. */
struct late_dir {
	char *path;
	mode_t mode;
	struct timespec mtime;
};

struct unpack {
	struct helper *h;
	int root;
	bool layer;
	struct archive *in;
	struct late_dir *dirs;
	size_t n_dirs, cap_dirs;
	struct err *err;
};

/* Outer archive (decompression) feeding the inner one (tar), hashing what passes. */
struct pipe {
	struct archive *raw;
	struct hash hash;
	char block[64 * 1024];
};

static int open_in(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));
}

/*
 * "./a//b/../c" -> "a/c"; ".." never climbs above the root. "" is the root itself. Returned text
 * is the caller's.
 */
static char *clean(const char *path)
{
	struct buf out = BUF_INIT;
	struct str rest = str_of(path), part;

	while (str_split(&rest, '/', &part)) {
		if (!part.len || str_eqs(part, "."))
			continue;
		if (str_eqs(part, "..")) {
			ssize_t at = str_rchr(buf_str(&out), '/');

			buf_setlen(&out, at < 0 ? 0 : (size_t)at);
			continue;
		}
		if (out.len)
			buf_addc(&out, '/');
		buf_addstr(&out, part);
	}
	return buf_take(&out);
}

/* Opens the folder `path`, making what is missing of it. */
static int open_dir_making(int root, const char *path)
{
	int fd = open_in(root, path, O_PATH | O_DIRECTORY);
	const char *slash;
	CLEANUP_FREE char *up = NULL;
	int parent;

	if (fd >= 0 || errno != ENOENT || !*path)
		return fd < 0 ? -errno : fd;
	slash = strrchr(path, '/');
	up = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");
	parent = open_dir_making(root, up);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, slash ? slash + 1 : path, 0755) < 0 && errno != EEXIST) {
		fd = -errno;
		close(parent);
		return fd;
	}
	close(parent);
	fd = open_in(root, path, O_PATH | O_DIRECTORY);
	return fd < 0 ? -errno : fd;
}

/* Splits a cleaned path and opens its folder. */
static int open_parent(int root, const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');
	CLEANUP_FREE char *up = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup("");

	*base = slash ? slash + 1 : path;
	return open_dir_making(root, up);
}

static int bad(struct unpack *u, const char *path, int r, const char *what)
{
	return err_sys(u->err, r, "%s: %s: %s", path, what, strerror(r < 0 ? -r : r));
}

/* The last component must be free; what an earlier entry put there goes. */
static int make_room(struct unpack *u, int parent, const char *base)
{
	return dir_remove_tree(parent, base);
}

static int write_data(struct unpack *u, int fd, const char *path)
{
	const void *p;
	size_t n;
	la_int64_t off;
	int r;

	while ((r = archive_read_data_block(u->in, &p, &n, &off)) != ARCHIVE_EOF) {
		/* ARCHIVE_WARN is fine: a name that this locale can't show. */
		if (r < ARCHIVE_WARN)
			return err_sys(u->err, EBADMSG, "%s: %s", path,
				       archive_error_string(u->in));
		u->h->bytes += n;
		if (u->h->max_bytes && u->h->bytes > u->h->max_bytes)
			return err_sys(u->err, EFBIG,
				       "the image is larger than %" PRIu64 " bytes unpacked",
				       u->h->max_bytes);
		while (n) {
			ssize_t w = pwrite(fd, p, n, off);

			if (w < 0 && errno != EINTR)
				return bad(u, path, errno, "cannot write");
			if (w > 0) {
				p = (const char *)p + w;
				n -= (size_t)w;
				off += w;
			}
		}
		helper_progress(u->h, false);
	}
	return 0;
}

static void set_xattrs(struct archive_entry *e, int parent, const char *base)
{
	const char *name;
	const void *value;
	size_t size;
	int fd;

	if (!archive_entry_xattr_reset(e))
		return;
	fd = openat(parent, base, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	/* Of foreign xattrs those that mean the same here; overlayfs's own never come from outside.
	 */
	while (archive_entry_xattr_next(e, &name, &value, &size) == ARCHIVE_OK)
		if (name &&
		    (strcmp(name, "security.capability") == 0 || strncmp(name, "user.", 5) == 0))
			fsetxattr(fd, name, value, size, 0);
	close(fd);
}

static struct timespec mtime_of(struct archive_entry *e)
{
	return (struct timespec){archive_entry_mtime(e), archive_entry_mtime_nsec(e)};
}

/* Owner, mode, xattrs, times: in this order, as chown clears set-id bits and file capabilities. */
static int set_metadata(struct unpack *u, struct archive_entry *e, int parent, const char *base,
			const char *path)
{
	struct timespec t[2] = {mtime_of(e), mtime_of(e)};
	mode_t mode = archive_entry_mode(e) & 07777;
	bool link = archive_entry_filetype(e) == AE_IFLNK;

	if (fchownat(parent, base, (uid_t)archive_entry_uid(e), (gid_t)archive_entry_gid(e),
		     AT_SYMLINK_NOFOLLOW) < 0)
		return bad(u, path, errno, "cannot set the owner");
	if (!link && fchmodat(parent, base, mode, 0) < 0)
		return bad(u, path, errno, "cannot set the mode");
	if (!link)
		set_xattrs(e, parent, base);
	utimensat(parent, base, t, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int put_dir(struct unpack *u, struct archive_entry *e, int parent, const char *base,
		   const char *path)
{
	struct stat st;
	struct late_dir *d;

	if (fstatat(parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
		int r = make_room(u, parent, base);

		if (r < 0)
			return bad(u, path, r, "cannot replace");
	}
	if (mkdirat(parent, base, 0700) < 0 && errno != EEXIST)
		return bad(u, path, errno, "cannot make the folder");
	d = ARRAY_PUSH(u->dirs, u->n_dirs, u->cap_dirs);
	*d = (struct late_dir){xstrdup(path), archive_entry_mode(e) & 07777, mtime_of(e)};
	return set_metadata(u, e, parent, base, path);
}

static int put_file(struct unpack *u, struct archive_entry *e, int parent, const char *base,
		    const char *path)
{
	CLEANUP_FD int fd =
		openat(parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return bad(u, path, errno, "cannot make the file");
	r = write_data(u, fd, path);
	/* A sparse end. */
	if (!r && archive_entry_size_is_set(e) && archive_entry_size(e) > 0) {
		struct stat st;

		if (fstat(fd, &st) == 0 && st.st_size < archive_entry_size(e) &&
		    ftruncate(fd, archive_entry_size(e)) < 0)
			r = bad(u, path, errno, "cannot set the size");
	}
	return r;
}

static int put_hardlink(struct unpack *u, const char *target, int parent, const char *base,
			const char *path)
{
	CLEANUP_FREE char *to = clean(target);
	const char *to_base;
	CLEANUP_FD int to_parent = open_parent(u->root, to, &to_base);
	struct stat st;

	if (to_parent < 0 || !*to || fstatat(to_parent, to_base, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode))
		return err_sys(u->err, EBADMSG,
			       "%s: hard link to %s, which is no file of this layer", path, target);
	if (linkat(to_parent, to_base, parent, base, 0) < 0)
		return bad(u, path, errno, "cannot link");
	return 0;
}

/* 1 when the entry was a whiteout and is dealt with. */
static int put_whiteout(struct unpack *u, int parent, const char *base, const char *path)
{
	int r, fd;

	if (strncmp(base, ".wh.", 4) != 0)
		return 0;
	if (strcmp(base, ".wh..wh..opq") == 0) {
		CLEANUP_FREE char *up = clean(path);
		char *slash = strrchr(up, '/');

		*(slash ? slash : up) = 0;
		fd = open_in(u->root, up, O_RDONLY | O_DIRECTORY);
		if (fd < 0 || fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) < 0) {
			r = bad(u, path, errno, "cannot make the folder opaque");
			if (fd >= 0)
				close(fd);
			return r;
		}
		close(fd);
		return 1;
	}
	if (strncmp(base, ".wh..wh.", 8) == 0)
		return 1; /* aufs's own bookkeeping */
	if (!base[4])
		return err_sys(u->err, EBADMSG, "%s: a whiteout without a name", path);
	r = make_room(u, parent, base + 4);
	if (r < 0)
		return bad(u, path, r, "cannot replace");
	if (mknodat(parent, base + 4, S_IFCHR | 0600, makedev(0, 0)) < 0)
		return bad(u, path, errno, "cannot make the whiteout");
	return 1;
}

static int put_entry(struct unpack *u, struct archive_entry *e)
{
	const char *raw = archive_entry_pathname(e), *base, *target = archive_entry_hardlink(e);
	CLEANUP_FREE char *path = clean(raw ? raw : "");
	CLEANUP_FD int parent = -1;
	mode_t type = archive_entry_filetype(e);
	int r;

	if (!*path) /* the root itself: its mode and owner */
		return type == AE_IFDIR ? set_metadata(u, e, u->root, ".", "/") : 0;
	parent = open_parent(u->root, path, &base);
	if (parent < 0)
		return bad(u, path, parent, "cannot open its folder");
	r = u->layer ? put_whiteout(u, parent, base, path) : 0;
	if (r)
		return r < 0 ? r : 0;
	if (type == AE_IFDIR && !target)
		return put_dir(u, e, parent, base, path);
	r = make_room(u, parent, base);
	if (r < 0)
		return bad(u, path, r, "cannot replace");
	if (target)
		return put_hardlink(u, target, parent, base, path);
	if (type == AE_IFREG)
		r = put_file(u, e, parent, base, path);
	else if (type == AE_IFLNK)
		r = symlinkat(archive_entry_symlink(e), parent, base) < 0
			    ? bad(u, path, errno, "cannot make the link")
			    : 0;
	else if (type == AE_IFIFO)
		r = mknodat(parent, base, S_IFIFO | 0600, 0) < 0
			    ? bad(u, path, errno, "cannot make the pipe")
			    : 0;
	else
		return 0; /* devices and sockets: a container gets its own /dev */
	return r < 0 ? r : set_metadata(u, e, parent, base, path);
}

/* In reverse order, so that a folder's time is not changed by what is done inside it. */
static void finish_dirs(struct unpack *u)
{
	for (size_t i = u->n_dirs; i-- > 0;) {
		struct late_dir *d = &u->dirs[i];
		struct timespec t[2] = {d->mtime, d->mtime};
		const char *base;
		int parent = open_parent(u->root, d->path, &base);

		if (parent >= 0) {
			utimensat(parent, base, t, AT_SYMLINK_NOFOLLOW);
			close(parent);
		}
		free(d->path);
	}
	free(u->dirs);
}

static la_ssize_t pipe_read(struct archive *a, void *user, const void **p)
{
	struct pipe *pp = user;
	la_ssize_t n = archive_read_data(pp->raw, pp->block, sizeof(pp->block));

	if (n < 0) {
		archive_set_error(a, EBADMSG, "%s", archive_error_string(pp->raw));
		return -1;
	}
	hash_add(&pp->hash, pp->block, (size_t)n);
	*p = pp->block;
	return n;
}

static int read_entries(struct unpack *u)
{
	struct archive_entry *e;
	size_t entries = 0;
	int r, s;

	while ((r = archive_read_next_header(u->in, &e)) != ARCHIVE_EOF) {
		if (r < ARCHIVE_WARN)
			return err_sys(u->err, EBADMSG, "not a usable tar: %s",
				       archive_error_string(u->in));
		if (++entries > ENTRIES_MAX)
			return err_sys(u->err, EFBIG, "more than %d files", ENTRIES_MAX);
		s = put_entry(u, e);
		if (s < 0)
			return s;
	}
	return 0;
}

/*
 * The raw side: the compressions images have. Not all that libarchive knows, as for some it starts
 * a program.
 */
static int open_raw(struct pipe *p, int fd, struct err *err)
{
	struct archive_entry *e;

	p->raw = archive_read_new();
	archive_read_support_filter_gzip(p->raw);
	archive_read_support_filter_zstd(p->raw);
	archive_read_support_filter_bzip2(p->raw);
	archive_read_support_filter_xz(p->raw);
	archive_read_support_format_raw(p->raw);
	archive_read_support_format_empty(p->raw);
	if (archive_read_open_fd(p->raw, fd, 64 * 1024) != ARCHIVE_OK ||
	    archive_read_next_header(p->raw, &e) < ARCHIVE_WARN)
		return err_sys(err, EBADMSG, "cannot decompress: %s", archive_error_string(p->raw));
	return 0;
}

int unpack_tar(struct helper *h, int fd, int to_fd, bool layer, char diff_id[DIGEST_LEN + 1],
	       struct err *err)
{
	struct unpack u = {.h = h, .root = to_fd, .layer = layer, .err = err};
	CLEANUP_FREE struct pipe *p = NEW(struct pipe);
	char digest[DIGEST_LEN + 1];
	const void *rest;
	int r;

	hash_init(&p->hash);
	r = open_raw(p, fd, err);
	if (!r) {
		u.in = archive_read_new();
		archive_read_support_format_tar(u.in);
		archive_read_support_format_empty(u.in);
		if (archive_read_open(u.in, p, NULL, pipe_read, NULL) != ARCHIVE_OK)
			r = err_sys(err, EBADMSG, "not a tar: %s", archive_error_string(u.in));
		if (!r)
			r = read_entries(&u);
		/* What stands behind the tar's end counts for the digest too. */
		while (!r && pipe_read(u.in, p, &rest) > 0)
			;
		finish_dirs(&u);
		archive_read_free(u.in);
	}
	hash_final(&p->hash, digest);
	archive_read_free(p->raw);
	if (!r && diff_id)
		str_copy(diff_id, DIGEST_LEN + 1, str_of(digest));
	return r;
}

static int unpack_layer(struct helper *h, int fd, const char *tmp, struct str want, struct err *err)
{
	CLEANUP_FD int to = -1;
	char got[DIGEST_LEN + 1];
	int r;

	if (mkdirat(h->dir_fd, tmp, 0755) < 0)
		return err_sys(err, errno, "cannot make %s: %s", tmp, strerror(errno));
	to = openat(h->dir_fd, tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_sys(err, errno, "cannot open %s: %s", tmp, strerror(errno));
	r = unpack_tar(h, fd, to, true, got, err);
	if (!r && !str_eqs(want, got))
		r = err_sys(err, EBADMSG, "layer has the digest %s, its image says %.*s", got,
			    STR_ARG(want));
	if (!r && syncfs(to) < 0)
		r = err_sys(err, errno, "cannot sync: %s", strerror(errno));
	return r;
}

int layer_add(struct helper *h, int fd, struct str diff_id, struct err *err)
{
	CLEANUP_FREE char *final = xasprintf("layers/%.*s", 64, diff_id.p + 7);
	CLEANUP_FREE char *tmp = xasprintf("tmp/layer-%d-%.*s", (int)getpid(), 64, diff_id.p + 7);
	struct stat st;
	int r;

	if (fstatat(h->dir_fd, final, &st, 0) == 0)
		return 0;
	r = unpack_layer(h, fd, tmp, diff_id, err);
	/* Another helper may have been quicker: then its layer is as good as ours. */
	if (!r && renameat(h->dir_fd, tmp, h->dir_fd, final) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		r = err_sys(err, errno, "cannot move %s into place: %s", tmp, strerror(errno));
	dir_remove_tree(h->dir_fd, tmp);
	return r;
}
