/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_SERVICE_ALLOC_H
#define KNARR_APISERVER_SERVICE_ALLOC_H
#include "lib/json/jsonc.h"
#include "master/apiserver/request.h"
/*
 * Cluster addresses and node ports of Services. What is in use is exactly what the stored Services
 * and IPAddresses say: the tables are filled from the store at start and follow it by a watch; what
 * a write under way has chosen is set aside until it is committed or dropped. The ranges are those
 * of ServiceCIDR objects, read anew each time (service_ranges.h): one that was just made is used at
 * once.
 */
struct service_alloc;
struct write;

/* `cidr`: what the master was given, as cidr_pair_parse takes it; -EINVAL if it is wrong. */
int service_alloc_new(struct store *store, const char *cidr, uint16_t port_first,
		      uint16_t port_last, struct service_alloc **ret, struct err *err);
struct service_alloc *service_alloc_free(struct service_alloc *a);
/*
 * Count anew from the newest state: what a new leader does before its first write, as events of the
 * watch may still be on their way.
 */
void service_alloc_recount(struct service_alloc *a);
/* The first address of the first range: the `kubernetes` Service. */
const char *service_alloc_first_ip(const struct service_alloc *a);

/*
 * For a Service that is about to be validated and written (nothing for other kinds): fills in
 * ipFamilyPolicy and ipFamilies (service_families.h), clusterIP(s), nodePort and
 * healthCheckNodePort where its type wants them, checks what the client chose. *held gets what was
 * set aside (NULL if nothing). Causes in err: Kubernetes' own texts.
 */
int service_alloc_prepare(struct service_alloc *a, const struct api_kind *k,
			  const struct api_subresource *sub, struct json_object *obj,
			  struct json_object *old, void **held, struct err *err);
/* The changes of other objects that go with a Service's: the last step before it is proposed. */
void service_alloc_charge(struct service_alloc *a, struct write *w);
/* The write was committed, or was not. Both take `held` and accept NULL. */
void service_alloc_commit(struct service_alloc *a, void *held);
void service_alloc_drop(struct service_alloc *a, void *held);
#endif
