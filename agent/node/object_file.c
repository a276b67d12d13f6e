/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/object_file.h"

#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/sys/file.h"

#define SOON_NS NSEC_PER_SEC
#define AGAIN_NS (5 * NSEC_PER_SEC)
#define FILE_MAX (256u << 20)

struct object_file {
	struct informer *in;
	struct timers *timers;
	char *path;
	struct timer timer;
	uint64_t written_ns;
	bool dirty;
};

static void write_file(struct object_file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r;

	if (!f->dirty || !informer_synced(f->in))
		return;
	informer_for_each(o, f->in)
	{
		if (memchr(o->bytes.p, '\n', o->bytes.len))
			continue; /* not as the server writes it */
		buf_addstr(&b, o->bytes);
		buf_addc(&b, '\n');
	}
	f->dirty = false;
	f->written_ns = timers_now_ns(f->timers);
	r = file_write_atomic(AT_FDCWD, f->path, buf_str(&b), 0600);
	if (r < 0)
		log_warn("cannot write %s: %s", f->path, strerror(-r));
}

static void on_timer(struct timer *t)
{
	write_file(container_of(t, struct object_file, timer));
}

/* Soon after the first of several changes, and not too often. */
static void changed(struct object_file *f)
{
	uint64_t now = timers_now_ns(f->timers), at = now + SOON_NS;

	f->dirty = true;
	if (timer_armed(&f->timer))
		return;
	if (f->written_ns)
		at = MAX(at, f->written_ns + AGAIN_NS);
	timers_arm_in(f->timers, &f->timer, at - now);
}

static void one(void *user, struct object *o)
{
	changed(user);
}
static void two(void *user, struct object *old, struct object *o)
{
	changed(user);
}
static void synced(void *user)
{
	changed(user);
}
static const struct informer_handler handler = {one, two, one, synced};

static void read_file(struct object_file *f)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str rest, line;

	if (file_read(AT_FDCWD, f->path, FILE_MAX, &b) < 0)
		return;
	rest = buf_str(&b);
	while (str_split(&rest, '\n', &line))
		if (line.len)
			informer_preload(f->in, line);
}

struct object_file *object_file_open(struct informer *in, struct timers *timers, const char *path)
{
	struct object_file *f = NEW(struct object_file);

	f->in = in;
	f->timers = timers;
	f->path = xstrdup(path);
	f->timer.fire = on_timer;
	read_file(f);
	informer_handle(in, &handler, f);
	return f;
}

struct object_file *object_file_close(struct object_file *f)
{
	if (!f)
		return NULL;
	write_file(f);
	informer_unhandle(f->in, &handler, f);
	timers_disarm(f->timers, &f->timer);
	free(f->path);
	free(f);
	return NULL;
}
