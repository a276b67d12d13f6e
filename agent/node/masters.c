/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/base.h"

#include "agent/node/masters.h"
#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/http/client.h"
#include "lib/json/jv.h"

#define MASTERS_MAX 64u

struct masters {
	struct masters_conf conf;
	char *urls[MASTERS_MAX + 1];
	size_t n;
};

static void urls_free(char **urls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(urls[i]);
}

static bool is_ours(const struct object *o)
{
	return str_eqs(o->ns, "default") &&
	       jv_eqs(jv_get(jv_path(jv_of(o->bytes), "metadata.labels"),
			     "kubernetes.io/service-name"),
		      "kubernetes");
}

static void add(char **urls, size_t *n, char *take_url)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(urls[i], take_url)) {
			free(take_url);
			return;
		}
	if (*n < MASTERS_MAX)
		urls[(*n)++] = take_url;
	else
		free(take_url);
}

static void add_slice(struct jv slice, char **urls, size_t *n)
{
	int64_t port = jv_i64(jv_path(slice, "ports[0].port"), 0);

	jv_for_each (e, jv_get(slice, "endpoints")) {
		struct str ip = jv_text(jv_path(e.value, "addresses[0]"));

		if (ip.len && port > 0 && jv_bool(jv_path(e.value, "conditions.ready"), true))
			add(urls, n,
			    xasprintf(str_chr(ip, ':') >= 0 ? "https://[%.*s]:%" PRId64
							    : "https://%.*s:%" PRId64,
				      STR_ARG(ip), port));
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In an order that is this node's own. */
static void turn(const char *node, char **urls, size_t n)
{
	char *old[MASTERS_MAX];
	unsigned hash = 5381;

	for (; *node; node++)
		hash = hash * 33u + (unsigned char)*node;
	qsort(urls, n, sizeof(*urls), by_text);
	memcpy(old, urls, n * sizeof(*urls));
	for (size_t i = 0; i < n; i++)
		urls[i] = old[(i + hash) % n];
}

static bool same(const struct masters *m, char **urls, size_t n)
{
	bool yes = n == m->n;

	for (size_t i = 0; yes && i < n; i++)
		yes = !strcmp(urls[i], m->urls[i]);
	return yes;
}

static void look(struct masters *m)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	char *urls[MASTERS_MAX + 1];
	size_t n = 0;

	informer_for_each(o, m->conf.slices) if (is_ours(o)) add_slice(jv_of(o->bytes), urls, &n);
	if (n)
		turn(m->conf.node_name, urls, n);
	add(urls, &n, xstrdup(m->conf.server)); /* last, unless it is one of them */
	if (same(m, urls, n)) {
		urls_free(urls, n);
		return;
	}
	urls_free(m->urls, m->n);
	memcpy(m->urls, urls, n * sizeof(*urls));
	m->n = n;
	if (http_client_set_endpoints(m->conf.http, (const char *const *)m->urls, n, &e) < 0)
		log_warn("masters: %s", err_text(&e));
}

static void changed(void *user, struct object *o)
{
	if (is_ours(o))
		look(user);
}

static void updated(void *user, struct object *old, struct object *o)
{
	if (is_ours(old) || is_ours(o))
		look(user);
}

/* Its last word is kept: no endpoint at all means that nobody keeps the list just now. */
static const struct informer_handler handler = {.added = changed, .updated = updated};

struct masters *masters_start(const struct masters_conf *conf)
{
	struct masters *m = NEW(struct masters);

	m->conf = *conf;
	informer_handle(conf->slices, &handler, m);
	return m;
}

struct masters *masters_stop(struct masters *m)
{
	if (!m)
		return NULL;
	informer_unhandle(m->conf.slices, &handler, m);
	urls_free(m->urls, m->n);
	free(m);
	return NULL;
}
