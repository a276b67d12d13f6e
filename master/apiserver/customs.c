/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/customs.h"
#include "master/apiserver/follow.h"
#include "master/apiserver/server.h"

#define PREFIX "/apiextensions.k8s.io/customresourcedefinitions/"

struct customs {
	struct apiserver *srv;
	struct follow follow;
	struct hmap *defs; /* by name: struct custom_def, one reference each */
	struct api_kinds kinds;
	size_t cap;
};

static int by_preference(const void *a, const void *b)
{
	const struct api_kind *x = *(const struct api_kind *const *)a;
	const struct api_kind *y = *(const struct api_kind *const *)b;
	int c = strcmp(x->group, y->group);

	c = c ? c : custom_version_cmp(x->version, y->version);
	return c ? c : strcmp(x->plural, y->plural);
}

static void rebuild(struct customs *c)
{
	c->kinds.n_extra = 0;
	c->kinds.stamp++;
	hmap_for_each (it, c->defs) {
		const struct custom_def *d = it->value;

		for (size_t i = 0; i < custom_def_len(d); i++)
			*ARRAY_PUSH(c->kinds.extra, c->kinds.n_extra, c->cap) =
				custom_def_kind(d, i);
	}
	if (c->kinds.n_extra)
		qsort(c->kinds.extra, c->kinds.n_extra, sizeof(*c->kinds.extra), by_preference);
}

/* Watches of a form that is no more. */
static void end_streams(struct customs *c, const struct custom_def *d)
{
	list_for_each_safe (it, &c->srv->requests) {
		struct request *r = list_entry(it, struct request, node);

		if (r->kind && custom_def_of(r->kind) == d && r->streaming && !r->gone &&
		    r->front->end)
			r->front->end(r);
	}
}

static struct str name_of(struct str key)
{
	return str_skip(key, (size_t)str_rchr(key, '/') + 1);
}

static void drop(struct customs *c, struct str name)
{
	struct custom_def *d = hmap_del(c->defs, name);

	if (!d)
		return;
	rebuild(c);
	end_streams(c, d);
	custom_def_unref(d);
}

static bool same_part(struct jv a, struct jv b, const char *path)
{
	return str_eq(jv_raw(jv_path(a, path)), jv_raw(jv_path(b, path)));
}

static struct str read_def(void *owner, struct buf *scratch)
{
	return store_obj_read(owner, scratch);
}

static void release(void *owner)
{
	store_obj_drop(owner);
}
static const struct custom_source source = {read_def, release};

static void put(struct customs *c, const struct store_obj *o)
{
	struct str name = name_of(o->key);
	struct custom_def *was = hmap_get(c->defs, name);
	struct jv crd = jv_of(o->value);

	if (!custom_condition(crd, "Established")) {
		drop(c, name);
		return;
	}
	if (was) {
		CLEANUP(buf_done) struct buf scratch = BUF_INIT;
		struct jv old = jv_of(custom_def_json(was, &scratch));

		if (same_part(crd, old, "spec") && same_part(crd, old, "status.acceptedNames") &&
		    same_part(crd, old, "metadata.deletionTimestamp"))
			return;
	}
	hmap_put(c->defs, name, custom_def_new(o->value, o->rev, &source, store_obj_keep(o)));
	rebuild(c);
	if (!was)
		return;
	end_streams(c, was);
	custom_def_unref(was);
}

static void on_put(void *user, const struct store_obj *o)
{
	put(user, o);
}

static void on_del(void *user, const struct store_obj *gone)
{
	drop(user, name_of(gone->key));
}

static void drop_deleted(void *user, const struct store_view *v)
{
	struct customs *c = user;

	for (bool again = true; again;) {
		again = false;
		hmap_for_each (it, c->defs) {
			CLEANUP(buf_done) struct buf key = BUF_INIT;

			buf_addf(&key, PREFIX "/%.*s", STR_ARG(it->key));
			if (!store_get(v, buf_str(&key))) {
				drop(c, it->key);
				again = true;
				break;
			}
		}
	}
}

static const struct follow_ops follow_ops = {.begin = drop_deleted, .put = on_put, .del = on_del};

struct customs *customs_new(struct apiserver *s)
{
	struct customs *c = NEW(struct customs);

	c->srv = s;
	c->defs = hmap_new();
	follow_start(&c->follow, s->store, STR(PREFIX), &follow_ops, c);
	return c;
}

static void unref(void *d)
{
	custom_def_unref(d);
}

struct customs *customs_free(struct customs *c)
{
	if (!c)
		return NULL;
	follow_stop(&c->follow);
	hmap_free_full(c->defs, unref);
	free(c->kinds.extra);
	free(c);
	return NULL;
}

const struct api_kinds *customs_kinds(const struct customs *c)
{
	return &c->kinds;
}

bool customs_is_terminating(const struct api_kind *k)
{
	const struct custom_def *d = custom_def_of(k);

	return d && custom_def_is_terminating(d);
}
