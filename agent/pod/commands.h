/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_POD_COMMANDS_H
#define KNARR_POD_COMMANDS_H
#include "lib/base/err.h"
/*
 * Programs that a pod's volumes need (mount): they may take their time, so they run beside the
 * agent, one of a kind for a pod, and the pod is kicked when one has ended.
 */
struct pod;
/*
 * Starts argv (searched in PATH) unless it runs already. -EAGAIN while it runs; 0 once after it
 * has succeeded; -EIO with its output when it failed, or the error of starting it: after 5 s the
 * next call starts it again.
 */
int commands_run(struct pod *p, const char *const *argv, struct err *err);
/* Ends all: true while one still runs (the pod is kicked then). */
bool commands_end(struct pod *p);
/* The pod goes: what runs is told to end, and nobody is told of it. */
void commands_free(struct pod *p);
#endif
