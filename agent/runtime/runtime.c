/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/runtime/internal.h"

#include "agent/runtime/rootfs.h"
#include "agent/runtime/spawn.h"
#include "lib/base/clock.h"
#include "lib/sys/file.h"

#include <ctype.h>
#include <sys/capability.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define RETRY_MS 10
#define RETRIES_MAX 3000 /* half a minute, then a cgroup is left to the next removal */

/* done() that must not run inside the call it belongs to. */
struct deferred {
	struct list node;
	runtime_done_fn *done;
	void *user;
	int r;
};

struct leftover {
	struct list node;
	char *cgroup, *dir;
	pid_t child;
	unsigned int tries;
};

int64_t now_real_ns(void)
{
	return clock_real_ns(&clock_system);
}

int id_check(const char *what, const char *id, struct err *err)
{
	size_t len = id ? strlen(id) : 0;
	if (len == 0 || len > RUNTIME_ID_MAX || id[0] == '.')
		goto bad;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) && !strchr("_.-", id[i]))
			goto bad;
	return 0;
bad:
	return err_sys(err, EINVAL, "%s id \"%s\" is not 1 to %d of A-Z a-z 0-9 _ . -", what,
		       id ? id : "", RUNTIME_ID_MAX);
}

/* ---- lists ---- */

struct sandbox *sandbox_find(struct runtime *rt, const char *id)
{
	return id ? hmap_get(rt->sandbox_ids, str_of(id)) : NULL;
}

struct container *container_find(struct runtime *rt, const char *id)
{
	return id ? hmap_get(rt->container_ids, str_of(id)) : NULL;
}

void sandbox_insert(struct sandbox *sb)
{
	struct list *at = &sb->rt->sandboxes;
	list_for_each (it, &sb->rt->sandboxes)
		if (strcmp(list_entry(it, struct sandbox, node)->id, sb->id) > 0) {
			at = it;
			break;
		}
	list_insert_before(at, &sb->node);
	hmap_put(sb->rt->sandbox_ids, str_of(sb->id), sb);
}

void container_insert(struct container *c)
{
	struct runtime *rt = c->sb->rt;
	struct list *at = &rt->containers;
	list_for_each (it, &rt->containers)
		if (strcmp(list_entry(it, struct container, node)->id, c->id) > 0) {
			at = it;
			break;
		}
	list_insert_before(at, &c->node);
	hmap_put(rt->container_ids, str_of(c->id), c);
}

struct sandbox *sandbox_free(struct sandbox *sb)
{
	if (!sb)
		return NULL;
	sandbox_conn_close(sb);
	waiters_run(&sb->waiters, -ECANCELED, NULL);
	list_remove(&sb->node);
	if (sandbox_find(sb->rt, sb->id) == sb)
		hmap_del(sb->rt->sandbox_ids, str_of(sb->id));
	free(sb->note);
	free(sb->cgroup_path);
	free(sb->hostname);
	free(sb->dir);
	free(sb);
	return NULL;
}

struct container *container_free(struct container *c)
{
	if (!c)
		return NULL;
	exec_lost(c);
	usage_end(c);
	waiters_run(&c->waiters, -ECANCELED, NULL);
	timer_free(&c->kill_timer);
	list_remove(&c->node);
	if (container_find(c->sb->rt, c->id) == c)
		hmap_del(c->sb->rt->container_ids, str_of(c->id));
	free(c->note);
	free(c->log_path);
	free(c->warning);
	free(c->cgroup_path);
	free(c->dir);
	free(c->layer_dir);
	free(c->starting);
	free(c);
	return NULL;
}

/* ---- things done later ---- */

static void free_handle(uv_handle_t *h)
{
	free(h);
}

uv_timer_t *timer_new(uv_loop_t *loop, void *data)
{
	uv_timer_t *t = NEW(uv_timer_t);
	uv_timer_init(loop, t);
	t->data = data;
	return t;
}

void timer_free(uv_timer_t **t)
{
	if (!*t)
		return;
	uv_timer_stop(*t);
	uv_close((uv_handle_t *)TAKE(*t), free_handle);
}

