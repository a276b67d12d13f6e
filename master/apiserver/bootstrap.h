/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_BOOTSTRAP_H
#define KNARR_APISERVER_BOOTSTRAP_H
struct apiserver;
/*
 * What every cluster has from its first moment: the system namespaces, the two system priority
 * classes, and the `kubernetes` Service with this master as its endpoint. Written by ordinary
 * requests as system:apiserver; what is there already stays, only the endpoint is brought up to
 * date. `done` runs once, from the loop.
 */
void bootstrap_start(struct apiserver *s, void (*done)(void *user), void *user);
void bootstrap_free(struct apiserver *s);
#endif
