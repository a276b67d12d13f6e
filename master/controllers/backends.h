/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_BACKENDS_H
#define KNARR_BACKENDS_H
#include "master/controllers/controller.h"
#include "master/controllers/util.h"
/* The pods behind a Service, as EndpointSlice and Endpoints both want them. */

struct backend {
	const struct object *pod;
	struct str ip; /* of the family asked for */
	bool ready, serving, terminating;
	char *ports; /* JSON array of {name, port, protocol}: what this pod calls the named ports */
};
struct backends {
	struct backend *v;
	size_t n, cap;
};
/*
 * Pods of the Service's namespace which its selector matches, which are not ended and have an
 * address of the family ("IPv4", "IPv6"). publishNotReadyAddresses makes all of them ready.
 * Sorted by ports, then by address.
 */
void backends_find(struct ctl *c, const struct object *service, const char *family,
		   struct backends *ret);
void backends_done(struct backends *b);
/* A Service whose backends are somebody's business here: it has a selector, is no ExternalName. */
bool service_selects(const struct object *service);
bool service_headless(const struct object *service);
/* Handlers: enqueue the Services that a pod belongs, or belonged, to; indexes are made. */
void backends_watch(struct ctl *c);
/* Enqueues the Services of the pods on a node. */
void backends_enqueue_node(struct ctl *c, struct str node_name);
/* "hostname" of the pod if it makes a name below the Service, else absent. */
struct str backend_hostname(const struct backend *b, const struct object *service);
/* The member "targetRef" of an endpoint. */
void write_target_ref(struct jw *w, const struct backend *b);
#endif
