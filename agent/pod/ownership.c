/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pod/ownership.h"

#include <uv.h>

#include "agent/pod/pod.h"
#include "agent/volume/group.h"

enum stage { IN_LINE, RUNNING, DONE };

struct ownership {
	struct list in_pod; /* pod.ownerships */
	struct list in_line; /* pods.owning_next while IN_LINE, .owning while RUNNING */
	struct pod *pod; /* NULL: nobody waits for it any more */
	struct pods *all; /* NULL: the agent ends */
	enum stage stage;
	uv_work_t work;
	char *path;
	struct group_walk walk; /* the thread's, with the outcome, while RUNNING */
	atomic_bool cancelled;
	int r;
	struct err err;
};

static void ownership_drop(struct ownership *o)
{
	list_remove(&o->in_pod);
	list_remove(&o->in_line);
	err_done(&o->err);
	free(o->path);
	free(o);
}

static void begin(struct ownership *o);

static void begin_next(struct pods *all)
{
	struct ownership *o = list_first(&all->owning_next, struct ownership, in_line);
	unsigned n = 0;

	list_for_each (it, &all->owning)
		n++;
	if (o && n < OWNERSHIP_THREADS && !all->closing)
		begin(o);
}

static void work(uv_work_t *w)
{
	struct ownership *o = w->data;

	o->r = group_walk(&o->walk, &o->err);
}

static void worked(uv_work_t *w, int status)
{
	struct ownership *o = w->data;

	o->stage = DONE;
	list_remove(&o->in_line);
	if (o->all)
		begin_next(o->all);
	if (!o->pod) {
		ownership_drop(o);
		return;
	}
	o->pod->volumes_dirty = true;
	pod_kick(o->pod);
}

static void begin(struct ownership *o)
{
	list_remove(&o->in_line);
	list_append(&o->all->owning, &o->in_line);
	o->stage = RUNNING;
	/* It fails only without a function to call. */
	uv_queue_work(o->all->conf.loop, &o->work, work, worked);
}

static struct ownership *find(struct pod *p, const char *path)
{
	list_for_each (it, &p->ownerships) {
		struct ownership *o = list_entry(it, struct ownership, in_pod);

		if (strcmp(o->path, path) == 0)
			return o;
	}
	return NULL;
}

static struct ownership *ownership_new(struct pod *p, const char *path)
{
	struct ownership *o = NEW(struct ownership);

	o->pod = p;
	o->all = p->all;
	o->path = xstrdup(path);
	o->work.data = o;
	list_append(&p->ownerships, &o->in_pod);
	list_append(&p->all->owning_next, &o->in_line);
	return o;
}

int ownership_give(struct pod *p, const char *path, int64_t gid, bool on_root_mismatch,
		   struct err *err)
{
	struct ownership *o = find(p, path);
	int r;

	if (!o) {
		o = ownership_new(p, path);
		o->walk = (struct group_walk){o->path, gid, on_root_mismatch, &o->cancelled};
		begin_next(p->all);
	}
	if (o->stage != DONE)
		return err_sys(err, EAGAIN, "waiting for the files of %s to change their group",
			       path);
	r = o->r;
	if (r < 0)
		err_move(err, &o->err);
	ownership_drop(o);
	return r;
}

bool ownership_end(struct pod *p)
{
	bool some = false;

	list_for_each_safe (it, &p->ownerships) {
		struct ownership *o = list_entry(it, struct ownership, in_pod);

		if (o->stage != RUNNING) {
			ownership_drop(o);
			continue;
		}
		atomic_store(&o->cancelled, true);
		some = true;
	}
	return some;
}

void ownership_free(struct pod *p)
{
	ownership_end(p);
	list_for_each_safe (it, &p->ownerships) {
		struct ownership *o = list_entry(it, struct ownership, in_pod);

		list_remove(&o->in_pod);
		o->pod = NULL;
	}
}

void ownership_forget(struct pods *all)
{
	list_for_each_safe (it, &all->owning) {
		struct ownership *o = list_entry(it, struct ownership, in_line);

		list_remove(&o->in_line);
		o->all = NULL;
	}
}
