/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/typed.h"
#include "lib/base/hmap.h"
#include "lib/api/typed_form.h"

const struct api_field typed_deduced = {.name = "", .type = API_DEDUCED, .flags = API_PTR};

/* Absent, null, {} and [] are all "nothing in it". */
static bool hollow(struct json_object *v)
{
	return !v || (is_object(v) && !json_object_object_length(v)) ||
	       (json_object_is_type(v, json_type_array) && !json_object_array_length(v));
}

/* More than anybody owns one by one: such a list or map is one value. */
#define OWNED_MAX 10000

/* Has the value the form its row speaks of? Custom resources are asked before they are checked. */
static bool has_form(enum form form, struct json_object *v)
{
	switch (form) {
	case STRUCT:
		return !v || is_object(v);
	case MAP:
		return !v || (is_object(v) && json_object_object_length(v) <= OWNED_MAX);
	case SET:
	case LISTMAP:
		return !v || (json_object_is_type(v, json_type_array) &&
			      json_object_array_length(v) <= OWNED_MAX);
	case LEAF:
	case DEDUCED:
		break;
	}
	return true;
}

/* The same for a value: what is known by the value alone is owned by members if it has any. */
static enum form form_at(const struct api_field *f, struct json_object *v)
{
	enum form form = form_of(f);

	if (form == DEDUCED)
		return is_object(v) ? MAP : LEAF;
	return has_form(form, v) ? form : LEAF;
}

static enum form form_pair(const struct api_field *f, struct json_object *old,
			   struct json_object *now)
{
	enum form form = form_of(f);

	if (form == DEDUCED && old && now && is_object(old) != is_object(now))
		return LEAF;
	if (!has_form(form, old) || !has_form(form, now))
		return LEAF;
	return form_at(f, now ? now : old);
}

static int cmp_str(const void *a, const void *b)
{
	struct str x = *(const struct str *)a, y = *(const struct str *)b;

	return str_cmp(x, y);
}

/* `k:{"containerPort":80,"protocol":"TCP"}`: keys sorted, absent ones by their default. */
static char *list_key(const struct api_field *f, struct json_object *e)
{
	struct buf b = BUF_INIT;
	struct str keys = str_of(f->keys), part, names[8];
	size_t n = 0;

	while (n < ARRAY_SIZE(names) && str_split(&keys, ',', &part))
		names[n++] = part;
	qsort(names, n, sizeof(names[0]), cmp_str);
	buf_adds(&b, "k:{");
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *name = str_dup(names[i]);
		struct json_object *v = jsonc_get(e, name);
		const struct api_field *kf = api_field_find(f->ref, names[i]);

		buf_addf(&b, "%s\"%s\":", i ? "," : "", name);
		if (v)
			jsonc_write(v, &b);
		else
			buf_adds(&b, kf && kf->def ? kf->def : "null");
	}
	buf_addc(&b, '}');
	return buf_take(&b);
}

static char *item_key(const struct api_field *f, struct json_object *e)
{
	struct buf b = BUF_INIT;

	if (form_of(f) == LISTMAP)
		return list_key(f, e);
	buf_adds(&b, "v:");
	jsonc_write(e, &b);
	return buf_take(&b);
}

static char *field_key(const char *name)
{
	size_t n = strlen(name) + 1;
	char *key = xmalloc(n + 2);

	memcpy(key, "f:", 2);
	memcpy(key + 2, name, n);
	return key;
}

/* ---- every path of an object ---- */

static void set_of(const struct api_field *f, struct json_object *v, struct fieldset *s);

static void set_of_struct(const struct api_type *t, struct json_object *obj, struct fieldset *s)
{
	json_object_object_foreach(obj, key, v)
	{
		CLEANUP_FREE char *elem = field_key(key);
		const struct api_field *f = member_of(t, str_of(key));

		if (f)
			set_of(f, v, fieldset_ensure(s, elem));
		else
			fieldset_ensure(s, elem)->member = true;
	}
}

