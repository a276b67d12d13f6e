/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/fieldset.h"
#include "lib/json/jsonc.h"
#include "lib/json/jw.h"

struct fieldset *fieldset_new(void)
{
	return NEW(struct fieldset);
}

struct fieldset *fieldset_free(struct fieldset *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n; i++)
		fieldset_free(s->children[i]);
	free(s->children);
	free(s);
	return NULL;
}

/* Where elem stands, or should: *found says which. */
static size_t search(const struct fieldset *s, const char *elem, bool *found)
{
	size_t lo = 0, hi = s->n;

	*found = false;
	if (hi && strcmp(s->children[hi - 1]->elem, elem) < 0)
		return hi; /* many come in order */
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int c = strcmp(s->children[mid]->elem, elem);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct fieldset *fieldset_child(const struct fieldset *s, const char *elem)
{
	bool found;
	size_t i;

	if (!s)
		return NULL;
	i = search(s, elem, &found);
	return found ? s->children[i] : NULL;
}

struct fieldset *fieldset_ensure(struct fieldset *s, const char *elem)
{
	struct fieldset *c;
	bool found;
	size_t i = search(s, elem, &found);

	if (found)
		return s->children[i];
	c = xcalloc(1, sizeof(*c) + strlen(elem) + 1);
	c->elem = memcpy((char *)(c + 1), elem, strlen(elem));
	(void)*ARRAY_PUSH(s->children, s->n, s->cap);
	memmove(&s->children[i + 1], &s->children[i], (s->n - 1 - i) * sizeof(*s->children));
	s->children[i] = c;
	return c;
}

struct fieldset *fieldset_clone(const struct fieldset *s)
{
	struct fieldset *c = fieldset_new();

	fieldset_add(c, s);
	return c;
}

bool fieldset_empty(const struct fieldset *s)
{
	if (!s)
		return true;
	if (s->member)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (!fieldset_empty(s->children[i]))
			return false;
	return true;
}

static void drop(struct fieldset *s, size_t i)
{
	fieldset_free(s->children[i]);
	s->n--;
	memmove(&s->children[i], &s->children[i + 1], (s->n - i) * sizeof(*s->children));
}

void fieldset_tidy(struct fieldset *s)
{
	for (size_t i = s->n; i-- > 0;) {
		fieldset_tidy(s->children[i]);
		if (!s->children[i]->member && !s->children[i]->n)
			drop(s, i);
	}
}

bool fieldset_equal(const struct fieldset *a, const struct fieldset *b)
{
	if (a->member != b->member || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->children[i]->elem, b->children[i]->elem) != 0 ||
		    !fieldset_equal(a->children[i], b->children[i]))
			return false;
	return true;
}

void fieldset_move(struct fieldset *a, struct fieldset *b)
{
	struct fieldset empty;

	if (a->member || a->n) {
		fieldset_add(a, b);
		return;
	}
	empty = *a;
	*a = (struct fieldset){empty.elem, b->member, b->children, b->n, b->cap};
	*b = (struct fieldset){b->elem, false, empty.children, 0, empty.cap};
}

void fieldset_add(struct fieldset *a, const struct fieldset *b)
{
	if (!b)
		return;
	a->member |= b->member;
	for (size_t i = 0; i < b->n; i++)
		fieldset_add(fieldset_ensure(a, b->children[i]->elem), b->children[i]);
}

void fieldset_subtract(struct fieldset *a, const struct fieldset *b)
{
	if (!b)
		return;
	if (b->member)
		a->member = false;
	for (size_t i = a->n; i-- > 0;) {
		fieldset_subtract(a->children[i], fieldset_child(b, a->children[i]->elem));
		if (fieldset_empty(a->children[i]))
			drop(a, i);
	}
}

struct fieldset *fieldset_intersect(const struct fieldset *a, const struct fieldset *b)
{
	struct fieldset *out = fieldset_new();

