/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CLOUD_ASK_H
#define KNARR_CLOUD_ASK_H
#include "master/cloud/cloud.h"
#include "master/controllers/controller.h"
/*
 * Questions to the cloud provider from controllers' steps, which never wait: the first step asks,
 * and the key comes back when the answer is there.
 *
 *	none --ask--> asked --answer--> OK --max_age over, other question--> asked (OK meanwhile)
 *	                ^        +----> FAILED --5 s, 10 s, ... 5 min--> asked
 *	                +------------------------------------------+
 */
struct asks;
struct asks *asks_new(struct ctl *c);
struct asks *asks_free(struct asks *a); /* no answer after it; NULL is fine; returns NULL */

enum ask_state { ASK_WAIT, ASK_OK, ASK_FAILED };
struct ask {
	struct str key; /* of the queue; a question a key and verb */
	enum cloud_verb verb;
	struct str params; /* JSON */
	struct str same; /* the question is another when this differs; absent: params */
	/* Is the answer a good one? A bad one is a failure; may be NULL. */
	int (*check)(struct jv result, struct err *err);
	uint64_t max_age_ns; /* asked again after this; 0: never */
	/* Out */
	struct jv result; /* OK: borrowed until the next ask of the key */
	const char *error; /* FAILED */
	bool asked; /* a question was put now that is not one more try of the last */
	bool fresh; /* the answer or failure is told for the first time */
};
/* Fills the rest of *q; p is told when to come again. */
enum ask_state ask(struct asks *a, struct plan *p, struct ask *q);
void asks_forget(struct asks *a, struct str key);
/* All answers are old: keys ask again as they come. */
void asks_expire(struct asks *a);
#endif
