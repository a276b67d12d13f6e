/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/apply.h"
#include "lib/api/crd/custom.h"
#include "lib/api/status.h"
#include "lib/api/typed.h"
#include "lib/base/clock.h"

#define MAX_UPDATE_MANAGERS 10
#define ANCIENT "ancient-changes"
#define BEFORE_APPLY "before-first-apply"

/* One entry of metadata.managedFields. */
struct entry {
	char *manager, *subresource, *version;
	char *time;
	bool apply;
	struct fieldset *set;
};

struct managers {
	struct entry *v;
	size_t n, cap;
	bool cleared; /* the client sent [] or [{}] */
};

static void entry_done(struct entry *e)
{
	free(e->manager);
	free(e->subresource);
	free(e->version);
	free(e->time);
	fieldset_free(e->set);
}

static void managers_done(struct managers *m)
{
	for (size_t i = 0; i < m->n; i++)
		entry_done(&m->v[i]);
	free(m->v);
	*m = (struct managers){0};
}

static char *dup_member(struct json_object *o, const char *name)
{
	struct str s = jsonc_path_str(o, name);

	return xstrndup(s.p ? s.p : "", s.len);
}

static void managers_load(struct json_object *obj, struct managers *ret)
{
	struct json_object *list = jsonc_path(obj, "metadata.managedFields");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	*ret = (struct managers){.cleared = list && !n};
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!jsonc_path_str(o, "operation").len) {
			ret->cleared = n == 1;
			continue;
		}
		*ARRAY_PUSH(ret->v, ret->n, ret->cap) = (struct entry){
			.manager = dup_member(o, "manager"),
			.subresource = dup_member(o, "subresource"),
			.version = dup_member(o, "apiVersion"),
			.time = dup_member(o, "time"),
			.apply = str_eqs(jsonc_path_str(o, "operation"), "Apply"),
			.set = fieldset_from_json(jsonc_get(o, "fieldsV1")),
		};
	}
}

/* Apply entries first, then by time, then by name: the order Kubernetes writes. */
static int cmp_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c;

	if (x->apply != y->apply)
		return x->apply ? -1 : 1;
	c = strcmp(x->time, y->time);
	return c ? c : strcmp(x->manager, y->manager);
}

/* Takes fields. */
static struct json_object *entry_json(const struct entry *e, struct json_object *fields)
{
	struct json_object *o = json_object_new_object();

	jsonc_set_str(o, "manager", str_of(e->manager));
	jsonc_set_str(o, "operation", e->apply ? STR("Apply") : STR("Update"));
	jsonc_set_str(o, "apiVersion", str_of(e->version));
	if (*e->time)
		jsonc_set_str(o, "time", str_of(e->time));
	jsonc_set_str(o, "fieldsType", STR("FieldsV1"));
	jsonc_set(o, "fieldsV1", fields);
	if (*e->subresource)
		jsonc_set_str(o, "subresource", str_of(e->subresource));
	return o;
}

static void managers_store(struct managers *m, struct json_object *obj)
{
	struct json_object *list = json_object_new_array();

	if (m->n > 1)
		qsort(m->v, m->n, sizeof(m->v[0]), cmp_entries);
	for (size_t i = 0; i < m->n; i++) {
		const struct entry *e = &m->v[i];

		if (!fieldset_empty(e->set))
			json_object_array_add(list, entry_json(e, fieldset_to_json(e->set)));
	}
	if (json_object_array_length(list)) {
		api_set(obj, "metadata.managedFields", list);
	} else {
		json_object_put(list);
		api_del(obj, "metadata.managedFields");
	}
}

static struct entry *find(struct managers *m, const struct api_manager *by, bool apply,
			  struct str version)
{
	struct str name = by->name.len ? by->name : STR("unknown");

	for (size_t i = 0; i < m->n; i++) {
		struct entry *e = &m->v[i];

		if (e->apply == apply && str_eqs(name, e->manager) &&
		    str_eqs(by->subresource, e->subresource) &&
		    (apply || str_eqs(version, e->version)))
			return e;
	}
	return NULL;
}

static struct entry *ensure(struct managers *m, const struct api_manager *by, bool apply,
			    struct str version)
{
	struct entry *e = find(m, by, apply, version);
	struct str name = by->name.len ? by->name : STR("unknown");

	if (e)
		return e;
	e = ARRAY_PUSH(m->v, m->n, m->cap);
	*e = (struct entry){
		.manager = xstrndup(name.p, name.len),
		.subresource =
			xstrndup(by->subresource.p ? by->subresource.p : "", by->subresource.len),
		.version = xstrndup(version.p, version.len),
		.time = xstrdup(""),
		.apply = apply,
		.set = fieldset_new(),
	};
	return e;
}

static void stamp(struct entry *e, int64_t now_ns)
{
	char text[TIME_LEN + 1];

	time_format(now_ns, text);
	free(e->time);
	e->time = xstrdup(text);
}

/* What nobody owns: identity, and what the server sets. */
static const char *const nobodys_meta[] = {
	"name",       "namespace",     "creationTimestamp", "selfLink",    "uid",
	"generation", "managedFields", "resourceVersion",   "clusterName", NULL};

