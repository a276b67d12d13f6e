/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"
#include "tests/unit/store_disk.h"

#include <pthread.h>

#define SECTOR 512u
#define FILES 64u

struct write {
	uint64_t off;
	struct buf data;
};

struct inode {
	unsigned refs;
	struct buf now, durable;
	bool emptied; /* since the last sync: nothing of `durable` is in `now` */
	struct write *writes; /* since the last datasync */
	size_t n_writes, cap_writes;
};

struct name {
	char name[40];
	struct inode *inode; /* NULL: free */
};

struct dir_op {
	char from[40], to[40]; /* from empty: create; to empty: unlink */
	struct inode *inode;
};

struct disk {
	pthread_mutex_t lock;
	struct name now[FILES], durable[FILES];
	struct dir_op *ops;
	size_t n_ops, cap_ops;
	struct inode *fds[FILES];
	unsigned calls, fail_in;
	int fail_error;
	const char *failed;
	int64_t free_bytes;
	bool full;
};

static struct inode *inode_ref(struct inode *i)
{
	i->refs++;
	return i;
}

static void inode_unref(struct inode *i)
{
	if (!i || --i->refs)
		return;
	for (size_t k = 0; k < i->n_writes; k++)
		buf_done(&i->writes[k].data);
	free(i->writes);
	buf_done(&i->now);
	buf_done(&i->durable);
	free(i);
}

static struct inode *inode_new(void)
{
	struct inode *i = NEW(struct inode);

	i->refs = 1;
	buf_init(&i->now);
	buf_init(&i->durable);
	return i;
}

struct disk *disk_new(void)
{
	struct disk *d = NEW(struct disk);

	pthread_mutex_init(&d->lock, NULL);
	d->free_bytes = INT64_MAX;
	return d;
}

static void ops_clear(struct disk *d)
{
	for (size_t i = 0; i < d->n_ops; i++)
		inode_unref(d->ops[i].inode);
	d->n_ops = 0;
}

