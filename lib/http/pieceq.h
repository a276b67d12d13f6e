/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HTTP_PIECEQ_H
#define KNARR_HTTP_PIECEQ_H
#include "lib/http/message.h"
/* Inside lib/http: a queue of pieces to send; empty, it owns no memory. */
struct pieceq {
	struct http_piece *v;
	unsigned head, n, cap; /* v[head .. head + n) */
	size_t bytes;
};

void pieceq_add(struct pieceq *q, struct http_piece p); /* takes a reference on p.keep */
/* The next contiguous bytes; q must not be empty. */
static inline struct str pieceq_front(const struct pieceq *q)
{
	return q->v[q->head].bytes;
}
void pieceq_consume(struct pieceq *q, size_t n); /* n bytes from the front */
void pieceq_clear(struct pieceq *q);
#endif