static bool status_is_nobodys(const struct api_kind *k, struct str subresource)
{
	return k->flags & API_K_STATUS && !subresource.len;
}

static void strip(const struct api_kind *k, struct str subresource, struct fieldset *s)
{
	const char *const version[] = {"f:apiVersion", NULL}, *const kind[] = {"f:kind", NULL};
	const char *const status[] = {"f:status", NULL};
	struct fieldset *m;

	fieldset_remove_tree(s, version);
	fieldset_remove_tree(s, kind);
	for (size_t i = 0; nobodys_meta[i]; i++) {
		char name[32] = "f:";
		const char *const path[] = {"f:metadata", name, NULL};

		str_copy(name + 2, sizeof(name) - 2, str_of(nobodys_meta[i]));
		fieldset_remove_tree(s, path);
	}
	m = fieldset_child(s, "f:metadata");
	if (m)
		m->member = false;
	if (status_is_nobodys(k, subresource))
		fieldset_remove_tree(s, status);
	fieldset_tidy(s);
}

static void strip_diff(const struct api_kind *k, struct str subresource, struct typed_diff *d)
{
	strip(k, subresource, d->added);
	strip(k, subresource, d->modified);
	strip(k, subresource, d->removed);
}

/* Past the limit the oldest Update entries become one. */
static void cap_updates(struct managers *m, int64_t now_ns)
{
	size_t updates = 0;

	for (size_t i = 0; i < m->n; i++)
		updates += !m->v[i].apply;
	if (m->n > 1)
		qsort(m->v, m->n, sizeof(m->v[0]), cmp_entries);
	for (size_t i = 0; i < m->n && updates > MAX_UPDATE_MANAGERS; i++) {
		struct api_manager old = {
			.name = STR(ANCIENT), .subresource = STR(""), .now_ns = now_ns};
		struct entry *e;

		if (m->v[i].apply || strcmp(m->v[i].manager, ANCIENT) == 0)
			continue;
		e = ensure(m, &old, false, str_of(m->v[i].version));
		fieldset_add(e->set, m->v[i].set);
		if (strcmp(e->time, m->v[i].time) < 0) {
			free(e->time);
			e->time = xstrdup(m->v[i].time);
		}
		fieldset_free(m->v[i].set);
		m->v[i].set = fieldset_new();
		updates--;
	}
}

static void take_away(struct managers *m, const struct entry *self, const struct typed_diff *d)
{
	for (size_t i = 0; i < m->n; i++) {
		if (&m->v[i] == self)
			continue;
		fieldset_subtract(m->v[i].set, d->added);
		fieldset_subtract(m->v[i].set, d->modified);
		fieldset_subtract(m->v[i].set, d->removed);
	}
}

/* A new object that nobody owned before: one entry, straight from the tree. */
static bool own_new(const struct api_kind *kind, struct json_object *obj,
		    const struct api_manager *by)
{
	const char *skip[] = {"apiVersion", "kind", NULL, NULL};
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	struct buf fields = BUF_INIT;
	struct json_object *list;
	struct managers m = {0};
	struct entry *e;
	int r;

	if (status_is_nobodys(kind, by->subresource))
		skip[2] = "status";
	buf_reserve(&fields, 1500);
	r = typed_write_added(custom_type(kind), obj, skip, nobodys_meta, &fields);
	if (r <= 0) {
		buf_done(&fields);
		if (!r)
			api_del(obj, "metadata.managedFields");
		return !r;
	}
	api_kind_api_version(kind, &version);
	e = ensure(&m, by, false, buf_str(&version));
	stamp(e, by->now_ns);
	list = json_object_new_array_ext(1);
	json_object_array_add(list, entry_json(e, jsonc_new_text(&fields)));
	api_set(obj, "metadata.managedFields", list);
	managers_done(&m);
	return true;
}

void api_managed_fields_update(const struct api_kind *kind, struct json_object *old,
			       struct json_object *obj, const struct api_manager *by)
{
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	struct managers m, sent;
	struct typed_diff d;
	struct entry *e;

	managers_load(obj, &sent);
	if (!old && !sent.n && own_new(kind, obj, by)) {
		managers_done(&sent);
		return;
	}
	if (sent.cleared || !old) {
		m = sent;
	} else {
		managers_done(&sent);
		managers_load(old, &m);
	}
	typed_compare(custom_type(kind), old, obj, &d);
	strip_diff(kind, by->subresource, &d);
	take_away(&m, NULL, &d);
	if (!fieldset_empty(d.added) || !fieldset_empty(d.modified)) {
		api_kind_api_version(kind, &version);
		e = ensure(&m, by, false, buf_str(&version));
		fieldset_move(e->set, d.added);
		fieldset_add(e->set, d.modified);
		stamp(e, by->now_ns);
	}
	cap_updates(&m, by->now_ns);
	managers_store(&m, obj);
	typed_diff_done(&d);
	managers_done(&m);
}

/* ---- apply ---- */

struct conflicts {
	struct err *err;
	struct buf text;
	char *who;
	size_t n;
	char *only; /* the first path */
};

