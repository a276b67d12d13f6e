/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/object.h"
#include "lib/json/jv.h"

static void free_copy(void *owner)
{
	free(owner);
}

struct blob blob_copy(struct str bytes)
{
	char *p = xmemdup(bytes.p, bytes.len ? bytes.len : 1);

	return (struct blob){str_n(p, bytes.len), free_copy, p};
}

void object_key(struct str ns, struct str name, struct buf *out)
{
	if (ns.len) {
		buf_addstr(out, ns);
		buf_addc(out, '/');
	}
	buf_addstr(out, name);
}

void object_key_split(struct str key, struct str *ret_ns, struct str *ret_name)
{
	ssize_t slash = str_chr(key, '/');

	*ret_ns = slash < 0 ? STR_NULL : str_n(key.p, (size_t)slash);
	*ret_name = slash < 0 ? key : str_skip(key, (size_t)slash + 1);
}

struct object *object_new(struct blob blob)
{
	struct str name = STR_NULL, ns = STR_NULL, rv = STR_NULL;
	struct object at = {0}, *o;
	size_t ns_part;
	char *key;

	jv_for_each_member (m, jv_of(blob.bytes)) {
		uint32_t pos = (uint32_t)(m.value.p - blob.bytes.p);

		if (str_eqs(m.key, "metadata"))
			at.meta_at = pos;
		else if (str_eqs(m.key, "spec"))
			at.spec_at = pos;
		else if (str_eqs(m.key, "status"))
			at.status_at = pos;
	}
	at.bytes = blob.bytes;
	jv_for_each_member (m, object_meta(&at)) {
		if (str_eqs(m.key, "name"))
			name = jv_text(m.value);
		else if (str_eqs(m.key, "namespace"))
			ns = jv_text(m.value);
		else if (str_eqs(m.key, "resourceVersion"))
			rv = jv_text(m.value);
		else if (str_eqs(m.key, "ownerReferences"))
			at.owners_at = (uint32_t)(m.value.p - blob.bytes.p);
		else if (str_eqs(m.key, "deletionTimestamp"))
			at.deleting = jv_exists(m.value);
	}
	if (!name.len) {
		blob_release(&blob);
		return NULL;
	}
	ns_part = ns.len ? ns.len + 1 : 0;
	o = xcalloc(1, sizeof(*o) + ns_part + name.len + 1);
	*o = at;
	key = (char *)(o + 1);
	if (ns.len) {
		memcpy(key, ns.p, ns.len);
		key[ns.len] = '/';
		o->ns = str_n(key, ns.len);
	}
	memcpy(key + ns_part, name.p, name.len);
	o->name = str_n(key + ns_part, name.len);
	o->key = str_n(key, ns_part + name.len);
	o->hash = (uint32_t)str_hash(o->key);
	if (str_to_u64(rv, &o->rv) < 0)
		o->rv = 0;
	o->release = blob.release;
	o->owner = blob.owner;
	o->refs = 1;
	return o;
}

struct str object_node(struct object *o)
{
	if (!o->node_at) {
		struct jv v = jv_get(object_spec(o), "nodeName");

		o->node_at = jv_text(v).len ? (uint32_t)(v.p - o->bytes.p) : 1;
	}
	return o->node_at > 1 ? jv_text(object_at(o, o->node_at)) : STR_NULL;
}

struct object *object_ref(struct object *o)
{
	o->refs++;
	return o;
}

struct object *object_unref(struct object *o)
{
	if (!o || --o->refs)
		return NULL;
	if (o->release)
		o->release(o->owner);
	free(o);
	return NULL;
}

/* The table: linear probing, at most three quarters full, holes closed on removal. */

static size_t home(const struct object_map *m, uint32_t hash)
{
	return hash & (m->cap - 1);
}

static struct object **find(const struct object_map *m, struct str key, uint32_t hash)
{
	for (size_t i = home(m, hash);; i = (i + 1) & (m->cap - 1)) {
		struct object *o = m->slots[i];

		if (!o || (o->hash == hash && str_eq(o->key, key)))
			return &m->slots[i];
	}
}

void object_map_done(struct object_map *m)
{
	for (size_t i = 0; i < m->cap; i++)
		object_unref(m->slots[i]);
	free(m->slots);
	*m = (struct object_map){0};
}

struct object *object_map_get(const struct object_map *m, struct str key)
{
	return m->n ? *find(m, key, (uint32_t)str_hash(key)) : NULL;
}

static void grow(struct object_map *m)
{
	struct object **old = m->slots;
	size_t old_cap = m->cap;

	m->cap = old_cap ? old_cap * 2 : 16;
	m->slots = xcalloc(m->cap, sizeof(struct object *));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i])
			*find(m, old[i]->key, old[i]->hash) = old[i];
	free(old);
}

struct object *object_map_put(struct object_map *m, struct object *o)
{
	struct object **slot, *old;

	if (m->n * 4 >= m->cap * 3)
		grow(m);
	slot = find(m, o->key, o->hash);
	old = *slot;
	*slot = o;
	if (!old)
		m->n++;
	return old;
}

struct object *object_map_take(struct object_map *m, struct str key)
{
	size_t hole, mask = m->cap - 1;
	struct object **slot, *o;

	if (!m->n)
		return NULL;
	slot = find(m, key, (uint32_t)str_hash(key));
	o = *slot;
	if (!o)
		return NULL;
	hole = (size_t)(slot - m->slots);
	for (size_t i = (hole + 1) & mask; m->slots[i]; i = (i + 1) & mask) {
		if (((i - home(m, m->slots[i]->hash)) & mask) < ((i - hole) & mask))
			continue;
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = NULL;
	m->n--;
	return o;
}

struct object *object_map_next(const struct object_map *m, size_t *pos)
{
	while (*pos < m->cap) {
		struct object *o = m->slots[(*pos)++];

		if (o)
			return o;
	}
	return NULL;
}
