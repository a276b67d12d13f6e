/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/object_file.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"

#define SYNC_NS NSEC_PER_SEC
#define AGAIN_NS (5 * NSEC_PER_SEC)
#define FILE_MAX (256u << 20)
#define CHUNK (64u << 10)

struct object_file {
	struct informer *in;
	struct timers *timers;
	char *path;
	int fd; /* open for appending; -1: to be written anew */
	uint64_t size, limit; /* beyond the limit it is written anew */
	struct timer timer;
	bool loading, told;
};

static void soon(struct object_file *f, uint64_t in_ns)
{
	if (!timer_armed(&f->timer))
		timers_arm_in(f->timers, &f->timer, in_ns);
}

static void lost(struct object_file *f, int r)
{
	if (!f->told)
		log_warn("cannot write %s: %s", f->path, strerror(-r));
	f->told = true;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	soon(f, AGAIN_NS);
}

static void append(struct object_file *f, struct str mark, struct str line)
{
	struct iovec v[] = {{(void *)mark.p, mark.len}, {(void *)line.p, line.len}, {"\n", 1}};
	size_t n = mark.len + line.len + 1;
	ssize_t r;

	if (f->loading || memchr(line.p, '\n', line.len))
		return; /* known already; not as the server writes it */
	if (f->fd < 0) {
		soon(f, SYNC_NS);
		return;
	}
	r = writev(f->fd, v, ARRAY_SIZE(v));
	if (r != (ssize_t)n) {
		lost(f, r < 0 ? -errno : -ENOSPC);
		return;
	}
	f->size += n;
	soon(f, SYNC_NS);
}

static int write_all(struct object_file *f, int fd)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = 0;

	f->size = 0;
	informer_for_each(o, f->in)
	{
		if (memchr(o->bytes.p, '\n', o->bytes.len))
			continue;
		buf_addstr(&b, o->bytes);
		buf_addc(&b, '\n');
		if (b.len < CHUNK)
			continue;
		r = fd_write_all(fd, b.p, b.len);
		if (r < 0)
			return r;
		f->size += b.len;
		buf_clear(&b);
	}
	r = fd_write_all(fd, b.p, b.len);
	f->size += b.len;
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	return r;
}

/* The whole of it in a new file, which is appended to from then on. */
static void rewrite(struct object_file *f)
{
	CLEANUP_FREE char *tmp = xasprintf("%s.tmp", f->path);
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(f, fd);

	if (r == 0 && rename(tmp, f->path) < 0)
		r = -errno;
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		unlink(tmp);
		lost(f, r);
		return;
	}
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	f->limit = 2 * f->size + CHUNK;
	f->told = false;
}

static void on_timer(struct timer *t)
{
	struct object_file *f = container_of(t, struct object_file, timer);

	if ((f->fd < 0 || f->size > f->limit) && informer_synced(f->in))
		rewrite(f);
	else if (f->fd >= 0)
		fdatasync(f->fd);
	else
		soon(f, AGAIN_NS);
}

static void seen(void *user, struct object *o)
{
	append(user, STR(""), o->bytes);
}
static void updated(void *user, struct object *old, struct object *o)
{
	seen(user, o);
}
static void gone(void *user, struct object *last)
{
	append(user, STR("-"), last->key);
}
static void synced(void *user)
{
	soon(user, SYNC_NS);
}
static const struct informer_handler handler = {seen, updated, gone, synced};

static void read_line(struct object_file *f, struct str line)
{
	if (line.len && line.p[0] == '-')
		informer_preload_drop(f->in, str_n(line.p + 1, line.len - 1));
	else if (line.len)
		informer_preload(f->in, line);
}

/* What a power cut left of a last line is cut off. */
static void read_file(struct object_file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	const char *nl;
	size_t at = 0;

	if (file_read(AT_FDCWD, f->path, FILE_MAX, &b) == 0)
		while (at < b.len && (nl = memchr(b.p + at, '\n', b.len - at))) {
			read_line(f, str_n(b.p + at, (size_t)(nl - b.p) - at));
			at = (size_t)(nl - b.p) + 1;
		}
	f->size = at;
	f->limit = 2 * at + CHUNK;
	f->fd = open(f->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (f->fd >= 0 && at < b.len && ftruncate(f->fd, (off_t)at) < 0) {
		close(f->fd);
		f->fd = -1;
	}
}

struct object_file *object_file_open(struct informer *in, struct timers *timers, const char *path)
{
	struct object_file *f = NEW(struct object_file);

	f->in = in;
	f->timers = timers;
	f->path = xstrdup(path);
	f->timer.fire = on_timer;
	f->loading = true;
	read_file(f);
	informer_handle(in, &handler, f);
	f->loading = false;
	return f;
}

struct object_file *object_file_close(struct object_file *f)
{
	if (!f)
		return NULL;
	if (f->fd >= 0) {
		if (timer_armed(&f->timer))
			fdatasync(f->fd);
		close(f->fd);
	}
	informer_unhandle(f->in, &handler, f);
	timers_disarm(f->timers, &f->timer);
	free(f->path);
	free(f);
	return NULL;
}
