/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_ARENA_H
#define KNARR_ARENA_H
#include "lib/base/str.h"
/*
 * Memory that is given back all at once: for trees that are built, used and thrown away as a whole
 * (schemas, parsed expressions, the values of one evaluation). Blocks grow with what is used, so a
 * small tree costs little. Zero-initialise; end with arena_done.
 */
struct arena_block;
struct arena {
	struct arena_block *blocks;
	char *at, *end;
	size_t used; /* bytes handed out: what limits are held against */
};

/* Zeroed, aligned for anything; aborts when memory ends, so bound n first. */
void *arena_alloc(struct arena *a, size_t n);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))
char *arena_strdup(struct arena *a, struct str s); /* with a NUL behind it */
struct str arena_str(struct arena *a, struct str s);
void arena_done(struct arena *a);
/* Everything is given back but one block, for the next round. */
void arena_reset(struct arena *a);
#endif