static void run_deferred(struct runtime *rt)
{
	while (!list_empty(&rt->deferred)) {
		struct deferred *d = list_first(&rt->deferred, struct deferred, node);
		list_remove(&d->node);
		d->done(d->user, d->r, NULL);
		free(d);
	}
}

/* True when there is nothing left to do for it. */
static bool leftover_try(struct runtime *rt, struct leftover *l)
{
	if (l->child && waitpid(l->child, NULL, WNOHANG) != 0)
		l->child = 0;
	/* The pod has a new sandbox already: now it is that one's to remove. */
	if (l->cgroup && sandbox_has_cgroup(rt, l->cgroup, NULL, true))
		free(TAKE(l->cgroup));
	if (l->cgroup) {
		cgroup_kill(rt->cg, l->cgroup);
		if (cgroup_remove_all(rt->cg, l->cgroup) != -EBUSY)
			free(TAKE(l->cgroup));
	}
	if (l->dir && !l->cgroup) {
		const char *id = strrchr(l->dir, '/') + 1;
		if (!sandbox_find(rt, id)) /* its id may be in use again */
			dir_remove_tree(AT_FDCWD, l->dir);
		free(TAKE(l->dir));
	}
	return (!l->child && !l->cgroup) || ++l->tries > RETRIES_MAX;
}

static void leftover_free(struct leftover *l)
{
	list_remove(&l->node);
	free(l->cgroup);
	free(l->dir);
	free(l);
}

static void on_timer(uv_timer_t *t)
{
	struct runtime *rt = t->data;
	run_deferred(rt);
	list_for_each_safe (it, &rt->leftovers) {
		struct leftover *l = list_entry(it, struct leftover, node);
		if (leftover_try(rt, l))
			leftover_free(l);
	}
	trash_step(rt);
	if (!list_empty(&rt->leftovers) || trash_busy(rt))
		uv_timer_start(rt->timer, on_timer, RETRY_MS, 0);
}

void runtime_defer(struct runtime *rt, runtime_done_fn *done, void *user, int r)
{
	struct deferred *d = NEW(struct deferred);
	*d = (struct deferred){.done = done, .user = user, .r = r};
	list_append(&rt->deferred, &d->node);
	uv_timer_start(rt->timer, on_timer, 0, 0);
}

void runtime_later(struct runtime *rt, char *take_cgroup, pid_t child, char *take_dir)
{
	struct leftover *l = NEW(struct leftover);
	*l = (struct leftover){.cgroup = take_cgroup, .dir = take_dir, .child = child};
	list_init(&l->node);
	if (leftover_try(rt, l)) {
		leftover_free(l);
		return;
	}
	list_append(&rt->leftovers, &l->node);
	if (!uv_is_active((uv_handle_t *)rt->timer))
		uv_timer_start(rt->timer, on_timer, RETRY_MS, 0);
}

void runtime_tidy(struct runtime *rt)
{
	if (!uv_is_active((uv_handle_t *)rt->timer))
		uv_timer_start(rt->timer, on_timer, RETRY_MS, 0);
}

void waiters_add(struct list *l, runtime_done_fn *done, void *user)
{
	struct waiter *w = NEW(struct waiter);
	*w = (struct waiter){.done = done, .user = user};
	list_append(l, &w->node);
}

void waiters_run(struct list *l, int r, const struct err *err)
{
	struct list mine;
	list_init(&mine);
	while (!list_empty(l)) {
		struct list *n = l->next;
		list_remove(n);
		list_append(&mine, n);
	}
	while (!list_empty(&mine)) {
		struct waiter *w = list_first(&mine, struct waiter, node);
		list_remove(&w->node);
		if (w->done)
			w->done(w->user, r, err);
		free(w);
	}
}

void runtime_emit(struct runtime *rt, enum runtime_event_type type, const char *sandbox_id,
		  const char *container_id)
{
	struct runtime_event ev = {type, sandbox_id, container_id};
	if (rt->on_event && !rt->closing)
		rt->on_event(rt->user, &ev);
}

/* ---- opening ---- */