static void set_of(const struct api_field *f, struct json_object *v, struct fieldset *s)
{
	enum form form = form_at(f, v);

	if (form == LEAF || hollow(v)) {
		s->member = true;
	} else if (form == STRUCT) {
		set_of_struct(f->ref, v, s);
	} else if (form == MAP) {
		struct api_field e = element_of(f);

		json_object_object_foreach(v, key, m)
		{
			CLEANUP_FREE char *elem = field_key(key);
			struct fieldset *c = fieldset_ensure(s, elem);

			set_of(&e, m, c);
			c->member = true;
		}
	} else {
		for (size_t i = 0; i < length(v); i++) {
			struct json_object *m = json_object_array_get_idx(v, i);
			CLEANUP_FREE char *elem = item_key(f, m);
			struct fieldset *c = fieldset_ensure(s, elem);

			c->member = true;
			if (form == LISTMAP && is_object(m))
				set_of_struct(f->ref, m, c);
		}
	}
}

struct fieldset *typed_fieldset(const struct api_type *t, struct json_object *obj)
{
	struct fieldset *s = fieldset_new();

	set_of_struct(t, obj, s);
	return s;
}

/* ---- differences ---- */

enum { ADDED, MODIFIED, REMOVED };

/*
 * Where the walk stands: a chain from the root, on the stack. Nodes of the three sets are made
 * only when there is something to mark, as most of an object does not change.
 */
struct at {
	struct at *up; /* NULL at the root */
	const char *name; /* of a field, or NULL */
	const char *elem; /* else the path element itself */
	struct fieldset *node[3];
};

static struct fieldset *node_of(struct at *a, int which)
{
	if (!a->node[which]) {
		struct fieldset *up = node_of(a->up, which);
		size_t n = a->name ? strlen(a->name) + 1 : 0;
		char small[128];

		if (!a->name) {
			a->node[which] = fieldset_ensure(up, a->elem);
		} else if (n + 2 <= sizeof(small)) {
			memcpy(small, "f:", 2);
			memcpy(small + 2, a->name, n);
			a->node[which] = fieldset_ensure(up, small);
		} else {
			CLEANUP_FREE char *elem = field_key(a->name);

			a->node[which] = fieldset_ensure(up, elem);
		}
	}
	return a->node[which];
}

static void mark(struct at *a, int which)
{
	node_of(a, which)->member = true;
}

static void compare(const struct api_field *f, struct json_object *old, bool implied,
		    struct json_object *now, struct at *a);

static void compare_struct(const struct api_type *t, struct json_object *old,
			   struct json_object *now, struct at *a)
{
	if (is_object(now)) {
		json_object_object_foreach(now, key, v)
		{
			struct at below = {.up = a, .name = key};
			const struct api_field *f = member_of(t, str_of(key));
			/* Go's form of the object has plain structs and null lists even when unset.
			 */
			bool implied = f && ((form_of(f) == STRUCT && !(f->flags & API_PTR)) ||
					     (f->shape == API_LIST && f->flags & API_KEEP_EMPTY));

			if (f && v)
				compare(f, jsonc_get(old, key), implied, v, &below);
		}
	}
	if (is_object(old)) {
		json_object_object_foreach(old, key2, v2)
		{
			struct at below = {.up = a, .name = key2};
			const struct api_field *f = member_of(t, str_of(key2));

			if (f && v2 && !jsonc_get(now, key2))
				compare(f, v2, false, NULL, &below);
		}
	}
}

static void compare_map(const struct api_field *f, struct json_object *old, struct json_object *now,
			struct at *a)
{
	struct api_field e = element_of(f);

	if (is_object(now)) {
		json_object_object_foreach(now, key, v)
		{
			struct at below = {.up = a, .name = key};

			compare(&e, jsonc_get(old, key), false, v, &below);
		}
	}
	if (is_object(old)) {
		json_object_object_foreach(old, key2, v2)
		{
			struct at below = {.up = a, .name = key2};

			if (!jsonc_get(now, key2))
				compare(&e, v2, false, NULL, &below);
		}
	}
}

/* The elements of a list by their keys; the first of those that share one. */
struct items {
	const struct api_field *f;
	struct json_object *list;
	struct hmap *map; /* NULL while there are few: then the list is looked through */
};
#define ITEMS_FEW 16

