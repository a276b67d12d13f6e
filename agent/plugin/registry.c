/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/plugin/registry.h"

#include <dirent.h>
#include <sys/stat.h>
#include <uv.h>

#include "lib/base/list.h"
#include "lib/base/log.h"
#include "lib/base/pb.h"
#include "lib/http/grpc.h"
#include "lib/sys/file.h"

#define AGAIN_MIN (100 * NSEC_PER_MSEC)
#define AGAIN_MAX (120 * NSEC_PER_SEC)
#define INFO_NS (10 * NSEC_PER_SEC)
#define NOTIFY_NS (5 * NSEC_PER_SEC)
#define DEPTH_MAX 4
#define VERSIONS_MAX 64

struct plugin_registry {
	uv_loop_t *loop;
	struct timers *timers;
	char *dir;
	struct plugin_handler_row *rows;
	size_t n_rows;
	struct list plugins, watches;
	struct timer look; /* something has changed in the directory */
	uint64_t round;
};

struct watch {
	struct list in_registry;
	struct plugin_registry *all;
	char *dir;
	uint64_t round; /* when it was last seen */
	uv_fs_event_t event;
};

struct plugin {
	struct list in_registry;
	struct plugin_registry *all;
	char *path;
	dev_t dev; /* which socket it is: a path is used again */
	ino_t ino;
	struct timespec born;
	uint64_t round;
	struct grpc_client *client;
	struct grpc_call *call;
	struct timer again;
	uint64_t delay_ns;
	struct plugin_info info;
	char **versions;
	const struct plugin_handler_row *row;
	bool added; /* the handler has it */
	bool told; /* the same failure is logged once */
};

static void info_clear(struct plugin *p)
{
	for (char **v = p->versions; v && *v; v++)
		free(*v);
	free(p->versions);
	free((char *)(uintptr_t)p->info.type);
	free((char *)(uintptr_t)p->info.name);
	free((char *)(uintptr_t)p->info.endpoint);
	p->info = (struct plugin_info){0};
	p->versions = NULL;
}

static void plugin_free(struct plugin *p)
{
	list_remove(&p->in_registry);
	timers_disarm(p->all->timers, &p->again);
	grpc_client_free(p->client);
	info_clear(p);
	free(p->path);
	free(p);
}

static void plugin_gone(struct plugin *p)
{
	bool added = p->added;

	if (added)
		log_notice("plugin %s (%s) is gone", p->info.name, p->info.type);
	p->added = false;
	if (added)
		p->row->handler->gone(p->row->user, &p->info);
	plugin_free(p);
}

static void try_later(struct plugin *p, const char *why)
{
	if (!p->told)
		log_warn("plugin at %s: %s", p->path, why);
	p->told = true;
	p->delay_ns = p->delay_ns ? MIN(p->delay_ns * 2, AGAIN_MAX) : AGAIN_MIN;
	timers_arm_in(p->all->timers, &p->again, p->delay_ns);
}

/* NotifyRegistrationStatus */

static void on_notified(void *user, int status, struct str message, struct str response)
{
	struct plugin *p = user;
	CLEANUP(buf_done) struct buf why = BUF_INIT;

	p->call = NULL;
	if (status) {
		grpc_error_text(status, message, &why);
		log_warn("plugin %s: cannot tell it how its registration went: %s", p->info.name,
			 why.p);
	}
	if (!p->added)
		try_later(p, "is not registered");
}

/* RegistrationStatus{bool plugin_registered 1, string error 2} */
static void notify(struct plugin *p, const char *error)
{
	CLEANUP(buf_done) struct buf request = BUF_INIT;

	pb_put_u64(&request, 1, !error);
	pb_put_text(&request, 2, str_of(error));
	p->call = grpc_client_call(
		p->client,
		&(struct grpc_req){
			.method = "/pluginregistration.Registration/NotifyRegistrationStatus",
			.request = buf_str(&request),
			.timeout_ns = NOTIFY_NS,
			.done = on_notified,
			.user = p,
		});
}

static void refuse(struct plugin *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void refuse(struct plugin *p, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&why, fmt, ap);
	va_end(ap);
	if (!p->told)
		log_warn("plugin at %s: %s", p->path, why.p);
	p->told = true;
	p->added = false;
	notify(p, why.p);
}

