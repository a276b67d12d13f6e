/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BUF_H
#define KNARR_BUF_H
#include "lib/base/str.h"
/*
 * A growing byte buffer. `p` is always valid and NUL-terminated behind `len` (the NUL does not
 * count), so that buf.p is a C string as long as no NUL was added. Start with BUF_INIT, end with
 * buf_done; CLEANUP(buf_done) does the latter.
 */
struct buf {
	char *p;
	size_t len, cap;
};

extern char buf_empty[1]; /* what an unallocated buf points to; never written */
#define BUF_INIT ((struct buf){buf_empty, 0, 0})

void buf_init(struct buf *b);
void buf_done(struct buf *b); /* frees, leaves BUF_INIT */
void buf_clear(struct buf *b); /* length 0, memory kept for reuse */
/* Room for `more` bytes behind len (and the NUL); returns a pointer to it. */
char *buf_reserve(struct buf *b, size_t more);
/* In line, because this is what writing JSON is made of. */
static inline void buf_add(struct buf *b, const void *p, size_t len)
{
	if (!len)
		return;
	if (len >= b->cap - b->len || !b->cap)
		buf_reserve(b, len);
	memcpy(b->p + b->len, p, len);
	b->len += len;
	b->p[b->len] = 0;
}
static inline void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}
static inline void buf_addstr(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.len);
}
static inline void buf_addc(struct buf *b, char c)
{
	if (b->len + 1 >= b->cap)
		buf_reserve(b, 1);
	b->p[b->len++] = c;
	b->p[b->len] = 0;
}
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_addu64(struct buf *b, uint64_t v); /* decimal, without printf */
void buf_setlen(struct buf *b, size_t len); /* cut, or grow by bytes already written */
/* Remove n bytes from the front. */
void buf_consume(struct buf *b, size_t n);
/* Hand the memory over: a NUL-terminated string to be freed by the caller; b is BUF_INIT after. */
char *buf_take(struct buf *b);
static inline struct str buf_str(const struct buf *b)
{
	return (struct str){b->p, b->len};
}
#endif
