/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_BOOTSTRAP_H
#define KNARR_APISERVER_BOOTSTRAP_H
struct apiserver;
struct bootstrap;
/*
 * What every cluster has from its first moment: the system namespaces, the two system priority
 * classes, and the `kubernetes` Service with the masters as its endpoints. Written by ordinary
 * requests as system:apiserver; what is there already stays, only the endpoint is brought up to
 * date. `done` runs once, from the loop.
 */
void bootstrap_start(struct apiserver *s, void (*done)(void *user), void *user);
/* Only the masters' addresses: the Service's endpoints, and cluster-info for those who join. */
void bootstrap_publish(struct apiserver *s, void (*done)(void *user), void *user);
void bootstrap_free(struct bootstrap **b); /* of struct apiserver; *b may be NULL and is then */
#endif