struct disk *disk_free(struct disk *d)
{
	if (!d)
		return NULL;
	ops_clear(d);
	free(d->ops);
	for (unsigned i = 0; i < FILES; i++) {
		inode_unref(d->now[i].inode);
		inode_unref(d->durable[i].inode);
		inode_unref(d->fds[i]);
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
	return NULL;
}

/* Lock, and count the call; negative if it is the one to fail. */
static int enter(struct disk *d, const char *what)
{
	pthread_mutex_lock(&d->lock);
	d->calls++;
	if (d->fail_in && --d->fail_in == 0) {
		d->failed = what;
		return -d->fail_error;
	}
	return 0;
}

static int leave(struct disk *d, int r)
{
	pthread_mutex_unlock(&d->lock);
	return r;
}

static struct name *lookup(struct name *names, const char *name)
{
	for (unsigned i = 0; i < FILES; i++)
		if (names[i].inode && strcmp(names[i].name, name) == 0)
			return &names[i];
	return NULL;
}

static void link_name(struct name *names, const char *name, struct inode *i)
{
	struct name *n = lookup(names, name);

	for (unsigned k = 0; !n && k < FILES; k++)
		if (!names[k].inode)
			n = &names[k];
	assert(n);
	inode_ref(i);
	inode_unref(n->inode);
	n->inode = i;
	str_copy(n->name, sizeof(n->name), str_of(name));
}

static void unlink_name(struct name *names, const char *name)
{
	struct name *n = lookup(names, name);

	if (n) {
		inode_unref(n->inode);
		n->inode = NULL;
	}
}

static void note(struct disk *d, const char *from, const char *to, struct inode *i)
{
	struct dir_op *op = ARRAY_PUSH(d->ops, d->n_ops, d->cap_ops);

	*op = (struct dir_op){.inode = inode_ref(i)};
	str_copy(op->from, sizeof(op->from), str_of(from));
	str_copy(op->to, sizeof(op->to), str_of(to));
}

static void replay(struct name *names, const struct dir_op *op)
{
	if (!op->from[0]) {
		link_name(names, op->to, op->inode);
		return;
	}
	if (!lookup(names, op->from))
		return;
	if (op->to[0])
		link_name(names, op->to, op->inode);
	unlink_name(names, op->from);
}

static void forget_writes(struct inode *i)
{
	for (size_t k = 0; k < i->n_writes; k++)
		buf_done(&i->writes[k].data);
	i->n_writes = 0;
}

static void set_size(struct buf *b, size_t len)
{
	if (len > b->len)
		memset(buf_reserve(b, len - b->len), 0, len - b->len);
	buf_setlen(b, len);
}

static int d_open(void *user, const char *name, int flags)
{
	struct disk *d = user;
	int r = enter(d, "open");
	struct name *n = lookup(d->now, name);
	int fd = 0;

	if (r < 0)
		return leave(d, r);
	if (!n && !(flags & O_CREAT))
		return leave(d, -ENOENT);
	while (d->fds[fd])
		fd++;
	if (!n) {
		struct inode *i = inode_new();

		link_name(d->now, name, i);
		note(d, "", name, i);
		inode_unref(i);
		n = lookup(d->now, name);
	} else if (flags & O_TRUNC) {
		set_size(&n->inode->now, 0);
		forget_writes(n->inode);
		n->inode->emptied = true;
	}
	d->fds[fd] = inode_ref(n->inode);
	return leave(d, fd);
}

static void d_close(void *user, int fd)
{
	struct disk *d = user;

	pthread_mutex_lock(&d->lock);
	inode_unref(TAKE(d->fds[fd]));
	leave(d, 0);
}

static ssize_t d_pread(void *user, int fd, void *p, size_t len, uint64_t off)
{
	struct disk *d = user;
	int r = enter(d, "pread");
	struct buf *b = &d->fds[fd]->now;

	if (r < 0)
		return leave(d, r);
	len = off < b->len ? MIN(len, b->len - off) : 0;
	if (len)
		memcpy(p, b->p + off, len);
	leave(d, 0);
	return (ssize_t)len;
}

static int d_pwritev(void *user, int fd, struct iovec *iov, int n, uint64_t off)
{
	struct disk *d = user;
	int r = enter(d, "pwritev");
	struct inode *i = d->fds[fd];
	struct write *w;

	if (!r && d->full && off >= i->now.len)
		r = -ENOSPC;
	if (r < 0)
		return leave(d, r);
	w = ARRAY_PUSH(i->writes, i->n_writes, i->cap_writes);
	w->off = off;
	buf_init(&w->data);
	for (int k = 0; k < n; k++)
		buf_add(&w->data, iov[k].iov_base, iov[k].iov_len);
	set_size(&i->now, MAX(i->now.len, off + w->data.len));
	memcpy(i->now.p + off, w->data.p, w->data.len);
	return leave(d, 0);
}

static int d_datasync(void *user, int fd)
{
	struct disk *d = user;
	int r = enter(d, "datasync");
	struct inode *i = d->fds[fd];

	if (r < 0)
		return leave(d, r);
	if (i->emptied)
		set_size(&i->durable, 0);
	i->emptied = false;
	set_size(&i->durable, i->now.len);
	for (size_t k = 0; k < i->n_writes; k++) {
		struct write *w = &i->writes[k];

		memcpy(i->durable.p + w->off, w->data.p, w->data.len);
	}
	forget_writes(i);
	return leave(d, 0);
}

static int d_allocate(void *user, int fd, uint64_t size)
{
	struct disk *d = user;
	int r = enter(d, "allocate");

	if (!r && d->full)
		r = -ENOSPC;
	if (!r)
		set_size(&d->fds[fd]->now, size);
	return leave(d, r);
}

static int64_t d_size(void *user, int fd)
{
	struct disk *d = user;
	int r = enter(d, "size");
	int64_t n = r < 0 ? r : (int64_t)d->fds[fd]->now.len;

	leave(d, 0);
	return n;
}

static int d_rename(void *user, const char *from, const char *to)
{
	struct disk *d = user;
	int r = enter(d, "rename");
	struct name *n = lookup(d->now, from);

	if (!r && !n)
		r = -ENOENT;
	if (r < 0)
		return leave(d, r);
	note(d, from, to, n->inode);
	replay(d->now, &d->ops[d->n_ops - 1]);
	return leave(d, 0);
}

static int d_unlink(void *user, const char *name)
{
	struct disk *d = user;
	int r = enter(d, "unlink");
	struct name *n = lookup(d->now, name);

	if (!r && !n)
		r = -ENOENT;
	if (r < 0)
		return leave(d, r);
	note(d, name, "", n->inode);
	unlink_name(d->now, name);
	return leave(d, 0);
}

static int d_sync_dir(void *user)
{
	struct disk *d = user;
	int r = enter(d, "sync_dir");

	if (r < 0)
		return leave(d, r);
	for (size_t i = 0; i < d->n_ops; i++)
		replay(d->durable, &d->ops[i]);
	ops_clear(d);
	return leave(d, 0);
}

static int d_list(void *user, void (*each)(void *arg, const char *name), void *arg)
{
	struct disk *d = user;
	int r = enter(d, "list");

	for (unsigned i = 0; !r && i < FILES; i++)
		if (d->now[i].inode)
			each(arg, d->now[i].name);
	return leave(d, r);
}

static int64_t d_free_bytes(void *user)
{
	struct disk *d = user;

	return d->free_bytes;
}

struct store_io disk_io(struct disk *d)
{
	return (struct store_io){d_open,     d_close,      d_pread,  d_pwritev, d_datasync,
				 d_allocate, d_size,       d_rename, d_unlink,  d_sync_dir,
				 d_list,     d_free_bytes, d};
}

/* The inode as a crash may leave it: each unsynced sector written or not, as the dice fall. */
static struct inode *survivor(const struct inode *i, unsigned *seed)
{
	struct inode *s = inode_new();
	unsigned mood = (unsigned)rand_r(seed) % 3; /* all lost, all kept, some */

