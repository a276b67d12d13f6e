/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/verbs.h"
#include "master/apiserver/write.h"

#define GENERATE_TRIES 8

struct create {
	struct write w;
	bool generated; /* the name is ours: another one is tried when it is taken */
};

static void create_free(struct write *w)
{
	free(container_of(w, struct create, w));
}

static int create_make(struct write *w, struct json_object *cur, struct json_object **ret,
		       struct err *err)
{
	struct create *c = container_of(w, struct create, w);
	struct request *r = w->r;
	CLEANUP_JSON struct json_object *obj = NULL;
	int strict = write_strictness(r, err), e;

	if (strict < 0)
		return strict;
	e = api_decode(w->kind, r->content_type, r->body, (enum api_strictness)strict, &obj,
		       &r->warnings, err);
	if (e < 0)
		return e;
	c->generated = !jsonc_path_str(obj, "metadata.name").len;
	e = write_begin_create(w, obj, err);
	if (e < 0)
		return e;
	w->cur_obj = NULL; /* it must not exist, whatever the name turned out to be */
	*ret = TAKE(obj);
	return e;
}

static bool create_retry(struct write *w, int err)
{
	struct create *c = container_of(w, struct create, w);

	if (!c->generated || w->tries >= GENERATE_TRIES)
		return false;
	write_set_name(w, STR(""), STR(""));
	write_set_name(w, w->r->info.ns, STR(""));
	return true;
}

static const struct write_ops create_ops = {
	.make = create_make,
	.retry = create_retry,
	.free = create_free,
};

void verb_create(struct request *r)
{
	struct create *c = NEW(struct create);

	write_init(&c->w, r, &create_ops);
	write_start(&c->w);
}
