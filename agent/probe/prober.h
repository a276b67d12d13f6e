/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_PROBER_H
#define KNARR_PROBER_H
#include "agent/probe/attempt.h"
/*
 * One probe of a container over time (pkg/kubelet/prober/worker.go): waits initialDelaySeconds,
 * tries every periodSeconds, and changes its verdict after failureThreshold or successThreshold
 * equal results in a row. Timers only; how a try is made is the caller's.
 */
enum probe_kind { PROBE_STARTUP, PROBE_READINESS, PROBE_LIVENESS };
const char *probe_kind_name(enum probe_kind k); /* "Readiness" */

struct prober;
struct prober_ops {
	/* Make one try; ends in prober_result, never from inside. */
	void (*attempt)(void *user, struct prober *p, const struct check *check,
			uint64_t timeout_ns);
	void (*cancel)(void *user, struct prober *p); /* the try under way is not wanted */
	/* A single failed try, before any threshold: for the event "Unhealthy". */
	void (*failed)(void *user, struct prober *p, struct str output);
	/* The verdict is another. */
	void (*verdict)(void *user, struct prober *p, bool success);
};
struct prober_conf {
	enum probe_kind kind;
	struct jv probe, container; /* borrowed while the prober lives */
	struct timers *timers;
	uint64_t began_ns; /* monotonic: when the container was started */
	bool passed; /* readiness: the verdict an earlier agent came to */
	const struct prober_ops *ops;
	void *user;
};
/* Does not try before prober_start. -EINVAL for a handler it cannot read. */
int prober_new(const struct prober_conf *conf, struct prober **ret, struct err *err);
struct prober *prober_free(struct prober *p);
void prober_start(struct prober *p);
/* Try at once, not only with the next period (readiness when startup is over). */
void prober_poke(struct prober *p);
void prober_result(struct prober *p, enum check_result result, struct str output);
enum probe_kind prober_kind(const struct prober *p);
/* terminationGracePeriodSeconds of the probe, or -1. */
int64_t prober_grace_s(const struct prober *p);
/* An `attempt` under way, kept here for the owner. */
void prober_set_attempt(struct prober *p, void *attempt);
void *prober_attempt(const struct prober *p);
void *prober_user(const struct prober *p);
#endif
