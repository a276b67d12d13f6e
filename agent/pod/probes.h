/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_PROBES_H
#define KNARR_POD_PROBES_H
#include "lib/base/base.h"
/* The startup, readiness and liveness probes of a running container: agent/probe does the work. */
struct container;
/* Sets c->started and c->ready to what they are before the first result. */
void probes_start(struct container *c);
/*
 * For a container that runs since an earlier agent: what its probes had said then holds until they
 * say otherwise, so that a Service loses no backend by an agent's restart.
 */
void probes_resume(struct container *c, bool started, bool ready);
void probes_stop(struct container *c); /* harmless when none run */
#endif