static int make_dirs(struct runtime *rt, struct err *err)
{
	const char *const dirs[][2] = {{rt->root_dir, "containers"},
				       {rt->root_dir, "trash"},
				       {rt->run_dir, "pods"},
				       {rt->run_dir, "seccomp"}};
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		CLEANUP_FREE char *d = xasprintf("%s/%s", dirs[i][0], dirs[i][1]);
		int r = dir_make(d, 0700);
		if (r < 0)
			return err_sys(err, -r, "cannot make %s: %s", d, strerror(-r));
	}
	return 0;
}

int runtime_open(const struct runtime_conf *conf, struct runtime **ret, struct err *err)
{
	struct runtime *rt;
	int r;

	if (geteuid() != 0)
		return err_sys(err, EPERM, "containers need root: run it as root");
	rt = NEW(struct runtime);
	list_init(&rt->sandboxes);
	list_init(&rt->containers);
	list_init(&rt->deferred);
	list_init(&rt->leftovers);
	rt->blank_ns = rt->device_program = rt->pod_program = -1;
	rt->loop = conf->loop;
	rt->on_event = conf->on_event;
	rt->user = conf->user;
	rt->root_dir = xstrdup(conf->root_dir);
	rt->run_dir = xstrdup(conf->run_dir);
	rt->trash_dir = xasprintf("%s/trash", conf->root_dir);
	rt->seccomp_dir = xstrdup(conf->seccomp_dir);
	rt->pod_binary =
		xstrdup(conf->pod_binary ? conf->pod_binary : KNARR_LIBEXECDIR "/knarr-pod");
	rt->sandbox_ids = hmap_new();
	rt->container_ids = hmap_new();
	/* Unlike any earlier agent's: a supervisor knows execs by it. */
	rt->next_seq = (uint64_t)now_real_ns();
	rt->timer = timer_new(rt->loop, rt);
	r = make_dirs(rt, err);
	if (r >= 0)
		r = cgroups_open(conf->cgroup_mount ? conf->cgroup_mount : "/sys/fs/cgroup",
				 conf->cgroup_root ? conf->cgroup_root : "knarr", &rt->cg, err);
	if (r >= 0)
		r = rt->blank_ns = rootfs_blank_ns(err);
	if (r >= 0)
		r = rt->pod_program = spawn_copy(rt->pod_binary, err);
	if (r < 0) {
		runtime_close(rt);
		return r;
	}
	trash_open(rt);
	if (trash_busy(rt))
		uv_timer_start(rt->timer, on_timer, 0, 0);
	*ret = rt;
	return 0;
}

struct runtime *runtime_close(struct runtime *rt)
{
	if (!rt)
		return NULL;
	rt->closing = true;
	list_for_each (it, &rt->sandboxes)
		sandbox_conn_close(list_entry(it, struct sandbox, node));
	while (!list_empty(&rt->containers))
		container_free(list_first(&rt->containers, struct container, node));
	while (!list_empty(&rt->sandboxes))
		sandbox_free(list_first(&rt->sandboxes, struct sandbox, node));
	while (!list_empty(&rt->deferred)) {
		struct deferred *d = list_first(&rt->deferred, struct deferred, node);
		list_remove(&d->node);
		d->done(d->user, -ECANCELED, NULL);
		free(d);
	}
	while (!list_empty(&rt->leftovers))
		leftover_free(list_first(&rt->leftovers, struct leftover, node));
	timer_free(&rt->timer);
	cgroups_close(rt->cg);
	hmap_free(rt->sandbox_ids);
	hmap_free(rt->container_ids);
	if (rt->blank_ns >= 0)
		close(rt->blank_ns);
	if (rt->pod_program >= 0)
		close(rt->pod_program);
	if (rt->device_program >= 0)
		close(rt->device_program);
	free(rt->root_dir);
	free(rt->run_dir);
	free(rt->trash_dir);
	free(rt->pod_binary);
	free(rt->seccomp_dir);
	free(rt);
	return NULL;
}

/* ---- what there is ---- */

