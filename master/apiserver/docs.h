/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_DOCS_H
#define KNARR_APISERVER_DOCS_H
#include "master/apiserver/server.h"
/*
 * The OpenAPI documents. What a document is made of decides its ETag, so clients that have it are
 * told so (304) without anybody making it again. Made it is by a thread of its own from a snapshot
 * of the kinds, as it takes long where there are many definitions; then it is kept, compressed,
 * until the kinds change or nobody has asked for a while.
 *
 *	docs_get --> 304 | kept --> answer
 *	     \--> aggregated servers' own v2 documents --> thread: write, merge, compress -->
 *answers
 */
struct docs;
enum docs_form { DOCS_V2_JSON, DOCS_V2_PB, DOCS_V3 };

struct docs *docs_new(struct apiserver *s);
struct docs *docs_free(struct docs *d); /* takes NULL, returns NULL */
/* Answers, now or later. group and version: of DOCS_V3 alone; nobody serves it: 404. */
void docs_get(struct request *r, enum docs_form form, struct str group, struct str version);
#endif
