/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_SHUTDOWN_H
#define KNARR_NODE_SHUTDOWN_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * Graceful node shutdown: when the machine is told to go down, the Node turns NotReady and its pods
 * are ended in good order (agent/pod/shutdown.h) before anything else is stopped.
 *
 * Who tells it:
 *   systemd-logind  the agent holds an inhibitor lock ("shutdown", mode "delay":
 *                   systemd.io/INHIBITOR_LOCKS) and hears PrepareForShutdown; the lock is let go
 *                   when the pods have ended. logind waits for InhibitDelayMaxSec at most, which is
 *                   raised by a file below /run/systemd/logind.conf.d where it is too short.
 *   anybody         SIGPWR to the agent, which then ends by itself: UPS daemons, container
 * managers, machines without systemd.
 */
struct node_shutdown;
struct uv_loop_s;
struct pods;
struct node;

struct node_shutdown_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	struct pods *pods;
	struct node *node; /* may be NULL */
	uint64_t grace_ns, critical_ns; /* grace 0: no graceful shutdown */
	bool set_delay; /* InhibitDelayMaxSec may be raised */
	void (*ended)(void *user); /* after SIGPWR: all pods have ended */
	void *user;
};
/* Never fails: without logind there is SIGPWR. */
struct node_shutdown *node_shutdown_start(const struct node_shutdown_conf *conf);
/* Before pods_stop. Handles close on the loop; then, when it has run, free. NULL is fine. */
void node_shutdown_stop(struct node_shutdown *s);
struct node_shutdown *node_shutdown_free(struct node_shutdown *s);
#endif
