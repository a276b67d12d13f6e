/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/buf.h"

char buf_empty[1];

void buf_init(struct buf *b)
{
	*b = BUF_INIT;
}

void buf_done(struct buf *b)
{
	if (b->cap)
		free(b->p);
	*b = BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->cap)
		b->p[0] = 0;
}

char *buf_reserve(struct buf *b, size_t more)
{
	size_t need;

	if (__builtin_add_overflow(b->len, more, &need) ||
	    __builtin_add_overflow(need, (size_t)1, &need))
		abort();
	if (need > b->cap) {
		size_t cap = MAX(need, b->cap + b->cap / 2);

		cap = MAX(cap, (size_t)64);
		b->p = xrealloc(b->cap ? b->p : NULL, cap);
		b->cap = cap;
		b->p[b->len] = 0;
	}
	return b->p + b->len;
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(buf_reserve(b, 64), 65, fmt, ap);
	if (n < 0)
		abort();
	if (n > 64)
		vsnprintf(buf_reserve(b, (size_t)n), (size_t)n + 1, fmt, again);
	va_end(again);
	b->len += (size_t)n;
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_addu64(struct buf *b, uint64_t v)
{
	char t[20];
	size_t n = sizeof(t);

	do {
		t[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, t + n, sizeof(t) - n);
}

void buf_setlen(struct buf *b, size_t len)
{
	assert(len < b->cap || len == 0);
	b->len = len;
	if (b->cap)
		b->p[len] = 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= b->len);
	if (!n)
		return;
	memmove(b->p, b->p + n, b->len - n);
	buf_setlen(b, b->len - n);
}

char *buf_take(struct buf *b)
{
	char *p;

	buf_reserve(b, 0);
	p = b->p;
	*b = BUF_INIT;
	return p;
}
