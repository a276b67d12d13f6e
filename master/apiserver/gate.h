/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_GATE_H
#define KNARR_APISERVER_GATE_H
#include "master/apiserver/write.h"
/*
 * Admission from outside (webhooks, policies) of what a request brings that is no object of the
 * store: the Binding, Eviction or TokenRequest that is "created" beneath another object, and the
 * options of those who connect to one (exec, attach, portforward, proxy).
 */
enum gate_op { GATE_CREATE, GATE_CONNECT };
/* `obj` is what admission made of it (borrowed); with a refusal it says nothing. */
typedef void (*gate_cb)(void *user, struct json_object *obj, bool edited,
			const struct err *refusal);

/* Nobody is there who could be asked. */
bool gate_is_open(const struct request *r);
/* Asks about obj, which it takes; cb may be called before this returns. */
void gate_pass(struct request *r, enum gate_op op, const struct api_kind *kind,
	       struct json_object *take, gate_cb cb, void *user);
/*
 * CONNECT, before anybody is connected. True: fn is called with the request again when all have
 * agreed, or it has been answered. What admission made of the options is then r->query.
 */
bool gate_connect(struct request *r, void (*fn)(struct request *r));
#endif
