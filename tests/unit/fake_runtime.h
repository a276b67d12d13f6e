/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_FAKE_RUNTIME_H
#define KNARR_FAKE_RUNTIME_H
#include "agent/runtime/runtime.h"
#include "lib/base/timers.h"
/*
 * agent/runtime, agent/image and net/pod_net in memory, linked instead of the real ones: a
 * container is a row in a table, and the test says when it ends. Answers come through the timers.
 */
void fake_runtime_reset(struct timers *ts, runtime_event_fn *on_event, void *user);
/* The agent ends: calls under way are answered with -ECANCELED; what runs, runs on. */
void fake_runtime_close(void);
/* End the container whose spec's note names `name`; asserts that it runs. */
void fake_exit(const char *name, int code);
/* The next start of that container fails with this number; 0: none. */
void fake_fail_start(const char *name, int errnum);
/* Number of running containers; of those ever started. */
size_t fake_running(void);
size_t fake_started(const char *name);
/* Signals that were sent by stops to a container, and whether it then ends at once (default). */
void fake_ignore_sigterm(const char *name, bool ignore);
size_t fake_sandboxes(void); /* that are READY */
extern bool fake_image_here; /* the image "img" is in the store; else pulls fail */
#endif