static void sandbox_info_of(const struct sandbox *sb, struct sandbox_info *ret)
{
	*ret = (struct sandbox_info){
		.id = sb->id,
		.note = sb->note,
		.cgroup_path = sb->cgroup_path,
		.state = sb->state,
		.supervisor = sb->state == RUNTIME_SANDBOX_STOPPED ? 0 : sb->pid,
		.created_ns = sb->created_ns,
	};
}

static void container_info_of(const struct container *c, struct container_info *ret)
{
	*ret = (struct container_info){
		.id = c->id,
		.sandbox_id = c->sb->id,
		.note = c->note,
		.log_path = c->log_path,
		.warning = c->warning,
		.state = c->state,
		.pid = c->state == RUNTIME_CONTAINER_EXITED ? 0 : c->pid,
		.created_ns = c->created_ns,
		.started_ns = c->started_ns,
		.finished_ns = c->finished_ns,
		.exit_code = c->exit_code,
		.exit_signal = c->exit_signal,
		.oom_killed = c->oom_killed,
		.tty = c->tty,
		.uid = c->uid,
		.gid = c->gid,
	};
}

int runtime_sandbox_get(struct runtime *rt, const char *id, struct sandbox_info *ret)
{
	struct sandbox *sb = sandbox_find(rt, id);
	if (!sb)
		return -ENOENT;
	sandbox_info_of(sb, ret);
	return 0;
}

int runtime_container_get(struct runtime *rt, const char *id, struct container_info *ret)
{
	struct container *c = container_find(rt, id);
	if (!c)
		return -ENOENT;
	container_info_of(c, ret);
	return 0;
}

int runtime_sandbox_next(struct runtime *rt, const char *after_id, struct sandbox_info *ret)
{
	list_for_each (it, &rt->sandboxes) {
		struct sandbox *sb = list_entry(it, struct sandbox, node);
		if (after_id && strcmp(sb->id, after_id) <= 0)
			continue;
		sandbox_info_of(sb, ret);
		return 0;
	}
	return -ENOENT;
}

int runtime_container_next(struct runtime *rt, const char *after_id, struct container_info *ret)
{
	list_for_each (it, &rt->containers) {
		struct container *c = list_entry(it, struct container, node);
		if (after_id && strcmp(c->id, after_id) <= 0)
			continue;
		container_info_of(c, ret);
		return 0;
	}
	return -ENOENT;
}

/* ---- resources ---- */

int runtime_cgroup_apply(struct runtime *rt, const char *path, const struct runtime_resources *res,
			 struct err *err)
{
	return cgroup_apply(rt->cg, path, res, err);
}

int runtime_cgroup_remove(struct runtime *rt, const char *path, struct err *err)
{
	int r;
	if (!*path) /* all of it, when no pod is left */
		cgroup_remove(rt->cg, CGROUP_SUPERVISORS);
	r = cgroup_remove(rt->cg, path);
	return r < 0 ? err_sys(err, -r, "cannot remove control group %s: %s", path, strerror(-r))
		     : 0;
}

int runtime_cgroup_stats(struct runtime *rt, const char *path, struct runtime_stats *ret)
{
	return cgroup_stats(rt->cg, path, ret);
}

int runtime_sandbox_stats(struct runtime *rt, const char *id, struct runtime_stats *ret)
{
	struct sandbox *sb = sandbox_find(rt, id);
	return sb ? cgroup_stats(rt->cg, sb->cgroup_path, ret) : -ENOENT;
}

const char *runtime_cgroup_version(const struct runtime *rt)
{
	return cgroups_version(rt->cg);
}

const char *runtime_cgroup2_path(const struct runtime *rt)
{
	return cgroups_v2_root(rt->cg);
}

int runtime_cap_mask(const char *name, uint64_t *ret)
{
	char full[64] = "cap_";
	cap_value_t cap;
	size_t n = 4;

	if (strcasecmp(name, "ALL") == 0) {
		*ret = RUNTIME_CAPS_ALL;
		return 0;
	}
	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	for (; *name && n + 1 < sizeof(full); name++)
		full[n++] = (char)tolower((unsigned char)*name);
	full[n] = 0;
	if (cap_from_name(full, &cap) < 0)
		return -EINVAL;
	*ret = 1ull << cap;
	return 0;
}
