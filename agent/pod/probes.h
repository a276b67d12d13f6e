/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_PROBES_H
#define KNARR_POD_PROBES_H
/* The startup, readiness and liveness probes of a running container: agent/probe does the work. */
struct container;
/* Sets c->started and c->ready to what they are before the first result. */
void probes_start(struct container *c);
void probes_stop(struct container *c); /* harmless when none run */
#endif
