/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_STORE_TRANSPORT_H
#define KNARR_STORE_TRANSPORT_H
#include "lib/base/str.h"

#include <sys/uio.h>
/*
 * Messages between masters: what the store needs of a network, replaceable by a simulation. The
 * implementation (mutual TLS, framing, bounded queues) is master/cluster's; with one voter there
 * is none. Messages are opaque, may be lost or repeated, and must not be altered: the transport
 * checks before it hands them up.
 */
struct store_transport {
	/*
	 * From now on call on_message (from any thread) for each message that comes in. `from` has
	 * been authenticated.
	 */
	int (*start)(void *user, void (*on_message)(void *arg, uint64_t from, struct str msg),
		     void *arg);
	void (*stop)(void *user); /* no call of on_message any more when it returns */
	/*
	 * Queue for another master. Never blocks; -ENOBUFS when its queue is full. Bytes are
	 * copied. From any thread, also from within on_message.
	 */
	int (*send)(void *user, uint64_t to, const char *address, const struct iovec *iov, int n);
	void *user;
};
#endif
