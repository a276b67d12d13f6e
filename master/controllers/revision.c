/* SPDX-License-Identifier: Apache-2.0 */
#include "master/controllers/revision.h"

static struct informer *revisions_in(struct ctl *c)
{
	return informers_get(c->informers, &client_controllerrevisions);
}

static int64_t number_of(const struct object *o)
{
	return jv_i64(jv_get(jv_of(o->bytes), "revision"), 0);
}

static int by_number(const void *a, const void *b)
{
	const struct object *x = *(struct object *const *)a, *y = *(struct object *const *)b;
	int64_t m = number_of(x), n = number_of(y);

	return m < n ? -1 : m > n ? 1 : str_cmp(x->name, y->name);
}

/* {"spec":{"template":{...,"$patch":"replace"}}} */
static void write_data(struct jv template, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_key(&w, "spec");
	jw_begin_object(&w);
	jw_key(&w, "template");
	jw_begin_object(&w);
	jv_for_each_member (m, template) {
		jw_keyn(&w, m.key);
		jw_raw(&w, jv_raw(m.value));
	}
	jw_member_str(&w, "$patch", STR("replace"));
	jw_end_object(&w);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void write_labels(struct jw *w, struct jv labels, const char *const *extra)
{
	jw_key(w, "labels");
	jw_begin_object(w);
	jv_for_each_member (m, labels) {
		bool replaced = false;

		for (size_t i = 0; extra && extra[i]; i += 2)
			replaced |= str_eqs(m.key, extra[i]);
		if (replaced)
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	for (size_t i = 0; extra && extra[i]; i += 2)
		jw_member_str(w, extra[i], str_of(extra[i + 1]));
	jw_end_object(w);
}

static void add_revision(struct revisions *r, struct plan *p, const struct client_kind *kind,
			 struct object *owner, struct str data, int64_t number)
{
	struct plan_op *op =
		plan_add(p, "POST", &client_controllerrevisions, owner->ns, STR_NULL, NULL);
	struct jv notes = jv_get(object_meta(owner), "annotations");
	const char *extra[] = {REVISION_HASH_LABEL, r->hash, NULL};
	struct jw w = jw_start(&op->body);

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("apps/v1"));
	jw_member_str(&w, "kind", STR("ControllerRevision"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(r->name));
	jw_member_str(&w, "namespace", owner->ns);
	write_labels(&w, jv_path(jv_of(r->template_now), "metadata.labels"), extra);
	if (jv_exists(notes))
		jw_member_raw(&w, "annotations", jv_raw(notes));
	jw_key(&w, "ownerReferences");
	jw_begin_array(&w);
	write_controller_ref(&w, kind, owner);
	jw_end_array(&w);
	jw_end_object(&w);
	jw_member_raw(&w, "data", data);
	jw_member_i64(&w, "revision", number);
	jw_end_object(&w);
	plan_next_stage(p);
}

/* A name that nobody else's revision has. */
static void choose_name(struct revisions *r, struct ctl *c, struct object *owner, struct str data)
{
	char hash[16];

	for (int64_t salt = 0;; salt++) {
		hash_name(data, salt, hash);
		free(r->name);
		r->name = xasprintf("%.*s-%s", STR_ARG(owner->name), hash);
		if (!informer_get_in(revisions_in(c), owner->ns, str_of(r->name)))
			break;
	}
	r->hash = xstrdup(hash);
}

void revisions_find(struct revisions *r, struct ctl *c, struct plan *p,
		    const struct client_kind *kind, struct object *owner,
		    const struct label_selector *sel)
{
	struct jv template = jv_get(object_spec(owner), "template");
	CLEANUP(buf_done) struct buf data = BUF_INIT;
	int64_t last = 0;

	r->template_now = jv_raw(template);
	r->n = claim(p, kind, owner, sel, &client_controllerrevisions, revisions_in(c), &r->v);
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_number);
	last = r->n ? number_of(r->v[r->n - 1]) : 0;
	write_data(template, &data);
	for (size_t i = r->n; i-- && !r->now;)
		if (!object_deleting(r->v[i]) &&
		    json_same(jv_raw(jv_get(jv_of(r->v[i]->bytes), "data")), buf_str(&data)))
			r->now = r->v[i];
	if (!r->now) {
		choose_name(r, c, owner, buf_str(&data));
		if (!object_deleting(owner))
			add_revision(r, p, kind, owner, buf_str(&data), last + 1);
		return;
	}
	r->name = str_dup(r->now->name);
	r->hash = str_dup(
		jv_text(jv_get(jv_get(object_meta(r->now), "labels"), REVISION_HASH_LABEL)));
	if (number_of(r->now) < last && !object_deleting(owner)) {
		struct plan_op *op = plan_add(p, "PATCH", &client_controllerrevisions, owner->ns,
					      r->now->name, NULL);

		op->flags = PLAN_OK_ABSENT;
		buf_addf(&op->body, "{\"revision\":%" PRId64 "}", last + 1);
	}
}

void revisions_done(struct revisions *r)
{
	free(r->v);
	free(r->name);
	free(r->hash);
}

struct object *revisions_get(const struct revisions *r, struct str name)
{
	for (size_t i = 0; i < r->n; i++)
		if (str_eq(r->v[i]->name, name))
			return r->v[i];
	return NULL;
}

void revisions_trim(const struct revisions *r, struct plan *p, int64_t limit,
		    bool (*live)(void *user, struct object *rev), void *user)
{
	int64_t surplus = -limit;

	for (size_t i = 0; i < r->n; i++)
		surplus += r->v[i] != r->now && !live(user, r->v[i]);
	for (size_t i = 0; i < r->n && surplus > 0; i++) {
		struct plan_op *op;

		if (r->v[i] == r->now || live(user, r->v[i]))
			continue;
		surplus--;
		op = plan_add(p, "DELETE", &client_controllerrevisions, r->v[i]->ns, r->v[i]->name,
			      NULL);
		op->flags = PLAN_OK_ABSENT;
	}
}

void revisions_watch(struct ctl *c, const struct informer_handler *h)
{
	informer_index(revisions_in(c), informer_by_controller);
	informer_index(revisions_in(c), index_orphans);
	ctl_handle(c, revisions_in(c), h);
}

static void write_meta(struct jw *w, struct jv meta, const struct client_kind *kind,
		       struct object *owner, struct str name, const char *const *extra)
{
	static const char *const copied[] = {"annotations", "finalizers"};

	jw_key(w, "metadata");
	jw_begin_object(w);
	if (name.len) {
		jw_member_str(w, "name", name);
	} else {
		CLEANUP(buf_done) struct buf prefix = BUF_INIT;

		buf_addf(&prefix, "%.*s-", STR_ARG(owner->name));
		jw_member_str(w, "generateName", buf_str(&prefix));
	}
	jw_member_str(w, "namespace", owner->ns);
	write_labels(w, jv_get(meta, "labels"), extra);
	for (size_t i = 0; i < ARRAY_SIZE(copied); i++)
		if (jv_exists(jv_get(meta, copied[i])))
			jw_member_raw(w, copied[i], jv_raw(jv_get(meta, copied[i])));
	jw_key(w, "ownerReferences");
	jw_begin_array(w);
	write_controller_ref(w, kind, owner);
	jw_end_array(w);
	jw_end_object(w);
}

void write_pod_from_template(struct jw *w, struct jv template, const struct client_kind *kind,
			     struct object *owner, struct str name, const char *const *extra,
			     const struct pod_over *over, size_t n_over)
{
	jw_begin_object(w);
	jw_member_str(w, "apiVersion", STR("v1"));
	jw_member_str(w, "kind", STR("Pod"));
	write_meta(w, jv_get(template, "metadata"), kind, owner, name, extra);
	jw_key(w, "spec");
	jw_begin_object(w);
	jv_for_each_member (m, jv_get(template, "spec")) {
		bool replaced = false;

		for (size_t i = 0; i < n_over; i++)
			replaced |= str_eqs(m.key, over[i].name);
		if (replaced)
			continue;
		jw_keyn(w, m.key);
		jw_raw(w, jv_raw(m.value));
	}
	for (size_t i = 0; i < n_over; i++)
		jw_member_raw(w, over[i].name, over[i].json);
	jw_end_object(w);
	jw_end_object(w);
}