void plugin_answer(struct plugin *p, const struct err *err)
{
	if (err && err->errnum) {
		refuse(p, "RegisterPlugin error -- plugin registration failed with err: %s",
		       err_text(err));
		return;
	}
	log_notice("plugin %s (%s) at %s", p->info.name, p->info.type, p->info.endpoint);
	p->delay_ns = 0;
	p->told = false;
	notify(p, NULL);
}

/* GetInfo */

static void info_read(struct plugin *p, struct str in)
{
	struct pb_item it;
	struct str endpoint = pb_get_bytes(in, 3);
	size_t n = 0;

	info_clear(p);
	p->info.type = str_dup(pb_get_bytes(in, 1));
	p->info.name = str_dup(pb_get_bytes(in, 2));
	p->info.endpoint = endpoint.len ? str_dup(endpoint) : xstrdup(p->path);
	p->versions = xcalloc(VERSIONS_MAX + 1, sizeof(*p->versions));
	while (pb_next(&in, &it) > 0)
		if (it.number == 4 && it.wire == PB_BYTES && n < VERSIONS_MAX)
			p->versions[n++] = str_dup(it.bytes);
	p->info.versions = (const char *const *)p->versions;
}

static const struct plugin_handler_row *handler_of(const struct plugin_registry *r,
						   const char *type)
{
	for (size_t i = 0; i < r->n_rows; i++)
		if (strcmp(r->rows[i].handler->type, type) == 0)
			return &r->rows[i];
	return NULL;
}

static void on_info(void *user, int status, struct str message, struct str response)
{
	struct plugin *p = user;
	CLEANUP(buf_done) struct buf why = BUF_INIT;
	struct err err = ERR_INIT;

	p->call = NULL;
	if (status) {
		buf_adds(&why, "failed to get plugin info using RPC GetInfo: ");
		grpc_error_text(status, message, &why);
		try_later(p, why.p);
		return;
	}
	info_read(p, response);
	p->row = handler_of(p->all, p->info.type);
	if (!p->row) {
		refuse(p,
		       "RegisterPlugin error -- no handler registered for plugin type: %s at "
		       "socket %s",
		       p->info.type, p->path);
	} else if (p->row->handler->check(p->row->user, &p->info, &err) < 0) {
		refuse(p, "RegisterPlugin error -- plugin validation failed with err: %s",
		       err_text(&err));
	} else {
		p->added = true;
		p->row->handler->add(p->row->user, &p->info, p);
	}
	err_done(&err);
}

static void on_again(struct timer *t)
{
	struct plugin *p = container_of(t, struct plugin, again);

	p->call = grpc_client_call(p->client, &(struct grpc_req){
						      .method = "/pluginregistration.Registration/"
								"GetInfo",
						      .timeout_ns = INFO_NS,
						      .done = on_info,
						      .user = p,
					      });
}

/* The directory */

static void socket_found(struct plugin_registry *r, const char *path, const struct stat *st)
{
	struct plugin *p = NULL;

	list_for_each (it, &r->plugins) {
		struct plugin *x = list_entry(it, struct plugin, in_registry);

		if (strcmp(x->path, path) == 0)
			p = x;
	}
	if (p && (p->dev != st->st_dev || p->ino != st->st_ino ||
		  memcmp(&p->born, &st->st_ctim, sizeof(p->born)) != 0)) {
		plugin_gone(p);
		p = NULL;
	}
	if (!p) {
		p = NEW(struct plugin);
		p->all = r;
		p->path = xstrdup(path);
		p->dev = st->st_dev;
		p->ino = st->st_ino;
		p->born = st->st_ctim;
		p->client = grpc_client_new(r->loop, r->timers, path);
		p->again.fire = on_again;
		list_append(&r->plugins, &p->in_registry);
		timers_soon(r->timers, &p->again);
	}
	p->round = r->round;
}

static void on_watch_closed(uv_handle_t *h)
{
	struct watch *w = h->data;

	free(w->dir);
	free(w);
}

static void watch_free(struct watch *w)
{
	list_remove(&w->in_registry);
	uv_close((uv_handle_t *)&w->event, on_watch_closed);
}

static void on_event(uv_fs_event_t *h, const char *name, int events, int status)
{
	struct watch *w = h->data;

	if (!timer_armed(&w->all->look))
		timers_soon(w->all->timers, &w->all->look);
}

