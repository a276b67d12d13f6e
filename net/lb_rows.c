/* SPDX-License-Identifier: Apache-2.0 */
#include "net/lb_priv.h"

static uint32_t place(const struct lb_rows *t, const struct lb_svc_key *key)
{
	uint64_t x;

	memcpy(&x, key, sizeof(x));
	x ^= t->seed; /* splitmix64's finaliser */
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(x ^ x >> 31) & (t->cap - 1);
}

struct lb_row *lb_rows_find(const struct lb_rows *t, const struct lb_svc_key *key)
{
	if (!t->cap)
		return NULL;
	for (uint32_t i = place(t, key); t->v[i].epoch; i = (i + 1) & (t->cap - 1))
		if (memcmp(&t->v[i].key, key, sizeof(*key)) == 0)
			return &t->v[i];
	return NULL;
}

void lb_rows_reserve(struct lb_rows *t, uint32_t n)
{
	struct lb_rows next = {.cap = MAX(t->cap, 64u), .seed = t->seed};

	while (next.cap / 4 * 3 < n)
		next.cap *= 2;
	if (next.cap == t->cap)
		return;
	if (!next.seed)
		next.seed = rng_u64(&rng_system);
	next.v = xcalloc(next.cap, sizeof(*next.v));
	for (uint32_t i = 0; i < t->cap; i++) {
		if (!t->v[i].epoch)
			continue;
		*lb_rows_add(&next, &t->v[i].key) = t->v[i];
	}
	free(t->v);
	*t = next;
}

struct lb_row *lb_rows_add(struct lb_rows *t, const struct lb_svc_key *key)
{
	uint32_t i = place(t, key);

	assert(t->n < t->cap);
	while (t->v[i].epoch)
		i = (i + 1) & (t->cap - 1);
	t->v[i] = (struct lb_row){.key = *key};
	t->n++;
	return &t->v[i];
}

void lb_rows_del(struct lb_rows *t, struct lb_row *row)
{
	uint32_t hole = (uint32_t)(row - t->v), mask = t->cap - 1;

	/* Close the gap: pull back every later row of the run that may stand in the hole. */
	for (uint32_t i = (hole + 1) & mask; t->v[i].epoch; i = (i + 1) & mask) {
		uint32_t home = place(t, &t->v[i].key);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		t->v[hole] = t->v[i];
		hole = i;
	}
	t->v[hole] = (struct lb_row){0};
	t->n--;
}

void lb_rows_done(struct lb_rows *t)
{
	free(t->v);
	*t = (struct lb_rows){0};
}