	out->member = a->member && b->member;
	for (size_t i = 0; i < a->n; i++) {
		const struct fieldset *other = fieldset_child(b, a->children[i]->elem);
		struct fieldset *both = other ? fieldset_intersect(a->children[i], other) : NULL;

		if (!fieldset_empty(both))
			fieldset_add(fieldset_ensure(out, a->children[i]->elem), both);
		fieldset_free(both);
	}
	return out;
}

void fieldset_remove_tree(struct fieldset *s, const char *const *path)
{
	bool found;
	size_t i = search(s, path[0], &found);

	if (!found)
		return;
	/* A parent that holds nothing else goes too. */
	if (path[1])
		fieldset_remove_tree(s->children[i], path + 1);
	if (!path[1] || fieldset_empty(s->children[i]))
		drop(s, i);
}

/* An element of a path: a field, the key or the value of an item, or its index. */
static bool is_element(const char *s)
{
	return s[0] && strchr("fkvi", s[0]) && s[1] == ':';
}

struct fieldset *fieldset_from_json(struct json_object *o)
{
	struct str text = jsonc_text(o);
	struct fieldset *s;

	if (text.p) {
		CLEANUP_JSON struct json_object *tree = NULL;

		return jsonc_parse(text, NULL, &tree, NULL) < 0 ? fieldset_new()
								: fieldset_from_json(tree);
	}
	s = fieldset_new();
	if (!json_object_is_type(o, json_type_object))
		return s;
	json_object_object_foreach(o, key, v)
	{
		struct fieldset *c, *sub;

		if (strcmp(key, ".") == 0) {
			s->member = true;
			continue;
		}
		if (!is_element(key))
			continue;
		sub = fieldset_from_json(v);
		sub->member |= !sub->n;
		c = fieldset_ensure(s, key);
		fieldset_add(c, sub);
		fieldset_free(sub);
	}
	return s;
}

void fieldset_write(const struct fieldset *s, struct buf *out)
{
	bool first = true;

	buf_addc(out, '{');
	if (s->member && s->n) {
		buf_adds(out, "\".\":{}");
		first = false;
	}
	for (size_t i = 0; i < s->n; i++) {
		if (!first)
			buf_addc(out, ',');
		first = false;
		json_quote(str_of(s->children[i]->elem), out);
		buf_addc(out, ':');
		fieldset_write(s->children[i], out);
	}
	buf_addc(out, '}');
}

struct json_object *fieldset_to_json(const struct fieldset *s)
{
	struct buf b = BUF_INIT;

	fieldset_write(s, &b);
	return jsonc_new_text(&b);
}

/* `k:{"name":"x"}` as [name="x"], `v:1` as [=1], "f:a" as .a */
static void element_text(const char *elem, struct buf *out)
{
	bool first = true;

	if (strncmp(elem, "k:", 2) == 0) {
		buf_addc(out, '[');
		jv_for_each_member (it, jv_of(str_of(elem + 2))) {
			buf_addf(out, "%s%.*s=%.*s", first ? "" : ",", STR_ARG(it.key),
				 STR_ARG(jv_raw(it.value)));
			first = false;
		}
		buf_addc(out, ']');
	} else if (strncmp(elem, "v:", 2) == 0) {
		buf_addf(out, "[=%s]", elem + 2);
	} else if (strncmp(elem, "i:", 2) == 0) {
		buf_addf(out, "[%s]", elem + 2);
	} else {
		buf_addf(out, ".%s", strncmp(elem, "f:", 2) == 0 ? elem + 2 : elem);
	}
}

static void each(const struct fieldset *s, struct buf *path, void (*fn)(void *, const char *),
		 void *user)
{
	size_t len = path->len;

	if (s->member)
		fn(user, path->p);
	for (size_t i = 0; i < s->n; i++) {
		element_text(s->children[i]->elem, path);
		each(s->children[i], path, fn, user);
		buf_setlen(path, len);
	}
}

void fieldset_each(const struct fieldset *s, void (*fn)(void *user, const char *path), void *user)
{
	CLEANUP(buf_done) struct buf path = BUF_INIT;

	each(s, &path, fn, user);
}
