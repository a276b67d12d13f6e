/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JTREE_MEM_H
#define KNARR_JTREE_MEM_H
#include "lib/base/base.h"
/*
 * Memory of jtree.c: blocks of 16 KB that are filled from front to back and counted. What is freed
 * is not used again by itself; the block is, when nothing in it lives any more. That suits trees,
 * which come and go as a whole. What is larger than JTREE_MEM_MAX is malloc's, and so is everything
 * where a sanitizer shall see it.
 */
#define JTREE_MEM_MAX 1024

/* n bytes, aligned to 8; *ret_at is what jtree_free wants to know. */
void *jtree_alloc(size_t n, uint16_t *ret_at);
void jtree_free(void *p, uint16_t at);
#endif
