/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/pieceq.h"

void pieceq_add(struct pieceq *q, struct http_piece p)
{
	if (!p.bytes.len)
		return;
	if (q->head + q->n == q->cap) {
		if (q->head >= q->cap / 2 && q->head) {
			memmove(q->v, q->v + q->head, q->n * sizeof(*q->v));
			q->head = 0;
		} else {
			q->cap = q->cap ? q->cap * 2 : 2;
			q->v = xrealloc(q->v, q->cap * sizeof(*q->v));
		}
	}
	if (p.keep)
		http_blob_ref(p.keep);
	q->v[q->head + q->n++] = p;
	q->bytes += p.bytes.len;
}

void pieceq_consume(struct pieceq *q, size_t n)
{
	assert(n <= q->bytes);
	q->bytes -= n;
	while (n) {
		struct http_piece *p = &q->v[q->head];

		if (n < p->bytes.len) {
			p->bytes = str_skip(p->bytes, n);
			return;
		}
		n -= p->bytes.len;
		http_blob_unref(p->keep);
		q->head++;
		q->n--;
	}
	if (!q->n)
		pieceq_clear(q);
}

void pieceq_clear(struct pieceq *q)
{
	for (unsigned i = 0; i < q->n; i++)
		http_blob_unref(q->v[q->head + i].keep);
	free(q->v);
	*q = (struct pieceq){0};
}