static void items_add(struct items *x, const char *key, struct json_object *e)
{
	if (x->map && !hmap_has(x->map, str_of(key)))
		hmap_put(x->map, str_of(key), e);
}

static void items_init(struct items *x, const struct api_field *f, struct json_object *list,
		       size_t expect)
{
	*x = (struct items){f, list, NULL};
	if (MAX(length(list), expect) <= ITEMS_FEW)
		return;
	x->map = hmap_new();
	for (size_t i = 0; i < length(list); i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		CLEANUP_FREE char *k = item_key(f, e);

		items_add(x, k, e);
	}
}

static void items_done(struct items *x)
{
	hmap_free(x->map);
}

static bool items_has(const struct items *x, const char *key, struct json_object **ret)
{
	if (x->map) {
		*ret = hmap_get(x->map, str_of(key));
		return hmap_has(x->map, str_of(key));
	}
	for (size_t i = 0; i < length(x->list); i++) {
		struct json_object *e = json_object_array_get_idx(x->list, i);
		CLEANUP_FREE char *k = item_key(x->f, e);

		*ret = e;
		if (strcmp(k, key) == 0)
			return true;
	}
	*ret = NULL;
	return false;
}

static void compare_list(const struct api_field *f, struct json_object *old,
			 struct json_object *now, struct at *a)
{
	bool objects = form_of(f) == LISTMAP;
	CLEANUP(items_done) struct items was, is;

	items_init(&was, f, old, 0);
	items_init(&is, f, now, 0);
	for (size_t i = 0; i < length(now); i++) {
		struct json_object *v = json_object_array_get_idx(now, i), *o;
		CLEANUP_FREE char *elem = item_key(f, v);
		struct at below = {.up = a, .elem = elem};

		if (!items_has(&was, elem, &o))
			mark(&below, ADDED);
		if (objects)
			compare_struct(f->ref, o, v, &below);
	}
	for (size_t i = 0; i < length(old); i++) {
		struct json_object *v = json_object_array_get_idx(old, i), *o;
		CLEANUP_FREE char *elem = item_key(f, v);
		struct at below = {.up = a, .elem = elem};

		if (items_has(&is, elem, &o))
			continue;
		mark(&below, REMOVED);
		if (objects)
			compare_struct(f->ref, v, NULL, &below);
	}
}

static void compare(const struct api_field *f, struct json_object *old, bool implied,
		    struct json_object *now, struct at *a)
{
	enum form form = form_pair(f, old, now);

	if (form == LEAF || (hollow(old) && hollow(now))) {
		if (!old && now)
			mark(a, ADDED);
		else if (old && !now)
			mark(a, REMOVED);
		else if (!jsonc_equal(old, now))
			mark(a, MODIFIED);
		return;
	}
	if (!old && now && !implied)
		mark(a, ADDED);
	if (old && !now)
		mark(a, REMOVED);
	if (form == STRUCT)
		compare_struct(f->ref, old, now, a);
	else if (form == MAP)
		compare_map(f, old, now, a);
	else
		compare_list(f, old, now, a);
}

void typed_compare(const struct api_type *t, struct json_object *old, struct json_object *now,
		   struct typed_diff *ret)
{
	struct at root = {.node = {fieldset_new(), fieldset_new(), fieldset_new()}};

	*ret = (struct typed_diff){root.node[ADDED], root.node[MODIFIED], root.node[REMOVED]};
	compare_struct(t, old, now, &root);
}

/* ---- all that a new object sets, as text ---- */

struct new_item {
	const char *name; /* of a field; else elem is the path element */
	char *elem;
	struct json_object *v;
	const struct api_field *f; /* NULL: an element of a list */
	const char *const *skip; /* metadata: what of it is nobody's */
	bool implied;
};
struct new_items {
	struct new_item few[24], *v;
	size_t n, cap;
};

static void new_items_init(struct new_items *l, size_t n)
{
	l->n = 0;
	l->v = n <= ARRAY_SIZE(l->few) ? l->few : xcalloc(n, sizeof(*l->v));
}

static void new_items_done(struct new_items *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].elem);
	if (l->v != l->few)
		free(l->v);
}

