/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_REPORT_H
#define KNARR_POD_REPORT_H
#include "lib/base/buf.h"
/*
 * Tells the API: a pod's status (PATCH of /status when it changed), the mirror of a static pod, and
 * the last DELETE of a pod that has ended (gracePeriodSeconds=0). One request a pod at a time;
 * failures are tried again with backoff, and what changed meanwhile goes along.
 */
struct pod;
void report_pod(struct pod *p); /* compare and send what is new; call after each sync */
/* All is told, or there is nobody to tell. */
bool report_idle(const struct pod *p);
void report_cancel(struct pod *p);
/* A static pod is gone for good: its mirror goes too. */
void report_unmirror(struct pod *p);
#endif