static int watch_dir(struct plugin_registry *r, const char *dir)
{
	struct watch *w;
	int e;

	list_for_each (it, &r->watches) {
		w = list_entry(it, struct watch, in_registry);
		if (strcmp(w->dir, dir) == 0) {
			w->round = r->round;
			return 0;
		}
	}
	w = NEW(struct watch);
	w->all = r;
	w->dir = xstrdup(dir);
	w->round = r->round;
	uv_fs_event_init(r->loop, &w->event);
	w->event.data = w;
	list_append(&r->watches, &w->in_registry);
	e = uv_fs_event_start(&w->event, on_event, dir, 0);
	if (e < 0)
		watch_free(w);
	return e;
}

/* First the watch, then the look: nothing is missed. */
static int walk(struct plugin_registry *r, const char *dir, unsigned depth)
{
	int e = watch_dir(r, dir);
	DIR *d = e < 0 ? NULL : opendir(dir);
	struct dirent *ent;
	struct stat st;

	if (!d)
		return e < 0 ? e : -errno;
	while ((ent = readdir(d))) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, ent->d_name);

		if (ent->d_name[0] == '.' || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			walk(r, path, depth + 1);
		else if (S_ISSOCK(st.st_mode))
			socket_found(r, path, &st);
	}
	closedir(d);
	return 0;
}

static int look(struct plugin_registry *r)
{
	int e;

	r->round++;
	e = walk(r, r->dir, 0);
	list_for_each_safe (it, &r->plugins) {
		struct plugin *p = list_entry(it, struct plugin, in_registry);

		if (p->round != r->round)
			plugin_gone(p);
	}
	list_for_each_safe (it, &r->watches) {
		struct watch *w = list_entry(it, struct watch, in_registry);

		if (w->round != r->round)
			watch_free(w);
	}
	return e;
}

static void on_look(struct timer *t)
{
	struct plugin_registry *r = container_of(t, struct plugin_registry, look);

	/* Somebody may have removed the directory itself. */
	if (look(r) < 0 && dir_make(r->dir, 0755) == 0)
		look(r);
}

int plugin_registry_start(const struct plugin_registry_conf *conf, struct plugin_registry **ret,
			  struct err *err)
{
	struct plugin_registry *r = NEW(struct plugin_registry);
	int e;

	r->loop = conf->loop;
	r->timers = conf->timers;
	r->dir = xstrdup(conf->dir);
	r->rows = xcalloc(conf->n_rows + 1, sizeof(*r->rows));
	r->n_rows = conf->n_rows;
	for (size_t i = 0; i < conf->n_rows; i++)
		r->rows[i] = conf->rows[i];
	r->look.fire = on_look;
	list_init(&r->plugins);
	list_init(&r->watches);
	e = dir_make(r->dir, 0755);
	if (e == 0)
		e = look(r);
	if (e < 0) {
		err_sys(err, -e, "cannot watch %s: %s", r->dir, strerror(-e));
		plugin_registry_stop(r);
		return e;
	}
	*ret = r;
	return 0;
}

struct plugin_registry *plugin_registry_stop(struct plugin_registry *r)
{
	if (!r)
		return NULL;
	timers_disarm(r->timers, &r->look);
	list_for_each_safe (it, &r->plugins)
		plugin_free(list_entry(it, struct plugin, in_registry));
	list_for_each_safe (it, &r->watches)
		watch_free(list_entry(it, struct watch, in_registry));
	free(r->dir);
	free(r->rows);
	free(r);
	return NULL;
}

/* "v1.2.0" as numbers; the first of more than three, or of anything else, is 0. */
static uint64_t version_number(const char *text, unsigned *ret_major)
{
	unsigned part[3] = {0};
	const char *s = *text == 'v' ? text + 1 : text;
	int n = sscanf(s, "%u.%u.%u", &part[0], &part[1], &part[2]);

	*ret_major = n > 0 ? part[0] : UINT_MAX;
	return ((uint64_t)MIN(part[1], 0xffffu) << 16) + MIN(part[2], 0xffffu);
}

const char *plugin_version(const struct plugin_info *info, unsigned major)
{
	const char *best = NULL;
	uint64_t best_number = 0;

	for (const char *const *v = info->versions; v && *v; v++) {
		unsigned m;
		uint64_t number = version_number(*v, &m);

		if (m == major && (!best || number > best_number)) {
			best = *v;
			best_number = number;
		}
	}
	return best;
}