static int cmp_items(const void *a, const void *b)
{
	const struct new_item *x = a, *y = b;

	return x->name ? strcmp(x->name, y->name) : strcmp(x->elem, y->elem);
}

static int write_new(const struct api_field *f, bool implied, struct json_object *v,
		     struct buf *out);
static int write_items(const struct api_type *element, struct new_items *l, bool member,
		       struct buf *out);

static bool is_one_of(const char *name, const char *const *list)
{
	for (; list && *list; list++)
		if (!strcmp(name, *list))
			return true;
	return false;
}

static bool is_implied(const struct api_field *f)
{
	/* Go's form of the object has plain structs and null lists even when unset. */
	return (form_of(f) == STRUCT && !(f->flags & API_PTR)) ||
	       (f->shape == API_LIST && f->flags & API_KEEP_EMPTY);
}

static int write_new_struct(const struct api_type *t, struct json_object *now, bool member,
			    const char *const *skip, const char *const *skip_meta, struct buf *out)
{
	struct new_items l;
	int r;

	new_items_init(&l, is_object(now) ? (size_t)json_object_object_length(now) : 0);
	if (is_object(now)) {
		json_object_object_foreach(now, key, v)
		{
			const struct api_field *f = v ? member_of(t, str_of(key)) : NULL;
			struct new_item *it;

			if (!f || is_one_of(key, skip))
				continue;
			it = &l.v[l.n++];
			*it = (struct new_item){
				.name = key, .v = v, .f = f, .implied = is_implied(f)};
			if (skip_meta && form_of(f) == STRUCT && !strcmp(key, "metadata"))
				it->skip = skip_meta;
		}
	}
	r = write_items(NULL, &l, member, out);
	new_items_done(&l);
	return r;
}

static int write_new_map(const struct api_field *f, struct json_object *now, bool member,
			 struct buf *out)
{
	struct api_field e = element_of(f);
	struct new_items l;
	int r;

	new_items_init(&l, is_object(now) ? (size_t)json_object_object_length(now) : 0);
	if (is_object(now)) {
		json_object_object_foreach(now, key, v)
		{
			if (v)
				l.v[l.n++] = (struct new_item){.name = key, .v = v, .f = &e};
		}
	}
	r = write_items(NULL, &l, member, out);
	new_items_done(&l);
	return r;
}

static int write_new_list(const struct api_field *f, struct json_object *now, bool member,
			  struct buf *out)
{
	struct new_items l;
	int r;

	new_items_init(&l, length(now));
	for (size_t i = 0; i < length(now); i++) {
		struct json_object *v = json_object_array_get_idx(now, i);

		l.v[l.n++] = (struct new_item){.elem = item_key(f, v), .v = v};
	}
	r = write_items(form_of(f) == LISTMAP ? f->ref : NULL, &l, member, out);
	new_items_done(&l);
	return r;
}

/* "f:NAME" in quotes. */
static void quote_field(const char *name, struct buf *out)
{
	CLEANUP_FREE char *elem = NULL;
	const char *p = name;

	while ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
	       (*p && strchr("-._/", *p)))
		p++;
	if (*p) {
		elem = field_key(name);
		json_quote(str_of(elem), out);
		return;
	}
	buf_adds(out, "\"f:");
	buf_add(out, name, (size_t)(p - name));
	buf_addc(out, '"');
}

static int write_item(const struct api_type *element, const struct new_item *it, struct buf *out)
{
	size_t start = out->len;
	int r = 1;

	if (it->name)
		quote_field(it->name, out);
	else
		json_quote(str_of(it->elem), out);
	buf_addc(out, ':');
	if (it->skip)
		r = write_new_struct(it->f->ref, it->v, false, it->skip, NULL, out);
	else if (it->f)
		r = write_new(it->f, it->implied, it->v, out);
	else if (element && is_object(it->v))
		r = write_new_struct(element, it->v, true, NULL, NULL, out);
	else
		buf_adds(out, "{}");
	if (r <= 0)
		buf_setlen(out, start);
	return r;
}

