/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_APISERVER_METRICS_H
#define KNARR_APISERVER_METRICS_H
#include "lib/base/buf.h"
/* Counters of the API server in Prometheus' text form; names are Kubernetes' where it has them. */
struct metrics;
struct request;
struct apiserver;

struct metrics *metrics_new(void);
struct metrics *metrics_free(struct metrics *m);
/* An exchange is over: count it and its time. */
void metrics_request(struct metrics *m, const struct request *r);
void metrics_write(const struct apiserver *s, struct buf *out);
#endif
