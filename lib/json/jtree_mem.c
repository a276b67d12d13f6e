/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/jtree_mem.h"

#define BLOCK_BYTES (16u << 10)
#define SPARE_MAX 8 /* blocks that are kept for the next tree */

struct block {
	uint32_t live; /* allocations */
	uint32_t used; /* bytes, this head included */
	struct block *next; /* of the spare ones */
};

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define PLAIN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(PLAIN)
#define PLAIN 1
#endif
#ifndef PLAIN
#define PLAIN 0
#endif

static __thread struct block *current, *spare;
static __thread unsigned n_spare;

static void next_block(void)
{
	struct block *b = spare;

	if (b) {
		spare = b->next;
		n_spare--;
	} else {
		b = xmalloc(BLOCK_BYTES);
	}
	*b = (struct block){.used = sizeof(*b)};
	current = b;
}

void *jtree_alloc(size_t n, uint16_t *ret_at)
{
	struct block *b = current;
	void *p;

	n = (n + 7) & ~(size_t)7;
	if (PLAIN || n > JTREE_MEM_MAX) {
		*ret_at = 0;
		return xmalloc(n);
	}
	if (!b || b->used + n > BLOCK_BYTES) {
		next_block();
		b = current;
	}
	p = (char *)b + b->used;
	*ret_at = (uint16_t)(b->used / 8);
	b->used += (uint32_t)n;
	b->live++;
	return p;
}

void jtree_free(void *p, uint16_t at)
{
	struct block *b;

	if (!at) {
		free(p);
		return;
	}
	b = (struct block *)((char *)p - (size_t)at * 8);
	if (--b->live)
		return;
	if (b == current) {
		b->used = sizeof(*b);
	} else if (n_spare < SPARE_MAX) {
		b->next = spare;
		spare = b;
		n_spare++;
	} else {
		free(b);
	}
}