/* A node with these below it. 0: neither is it a member nor is there anything below. */
static int write_items(const struct api_type *element, struct new_items *l, bool member,
		       struct buf *out)
{
	size_t start = out->len, empty;
	bool any = false;

	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), cmp_items);
	buf_addc(out, '{');
	empty = out->len;
	if (member)
		buf_adds(out, "\".\":{}");
	for (size_t i = 0; i < l->n; i++) {
		size_t before = out->len;
		int r;

		if (i && !l->v[i].name && !strcmp(l->v[i].elem, l->v[i - 1].elem))
			return -ENOTSUP;
		if (member || any)
			buf_addc(out, ',');
		r = write_item(element, &l->v[i], out);
		if (r < 0)
			return r;
		if (!r)
			buf_setlen(out, before);
		any |= r > 0;
	}
	if (!any)
		buf_setlen(out, empty);
	buf_addc(out, '}');
	if (!any && !member)
		buf_setlen(out, start);
	return any || member;
}

static int write_new(const struct api_field *f, bool implied, struct json_object *v,
		     struct buf *out)
{
	enum form form = form_at(f, v);

	if (form == LEAF || hollow(v)) {
		buf_adds(out, "{}");
		return 1;
	}
	if (form == STRUCT)
		return write_new_struct(f->ref, v, !implied, NULL, NULL, out);
	if (form == MAP)
		return write_new_map(f, v, !implied, out);
	return write_new_list(f, v, !implied, out);
}

int typed_write_added(const struct api_type *t, struct json_object *now, const char *const *skip,
		      const char *const *skip_meta, struct buf *out)
{
	size_t start = out->len;
	int r = write_new_struct(t, now, false, skip, skip_meta, out);

	if (r < 0)
		buf_setlen(out, start);
	return r;
}

void typed_diff_done(struct typed_diff *d)
{
	fieldset_free(d->added);
	fieldset_free(d->modified);
	fieldset_free(d->removed);
	*d = (struct typed_diff){0};
}

/* ---- merge ---- */

static struct json_object *merge(const struct api_field *f, struct json_object *live,
				 struct json_object *config);

static struct json_object *merge_struct(const struct api_type *t, struct json_object *live,
					struct json_object *config)
{
	struct json_object *out = is_object(live) ? jsonc_clone(live) : json_object_new_object();

	json_object_object_foreach(config, key, v)
	{
		const struct api_field *f = member_of(t, str_of(key));
		struct json_object *m = f ? merge(f, jsonc_get(live, key), v) : jsonc_clone(v);

		if (m)
			json_object_object_add(out, key, m);
		else
			json_object_object_del(out, key);
	}
	return out;
}

static struct json_object *merge_map(const struct api_field *f, struct json_object *live,
				     struct json_object *config)
{
	struct json_object *out = is_object(live) ? jsonc_clone(live) : json_object_new_object();
	struct api_field e = element_of(f);

	json_object_object_foreach(config, key, v)
		json_object_object_add(out, key, merge(&e, jsonc_get(live, key), v));
	return out;
}

static void add_item(struct items *made, const char *key, struct json_object *take)
{
	json_object_array_add(made->list, take);
	items_add(made, key, take);
}

static struct json_object *merge_item(const struct api_field *f, struct json_object *same,
				      struct json_object *c)
{
	return form_of(f) == LISTMAP && is_object(c) ? merge_struct(f->ref, same, c)
						     : jsonc_clone(c);
}

/*
 * Elements of both lists, each once: config's keep their order among each other, elements only
 * live has stay where they stood before or behind the ones both have.
 */
static struct json_object *merge_list(const struct api_field *f, struct json_object *live,
				      struct json_object *config)
{
	struct json_object *out = json_object_new_array(), *same;
	CLEANUP(items_done) struct items was, want, made;
	size_t next = 0;

