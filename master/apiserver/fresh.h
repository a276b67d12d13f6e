/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_FRESH_H
#define KNARR_APISERVER_FRESH_H
#include "master/apiserver/request.h"
/*
 * A master that follows knows everything a moment later than the leader. What it would refuse (a
 * token, a right, a kind that somebody made just now at another master) it looks at once more,
 * after it has caught up with the leader.
 *
 * True: `fn` is called later, once a request; there is nothing to do until then. False: what is
 * known here is all (this master leads, or it was done before), or nobody is asking.
 */
bool fresh_first(struct request *r, void (*fn)(struct request *r));
#endif