static void add_conflict(void *user, const char *path)
{
	struct conflicts *c = user;

	err_field(c->err, path, "FieldManagerConflict", "conflict with %s", c->who);
	buf_addf(&c->text, "\n- %s", path);
	if (!c->n++)
		c->only = xasprintf("conflict with %s: %s", c->who, path);
}

static char *who_text(const struct entry *e)
{
	struct buf b = BUF_INIT;

	buf_addf(&b, "\"%s\"", e->manager);
	if (*e->subresource)
		buf_addf(&b, " with subresource \"%s\"", e->subresource);
	if (!e->apply)
		buf_addf(&b, " using %s", e->version);
	return buf_take(&b);
}

/* -EEXIST and all causes when others own what changes. */
static int find_conflicts(struct managers *m, const struct entry *self, const struct typed_diff *d,
			  struct err *err)
{
	CLEANUP(fieldset_freep) struct fieldset *changed = fieldset_clone(d->added);
	struct err own = ERR_INIT;
	struct conflicts c = {.err = &own, .text = BUF_INIT};
	int r = 0;

	fieldset_add(changed, d->modified);
	for (size_t i = 0; i < m->n; i++) {
		CLEANUP(fieldset_freep) struct fieldset *both = NULL;

		if (&m->v[i] == self)
			continue;
		both = fieldset_intersect(m->v[i].set, changed);
		if (fieldset_empty(both))
			continue;
		c.who = who_text(&m->v[i]);
		buf_addf(&c.text, "%sconflicts with %s:", c.text.len ? "\n" : "", c.who);
		fieldset_each(both, add_conflict, &c);
		free(c.who);
	}
	if (c.n) {
		own.errnum = 0; /* causes came first: the message is set now */
		r = err_set(&own, EEXIST, "Conflict", "Apply failed with %zu conflict%s: %s", c.n,
			    c.n == 1 ? "" : "s", c.n == 1 ? c.only : c.text.p);
		own.http_code = 409;
		err_move(err, &own);
	}
	free(c.only);
	buf_done(&c.text);
	err_done(&own);
	return r;
}

/* An object nobody has been recorded for, before its first apply: all of it is somebody's. */
static void before_first_apply(const struct api_kind *k, struct json_object *live,
			       struct managers *m, struct str version)
{
	struct api_manager who = {.name = STR(BEFORE_APPLY), .subresource = STR("")};
	struct typed_diff d;
	struct entry *e;

	if (!live || m->n)
		return;
	typed_compare(custom_type(k), NULL, live, &d);
	strip_diff(k, STR(""), &d);
	e = ensure(m, &who, false, version);
	fieldset_add(e->set, d.added);
	typed_diff_done(&d);
}

static struct fieldset *all_owned(const struct managers *m)
{
	struct fieldset *s = fieldset_new();

	for (size_t i = 0; i < m->n; i++)
		fieldset_add(s, m->v[i].set);
	return s;
}

/* The configuration without what it may not set. */
static struct json_object *clean_config(const struct api_kind *k, struct json_object *applied,
					struct str subresource)
{
	struct json_object *c = jsonc_clone(applied);

	api_del(c, "metadata.managedFields");
	if (k->flags & API_K_STATUS && !subresource.len)
		api_del(c, "status");
	if (str_eqs(subresource, "status"))
		api_del(c, "spec");
	return c;
}

int api_apply(const struct api_kind *kind, struct json_object *live, struct json_object *applied,
	      const struct api_manager *by, bool force, struct json_object **ret, struct err *err)
{
	CLEANUP_JSON struct json_object *config = clean_config(kind, applied, by->subresource);
	CLEANUP_JSON struct json_object *now = NULL;
	CLEANUP(fieldset_freep) struct fieldset *last = NULL, *owned = NULL;
	CLEANUP(buf_done) struct buf version = BUF_INIT;
	struct managers m;
	struct typed_diff d;
	struct entry *e;
	bool same;
	int r = 0;

	api_kind_api_version(kind, &version);
	managers_load(live, &m);
	before_first_apply(kind, live, &m, buf_str(&version));
	e = ensure(&m, by, true, buf_str(&version));
	last = e->set;
	e->set = typed_fieldset(custom_type(kind), config);
	strip(kind, by->subresource, e->set);
	same = fieldset_equal(last, e->set);
	now = typed_merge(custom_type(kind), live, config);
	owned = all_owned(&m);
	typed_prune(custom_type(kind), now, last, owned);
	typed_compare(custom_type(kind), live, now, &d);
	strip_diff(kind, by->subresource, &d);
	if (!force)
		r = find_conflicts(&m, e, &d, err);
	if (r == 0) {
		same &= fieldset_empty(d.added) && fieldset_empty(d.modified) &&
			fieldset_empty(d.removed);
		take_away(&m, e, &d);
		if (!same || !*e->time)
			stamp(e, by->now_ns);
		free(e->version);
		e->version = buf_take(&version);
		managers_store(&m, now);
		*ret = TAKE(now);
	}
	typed_diff_done(&d);
	managers_done(&m);
	return r;
}