	items_init(&was, f, live, 0);
	items_init(&want, f, config, 0);
	items_init(&made, f, out, length(live) + length(config));
	for (size_t i = 0; i < length(live); i++) {
		struct json_object *l = json_object_array_get_idx(live, i);
		CLEANUP_FREE char *elem = item_key(f, l);

		if (!items_has(&want, elem, &same)) {
			add_item(&made, elem, json_object_get(l));
			continue;
		}
		if (items_has(&made, elem, &same))
			continue;
		while (next < length(config)) { /* up to and with this one */
			struct json_object *c = json_object_array_get_idx(config, next++);
			CLEANUP_FREE char *key = item_key(f, c);

			items_has(&was, key, &same);
			add_item(&made, key, merge_item(f, same, c));
			if (strcmp(key, elem) == 0)
				break;
		}
	}
	for (; next < length(config); next++) {
		struct json_object *c = json_object_array_get_idx(config, next);
		CLEANUP_FREE char *key = item_key(f, c);

		if (items_has(&made, key, &same))
			continue;
		items_has(&was, key, &same);
		add_item(&made, key, merge_item(f, same, c));
	}
	return out;
}

static struct json_object *merge(const struct api_field *f, struct json_object *live,
				 struct json_object *config)
{
	if (!config)
		return NULL;
	switch (form_at(f, config)) {
	case LEAF:
	case DEDUCED:
		break;
	case STRUCT:
		if (is_object(config))
			return merge_struct(f->ref, live, config);
		break;
	case MAP:
		if (is_object(config))
			return merge_map(f, live, config);
		break;
	case SET:
	case LISTMAP:
		if (json_object_is_type(config, json_type_array))
			return merge_list(f, live, config);
		break;
	}
	return jsonc_clone(config);
}

struct json_object *typed_merge(const struct api_type *t, struct json_object *live,
				struct json_object *config)
{
	return merge_struct(t, live, config);
}

/* ---- prune ---- */

static void prune_value(const struct api_field *f, struct json_object *v,
			const struct fieldset *last, const struct fieldset *owned);

void typed_prune(const struct api_type *t, struct json_object *obj, const struct fieldset *last,
		 const struct fieldset *owned)
{
	for (size_t i = 0; i < last->n; i++) {
		const char *name = last->children[i]->elem + 2;
		const struct api_field *f = member_of(t, str_of(name));
		const struct fieldset *o = fieldset_child(owned, last->children[i]->elem);
		struct json_object *v = jsonc_get(obj, name);

		if (!f || !v)
			continue;
		if (fieldset_empty(o)) /* a named field counts as owned if anything in it is */
			json_object_object_del(obj, name);
		else
			prune_value(f, v, last->children[i], o);
	}
}

static void prune_map(const struct api_field *f, struct json_object *v, const struct fieldset *last,
		      const struct fieldset *owned)
{
	struct api_field e = element_of(f);

	for (size_t i = 0; i < last->n; i++) {
		const struct fieldset *l = last->children[i];
		const struct fieldset *o = fieldset_child(owned, l->elem);
		struct json_object *m = jsonc_get(v, l->elem + 2);

		if (l->member && !(o && o->member))
			json_object_object_del(v, l->elem + 2);
		else if (m && o)
			prune_value(&e, m, l, o);
	}
}

static void prune_list(const struct api_field *f, struct json_object *v,
		       const struct fieldset *last, const struct fieldset *owned)
{
	for (size_t i = length(v); i-- > 0;) {
		struct json_object *m = json_object_array_get_idx(v, i);
		CLEANUP_FREE char *elem = item_key(f, m);
		const struct fieldset *l = fieldset_child(last, elem);
		const struct fieldset *o = fieldset_child(owned, elem);

		if (!l)
			continue;
		if (l->member && !(o && o->member))
			json_object_array_del_idx(v, i, 1);
		else if (o && form_of(f) == LISTMAP && is_object(m))
			typed_prune(f->ref, m, l, o);
	}
}

static void prune_value(const struct api_field *f, struct json_object *v,
			const struct fieldset *last, const struct fieldset *owned)
{
	switch (form_at(f, v)) {
	case LEAF:
	case DEDUCED:
		break;
	case STRUCT:
		if (is_object(v))
			typed_prune(f->ref, v, last, owned);
		break;
	case MAP:
		if (is_object(v))
			prune_map(f, v, last, owned);
		break;
	case SET:
	case LISTMAP:
		prune_list(f, v, last, owned);
		break;
	}
}