	set_size(&s->durable, (unsigned)rand_r(seed) % 2 ? i->now.len : i->durable.len);
	memcpy(s->durable.p, i->durable.p, MIN(i->durable.len, s->durable.len));
	for (size_t k = 0; k < i->n_writes; k++) {
		const struct write *w = &i->writes[k];

		for (uint64_t off = w->off; off < w->off + w->data.len;) {
			uint64_t next = (off / SECTOR + 1) * SECTOR;
			uint64_t end = MIN(next, w->off + w->data.len);

			if (mood == 1 || (mood == 2 && (unsigned)rand_r(seed) % 2)) {
				set_size(&s->durable, MAX(s->durable.len, end));
				memcpy(s->durable.p + off, w->data.p + (off - w->off), end - off);
			}
			off = end;
		}
	}
	buf_add(&s->now, s->durable.p, s->durable.len);
	return s;
}

struct disk *disk_crashed(struct disk *d, unsigned seed)
{
	struct disk *c = disk_new();
	struct name names[FILES] = {0};

	pthread_mutex_lock(&d->lock);
	for (unsigned i = 0; i < FILES; i++)
		if (d->durable[i].inode)
			link_name(names, d->durable[i].name, d->durable[i].inode);
	for (size_t i = 0; i < d->n_ops; i++)
		if ((unsigned)rand_r(&seed) % 2)
			replay(names, &d->ops[i]);
	for (unsigned i = 0; i < FILES; i++) {
		struct inode *s;

		if (!names[i].inode)
			continue;
		s = survivor(names[i].inode, &seed);
		link_name(c->now, names[i].name, s);
		link_name(c->durable, names[i].name, s);
		inode_unref(s);
		inode_unref(names[i].inode);
	}
	c->free_bytes = d->free_bytes;
	pthread_mutex_unlock(&d->lock);
	return c;
}

void disk_fail_at(struct disk *d, unsigned n, int error)
{
	pthread_mutex_lock(&d->lock);
	d->fail_in = n;
	d->fail_error = error;
	d->failed = NULL;
	leave(d, 0);
}

unsigned disk_calls(struct disk *d)
{
	return d->calls;
}

const char *disk_failed(struct disk *d)
{
	const char *failed;

	pthread_mutex_lock(&d->lock);
	failed = d->failed;
	leave(d, 0);
	return failed;
}

void disk_set_full(struct disk *d, bool full)
{
	pthread_mutex_lock(&d->lock);
	d->full = full;
	leave(d, 0);
}

void disk_set_free(struct disk *d, int64_t bytes)
{
	d->free_bytes = bytes;
}

struct buf *disk_file(struct disk *d, const char *name)
{
	struct name *n = lookup(d->now, name);

	return n ? &n->inode->now : NULL;
}

const char *disk_find(struct disk *d, const char *prefix)
{
	const char *best = NULL;

	for (unsigned i = 0; i < FILES; i++)
		if (d->now[i].inode && str_starts(str_of(d->now[i].name), str_of(prefix)) &&
		    (!best || strcmp(d->now[i].name, best) > 0))
			best = d->now[i].name;
	return best;
}
