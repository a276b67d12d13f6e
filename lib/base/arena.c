/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/arena.h"

#include <stdalign.h>

#define FIRST_BLOCK 1024u
#define LAST_BLOCK (64u << 10)

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(max_align_t) char data[];
};

static void grow(struct arena *a, size_t n)
{
	size_t size = a->blocks ? MIN(a->blocks->size * 2, (size_t)LAST_BLOCK) : FIRST_BLOCK;
	struct arena_block *b;

	size = MAX(size, n);
	b = xmalloc(sizeof(*b) + size);
	b->next = a->blocks;
	b->size = size;
	a->blocks = b;
	a->at = b->data;
	a->end = b->data + size;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if ((size_t)(a->end - a->at) < n || !a->blocks)
		grow(a, n);
	p = a->at;
	a->at += n;
	a->used += n;
	return memset(p, 0, n);
}

char *arena_strdup(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.len + 1);

	if (s.len)
		memcpy(p, s.p, s.len);
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	return str_n(arena_strdup(a, s), s.len);
}

void arena_done(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	*a = (struct arena){0};
}

void arena_reset(struct arena *a)
{
	struct arena_block *keep = a->blocks;

	if (!keep)
		return;
	a->blocks = keep->next;
	keep->next = NULL;
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		free(a->blocks);
		a->blocks = next;
	}
	*a = (struct arena){.blocks = keep, .at = keep->data, .end = keep->data + keep->size};
}
