/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_OWNERSHIP_H
#define KNARR_POD_OWNERSHIP_H
#include "lib/base/err.h"
/*
 * The files of a pod's volumes get the pod's group (agent/volume/group.h). There may be millions of
 * them: threads do it, at most two at a time in an agent so that names are still looked up
 * meanwhile, and the pod is kicked when one is done.
 */
struct pod;
struct pods;
#define OWNERSHIP_THREADS 2
/* -EAGAIN while it waits or runs, else its outcome; the next call begins anew. */
int ownership_give(struct pod *p, const char *path, int64_t gid, bool on_root_mismatch,
		   struct err *err);
/* Breaks all off: true while a thread is still in a volume (the pod is kicked then). */
bool ownership_end(struct pod *p);
/* The pod goes: as above, and nobody is told. */
void ownership_free(struct pod *p);
/* The agent ends, after the last pod. */
void ownership_forget(struct pods *all);
#endif
