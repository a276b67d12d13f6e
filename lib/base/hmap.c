/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/hmap.h"

struct hmap {
	struct hmap_entry *slots;
	size_t n, cap; /* cap is a power of two, or 0 */
};

struct hmap *hmap_new(void)
{
	return NEW(struct hmap);
}

struct hmap *hmap_free_full(struct hmap *m, void (*free_value)(void *))
{
	if (!m)
		return NULL;
	for (size_t i = 0; i < m->cap; i++) {
		if (!m->slots[i].key.p)
			continue;
		free((char *)m->slots[i].key.p);
		if (free_value)
			free_value(m->slots[i].value);
	}
	free(m->slots);
	free(m);
	return NULL;
}

size_t hmap_len(const struct hmap *m)
{
	return m->n;
}

static struct hmap_entry *find(const struct hmap *m, struct str key, uint64_t hash)
{
	for (size_t i = hash & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct hmap_entry *e = &m->slots[i];

		if (!e->key.p || (e->hash == hash && str_eq(e->key, key)))
			return e;
	}
}

static void grow(struct hmap *m)
{
	struct hmap_entry *old = m->slots;
	size_t old_cap = m->cap;

	m->cap = old_cap ? old_cap * 2 : 16;
	m->slots = xcalloc(m->cap, sizeof(*m->slots));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].key.p)
			*find(m, old[i].key, old[i].hash) = old[i];
	free(old);
}

void *hmap_get(const struct hmap *m, struct str key)
{
	return m->n ? find(m, key, str_hash(key))->value : NULL;
}

bool hmap_has(const struct hmap *m, struct str key)
{
	return m->n && find(m, key, str_hash(key))->key.p;
}

void *hmap_put(struct hmap *m, struct str key, void *value)
{
	uint64_t hash = str_hash(key);
	struct hmap_entry *e;
	void *old;

	if (m->n * 4 >= m->cap * 3)
		grow(m);
	e = find(m, key, hash);
	old = e->value;
	if (!e->key.p) {
		*e = (struct hmap_entry){hash, {xstrndup(key.p, key.len), key.len}, NULL};
		m->n++;
	}
	e->value = value;
	return old;
}

/* Deletion shifts the run behind the hole back, so lookups never meet a tombstone. */
void *hmap_del(struct hmap *m, struct str key)
{
	struct hmap_entry *e;
	size_t hole, mask = m->cap - 1;
	void *old;

	if (!m->n)
		return NULL;
	e = find(m, key, str_hash(key));
	if (!e->key.p)
		return NULL;
	old = e->value;
	free((char *)e->key.p);
	hole = (size_t)(e - m->slots);
	for (size_t i = (hole + 1) & mask; m->slots[i].key.p; i = (i + 1) & mask) {
		size_t home = m->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole] = (struct hmap_entry){0};
	m->n--;
	return old;
}

const struct hmap_entry *hmap_next(const struct hmap *m, size_t *pos)
{
	while (*pos < m->cap) {
		const struct hmap_entry *e = &m->slots[(*pos)++];

		if (e->key.p)
			return e;
	}
	return NULL;
}
