/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_HOOKS_H
#define KNARR_HOOKS_H
#include "lib/base/err.h"
#include "lib/json/jv.h"
/*
 * Lifecycle hooks (postStart, preStop): exec, httpGet, sleep, tcpSocket (which the API keeps for
 * compatibility and which always fails). One at a time a container.
 */
struct container;
/* r 0: it succeeded; else err says why in the kubelet's words. */
typedef void hook_fn(struct container *c, int r, const struct err *err);
/*
 * Start lifecycle.NAME ("postStart", "preStop") of a container that runs. False when it has none:
 * done does not run. Ends with -ETIMEDOUT after timeout_ns (0: none).
 */
bool hook_start(struct container *c, const char *name, uint64_t timeout_ns, hook_fn *done);
/* No callback any more. */
void hook_cancel(struct container *c);
#endif
