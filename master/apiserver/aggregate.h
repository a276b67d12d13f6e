/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AGGREGATE_H
#define KNARR_AGGREGATE_H
#include "lib/api/discovery.h"
#include "master/apiserver/server.h"
/*
 * The aggregation layer (k8s.io/kube-aggregator): an APIService says that a Service of the cluster
 * serves a group and version. Requests for it are passed on with the caller's identity in
 * X-Remote-* fields and the master's front-proxy certificate, after the same authorisation as all
 * others; its discovery and OpenAPI documents stand beside our own.
 *
 *	follow the store --> struct remote --look every 30 s--> status.conditions Available
 *	                          |                 \-> what it says it serves, for discovery
 *	request_run --------------+-> aggregate_run --> http_relay
 */
struct aggregate;
struct remote;

struct aggregate *aggregate_new(struct apiserver *s);
struct aggregate *aggregate_free(struct aggregate *a); /* takes NULL, returns NULL */

/* Whether this request is for somebody else; costs nothing while there is nobody. */
bool aggregate_wanted(const struct request *r);
/* Pass it on; may be called twice, the second time with the body. */
void aggregate_run(struct request *r);

/* Put the others' groups at the end of a document of api_discovery_groups. */
void aggregate_add_groups(const struct apiserver *s, enum api_discovery_form form, struct buf *doc);
/* APIGroup of a group that only others serve. -ENOENT. */
int aggregate_group(const struct apiserver *s, struct str group, struct buf *out);
/* Put their documents at the end of an index of OpenAPI v3. */
void aggregate_add_openapi(const struct apiserver *s, struct buf *doc);
#endif
