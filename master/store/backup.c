/* SPDX-License-Identifier: Apache-2.0 */
#include "master/store/backup_internal.h"
#include "lib/base/codec.h"
#include "lib/sys/file.h"
#include "master/store/le.h"
#include "master/store/store_internal.h"

#include <sys/stat.h>

static const char magic[8] = {'K', 'n', 'a', 'r', 'r', 'B', 'k', '1'};

struct store_backup {
	struct store_backup_info info;
	struct tree_node *root; /* a reference */
	struct snapshot_encoder enc;
	const struct store_seal *seal;
	bool begun;
};

/* ---- the header ---- */

uint32_t backup_head_encode(const struct store_backup_info *i, uint8_t p[BACKUP_HEAD])
{
	uint32_t crc;

	memset(p, 0, BACKUP_HEAD);
	memcpy(p, magic, 8);
	le32_put(p + 8, BACKUP_HEAD);
	le64_put(p + 16, i->cluster);
	le64_put(p + 24, i->rev);
	le64_put(p + 32, i->objects);
	le64_put(p + 40, i->bytes);
	le64_put(p + 48, i->raft_index);
	le64_put(p + 56, i->raft_term);
	le64_put(p + 64, (uint64_t)i->taken_s);
	crc = crc32c(0, p, BACKUP_HEAD - 4);
	le32_put(p + BACKUP_HEAD - 4, crc);
	return crc;
}

int backup_head_decode(const uint8_t *p, size_t len, struct store_backup_info *ret,
		       uint32_t *ret_crc)
{
	if (len < 8 || memcmp(p, magic, 7) != 0)
		return -EBADMSG;
	if (p[7] != (uint8_t)magic[7])
		return -EPROTO;
	if (len < BACKUP_HEAD || le32_get(p + 8) != BACKUP_HEAD || le32_get(p + 12))
		return -EBADMSG;
	*ret_crc = crc32c(0, p, BACKUP_HEAD - 4);
	if (le32_get(p + BACKUP_HEAD - 4) != *ret_crc)
		return -EBADMSG;
	*ret = (struct store_backup_info){.cluster = le64_get(p + 16),
					  .rev = le64_get(p + 24),
					  .objects = le64_get(p + 32),
					  .bytes = le64_get(p + 40),
					  .raft_index = le64_get(p + 48),
					  .raft_term = le64_get(p + 56),
					  .taken_s = (int64_t)le64_get(p + 64)};
	return 0;
}

/* ---- piece by piece ---- */

struct store_backup *store_backup_new(struct store *s)
{
	struct store_backup *b = NEW(struct store_backup);

	b->root = tree_ref(s->machine.tree.root);
	b->seal = s->conf.seal;
	b->info = (struct store_backup_info){.cluster = store_cluster(s),
					     .rev = s->machine.rev,
					     .objects = tree_count(b->root),
					     .bytes = s->machine.bytes,
					     .raft_index = s->applied.index,
					     .raft_term = s->applied.term,
					     .taken_s = clock_real_ns(s->conf.clock) /
							(int64_t)NSEC_PER_SEC};
	return b;
}

struct store_backup *store_backup_free(struct store_backup *b)
{
	if (b)
		tree_unref(b->root);
	free(b);
	return NULL;
}

void store_backup_info(const struct store_backup *b, struct store_backup_info *ret)
{
	*ret = b->info;
}

int store_backup_next(struct store_backup *b, struct buf *out)
{
	uint8_t head[BACKUP_HEAD];

	if (!b->begun) {
		snapshot_encode_begin(&b->enc, b->root, b->seal,
				      backup_head_encode(&b->info, head));
		buf_add(out, head, sizeof(head));
		b->begun = true;
	}
	return snapshot_encode_next(&b->enc, out);
}

/* ---- to a file ---- */

struct save {
	uv_work_t work;
	struct store_backup *backup;
	char *path;
	int err;
	store_backup_cb cb;
	void *user;
};

static int write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_folder(const char *path)
{
	CLEANUP_FREE char *dir = xstrdup(path);
	char *slash = strrchr(dir, '/');
	int fd, r;

	if (slash)
		slash[slash == dir] = '\0';
	fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int save(struct store_backup *b, const char *path)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.part", path);
	CLEANUP(buf_done) struct buf piece = BUF_INIT;
	CLEANUP_FD int fd = -1;
	int r, more = 1;

	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	for (r = 0; !r && more;) {
		buf_clear(&piece);
		more = store_backup_next(b, &piece);
		r = more < 0 ? more : write_all(fd, piece.p, piece.len);
		b->info.file_bytes += piece.len;
	}
	if (!r && fsync(fd) < 0)
		r = -errno;
	if (!r && rename(tmp, path) < 0)
		r = -errno;
	if (r) {
		unlink(tmp);
		return r;
	}
	return sync_folder(path);
}

static void save_work(uv_work_t *w)
{
	struct save *j = w->data;

	j->err = save(j->backup, j->path);
}

static void save_done(uv_work_t *w, int status)
{
	struct save *j = w->data;
	int err = status < 0 ? -ECANCELED : j->err;

	j->cb(j->user, err, err ? NULL : &j->backup->info);
	store_backup_free(j->backup);
	free(j->path);
	free(j);
}

void store_backup_save(struct store *s, const char *path, store_backup_cb cb, void *user)
{
	struct save *j = NEW(struct save);

	j->work.data = j;
	j->backup = store_backup_new(s);
	j->path = xstrdup(path);
	j->cb = cb;
	j->user = user;
	uv_queue_work(s->conf.loop, &j->work, save_work, save_done);
}
