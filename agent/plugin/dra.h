/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PLUGIN_DRA_H
#define KNARR_PLUGIN_DRA_H
#include "agent/plugin/registry.h"
/*
 * Drivers of devices (k8s.io/kubelet/pkg/apis/dra, v1 and v1beta1): those that have registered, and
 * the two things they are asked. A driver may be there several times, while it is replaced: the
 * newest is asked. Of one that has been away for long, the ResourceSlices of this node are taken
 * away.
 */
struct dra;
struct client;
struct uv_loop_s;

struct dra_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct client *client; /* NULL: no master */
	const char *node_name;
	void (*registered)(void *user, const char *driver); /* may be NULL */
	void *user;
};
struct dra *dra_new(const struct dra_conf *conf);
struct dra *dra_free(struct dra *d); /* no callbacks any more. NULL is fine */
/* For the registration of plugins; its user is the struct dra. */
extern const struct plugin_handler dra_plugin_handler;

struct dra_claim {
	struct str ns, uid, name;
};
/* A device that was prepared. */
struct dra_device {
	const struct str *requests; /* none: all */
	size_t n_requests;
	struct str pool, device;
	const struct str *cdi_ids;
	size_t n_cdi_ids;
};
struct dra_call;
/* r < 0: failed, and why. Devices are borrowed for the call. */
typedef void dra_done_fn(void *user, int r, const struct err *err, const struct dra_device *v,
			 size_t n);
/*
 * NodePrepareResources (prepare) or NodeUnprepareResources of one claim. -ENOENT: no such driver is
 * registered; else `done` is called once, never from inside, unless cancelled.
 */
int dra_ask(struct dra *d, struct str driver, bool prepare, const struct dra_claim *claim,
	    dra_done_fn *done, void *user, struct dra_call **ret, struct err *err);
void dra_cancel(struct dra_call *c);
/* Reads the answer's entry for the claim; for dra_ask and tests. -EINVAL: it is not there. */
int dra_read_answer(struct str answer, struct str uid, bool prepare, dra_done_fn *done, void *user);
#endif
