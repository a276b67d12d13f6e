/* SPDX-License-Identifier: Apache-2.0 */
#include "master/apiserver/delete.h"
#include "master/apiserver/read.h"
#include "master/apiserver/verbs.h"

/*
 * DELETE of a collection: one delete after the other over the objects of one view, as if the
 * client had sent them, a few on their way at a time. The answer is the list of what was there.
 */
#define AT_ONCE 32

struct sweep {
	struct request *r;
	struct delete_options o;
	struct store_view *view;
	const struct store_obj **objs;
	size_t n, cap, next, running;
	struct err failed; /* the first failure that is none of "not found" */
};

struct sweep_item {
	struct write w;
	struct sweep *s;
};

static void sweep_more(struct sweep *s);

static void sweep_free(struct sweep *s)
{
	store_view_unref(s->view);
	delete_options_done(&s->o);
	err_done(&s->failed);
	free(s->objs);
	request_unref(s->r);
	free(s);
}

static void sweep_answer(struct sweep *s)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct request *r = s->r;

	if (s->failed.errnum) {
		respond_err(r, &s->failed);
		return;
	}
	buf_addf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"", r->kind->list_kind);
	api_kind_api_version(r->kind, &b);
	buf_addf(&b, "\",\"metadata\":{\"resourceVersion\":\"%" PRIu64 "\"},\"items\":[",
		 store_rev(r->srv->store));
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_addc(&b, ',');
		buf_addstr(&b, s->objs[i]->value);
	}
	buf_adds(&b, "]}");
	respond_json(r, 200, &b);
}

static int item_make(struct write *w, struct json_object *cur, struct json_object **ret,
		     struct err *err)
{
	struct sweep_item *it = container_of(w, struct sweep_item, w);
	int e = delete_make(w, &it->s->o, cur, ret, err);

	if (e < 0 && e != -ENOENT && !it->s->failed.errnum)
		err_set(&it->s->failed, err->errnum, err->reason, "%s", err_text(err));
	return e;
}

static void item_done(struct write *w, enum write_action a, struct str value,
		      const struct store_obj *o)
{
}

static bool item_retry(struct write *w, int err)
{
	return true;
}

static void item_free(struct write *w)
{
	struct sweep_item *it = container_of(w, struct sweep_item, w);
	struct sweep *s = it->s;

	free(it);
	s->running--;
	sweep_more(s);
}

static const struct write_ops item_ops = {
	.make = item_make,
	.done = item_done,
	.retry = item_retry,
	.free = item_free,
};

/* Failures of one item must not answer the request: they are kept in s->failed. */
static void sweep_more(struct sweep *s)
{
	struct str ns, name;

	s->running++; /* not re-entered to the end from within */
	while (s->next < s->n && s->running <= AT_ONCE) {
		struct sweep_item *it = NEW(struct sweep_item);

		it->s = s;
		it->w.quiet = true;
		read_key_split(s->objs[s->next++]->key, &ns, &name);
		write_init(&it->w, s->r, &item_ops);
		write_set_name(&it->w, ns, name);
		s->running++;
		write_start(&it->w);
	}
	if (--s->running)
		return;
	if (s->next < s->n)
		return;
	sweep_answer(s);
	sweep_free(s);
}

void verb_deletecollection(struct request *r)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf prefix = BUF_INIT;
	CLEANUP(delete_options_done) struct delete_options o = {.grace_s = -1};
	struct read_filter filter;
	const struct store_obj *obj;
	struct store_iter it;
	struct sweep *s;

	if (delete_options_parse(r, &o, &e) < 0 || read_check_options(r, false, &e) < 0 ||
	    read_filter_parse(r, &filter, &e) < 0) {
		respond_err(r, &e);
		return;
	}
	s = NEW(struct sweep);
	s->r = request_ref(r);
	s->o = o;
	o.uid = NULL;
	s->view = store_view(r->srv->store);
	request_key(r->kind, r->info.ns, STR(""), &prefix);
	store_range(s->view, buf_str(&prefix), STR_NULL, &it);
	while ((obj = store_iter_next(&it)))
		if (read_filter_match(&filter, obj))
			*ARRAY_PUSH(s->objs, s->n, s->cap) = obj;
	read_filter_done(&filter);
	sweep_more(s);
}
