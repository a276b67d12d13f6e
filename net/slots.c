/* SPDX-License-Identifier: Apache-2.0 */
#include "net/slots.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

struct resting {
	uint64_t since_ns;
	uint32_t base;
	uint8_t order;
};

struct slots {
	const struct clock *clock;
	uint32_t n, used;
	/* A bitmap an order: bit i set = the run of 2^order slots at i << order is free as a whole
	 * and not part of a larger free run. */
	uint64_t *map[SLOTS_ORDER_MAX + 1];
	size_t hint[SLOTS_ORDER_MAX + 1]; /* no set bit in words below */
	struct resting *rest; /* oldest first from rest_head on */
	size_t rest_head, n_rest, cap_rest;
};

static size_t words(const struct slots *s, uint8_t order)
{
	return (s->n >> order) / 64 + 1;
}

static bool bit_get(const struct slots *s, uint8_t order, uint32_t base)
{
	uint32_t i = base >> order;

	return s->map[order][i / 64] >> (i % 64) & 1;
}

static void bit_set(struct slots *s, uint8_t order, uint32_t base)
{
	uint32_t i = base >> order;

	s->map[order][i / 64] |= 1ull << (i % 64);
	s->hint[order] = MIN(s->hint[order], (size_t)(i / 64));
}

static void bit_clear(struct slots *s, uint8_t order, uint32_t base)
{
	uint32_t i = base >> order;

	s->map[order][i / 64] &= ~(1ull << (i % 64));
}

struct slots *slots_new(uint32_t n, const struct clock *clock)
{
	struct slots *s = NEW(struct slots);
	uint32_t at = 0;

	s->clock = clock;
	s->n = n;
	for (uint8_t o = 0; o <= SLOTS_ORDER_MAX; o++)
		s->map[o] = xcalloc(words(s, o), sizeof(uint64_t));
	/* Cut [0, n) into the largest aligned runs. */
	while (at < n) {
		uint8_t o = SLOTS_ORDER_MAX;

		while (n - at < 1u << o || (at & ((1u << o) - 1)))
			o--;
		bit_set(s, o, at);
		at += 1u << o;
	}
	return s;
}

struct slots *slots_free(struct slots *s)
{
	if (!s)
		return NULL;
	for (size_t o = 0; o <= SLOTS_ORDER_MAX; o++)
		free(s->map[o]);
	free(s->rest);
	free(s);
	return NULL;
}

uint8_t slots_order(uint32_t count)
{
	uint8_t o = 0;

	while (1u << o < count)
		o++;
	return o;
}

static int64_t find(struct slots *s, uint8_t order)
{
	for (size_t w = s->hint[order]; w < words(s, order); w++) {
		s->hint[order] = w;
		if (s->map[order][w])
			return (int64_t)(w * 64 + (size_t)__builtin_ctzll(s->map[order][w]))
			       << order;
	}
	return -ENOSPC;
}

static void release(struct slots *s, uint32_t base, uint8_t order)
{
	while (order < SLOTS_ORDER_MAX) {
		uint32_t buddy = base ^ 1u << order;

		if (buddy >= s->n || !bit_get(s, order, buddy))
			break;
		bit_clear(s, order, buddy);
		base &= ~(1u << order);
		order++;
	}
	bit_set(s, order, base);
}

static void wake(struct slots *s, bool all)
{
	uint64_t now = clock_mono_ns(s->clock);

	while (s->rest_head < s->n_rest) {
		struct resting *r = &s->rest[s->rest_head];

		if (!all && now - r->since_ns < SLOTS_REST_NS)
			break;
		release(s, r->base, r->order);
		s->rest_head++;
	}
	if (s->rest_head == s->n_rest)
		s->rest_head = s->n_rest = 0;
}

/* Take a free run of exactly or more than the order and give back what is too much of it. */
static int64_t take(struct slots *s, uint8_t order)
{
	for (uint8_t o = order; o <= SLOTS_ORDER_MAX; o++) {
		int64_t base = find(s, o);

		if (base < 0)
			continue;
		bit_clear(s, o, (uint32_t)base);
		while (o > order) {
			o--;
			bit_set(s, o, (uint32_t)base + (1u << o));
		}
		s->used += 1u << order;
		return base;
	}
	return -ENOSPC;
}

int64_t slots_take(struct slots *s, uint8_t order)
{
	int64_t base;

	wake(s, false);
	base = take(s, order);
	if (base >= 0 || !s->n_rest)
		return base;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		return -ENOSPC;
	wake(s, true);
	return take(s, order);
}

int slots_claim(struct slots *s, uint32_t base, uint8_t order)
{
	if (order > SLOTS_ORDER_MAX || base >= s->n || s->n - base < 1u << order ||
	    (base & ((1u << order) - 1)))
		return -EINVAL;
	for (uint8_t o = order; o <= SLOTS_ORDER_MAX; o++) {
		uint32_t at = base & ~((1u << o) - 1);

		if (s->n - at < 1u << o || !bit_get(s, o, at))
			continue;
		bit_clear(s, o, at);
		/* Halve the run, keeping the half that has `base`. */
		while (o > order) {
			o--;
			bit_set(s, o, (base & ~((1u << o) - 1)) ^ 1u << o);
		}
		s->used += 1u << order;
		return 0;
	}
	return -EEXIST;
}

void slots_give(struct slots *s, uint32_t base, uint8_t order, bool unused)
{
	struct resting r = {clock_mono_ns(s->clock), base, order};

	s->used -= 1u << order;
	if (unused) {
		release(s, base, order);
		return;
	}
	if (s->rest_head > 1024 && s->rest_head > s->n_rest / 2) {
		memmove(s->rest, s->rest + s->rest_head,
			(s->n_rest - s->rest_head) * sizeof(*s->rest));
		s->n_rest -= s->rest_head;
		s->rest_head = 0;
	}
	*ARRAY_PUSH(s->rest, s->n_rest, s->cap_rest) = r;
}

uint32_t slots_used(const struct slots *s)
{
	return s->used;
}
