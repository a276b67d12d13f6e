/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_ANNOUNCE_H
#define KNARR_NET_ANNOUNCE_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
#include "net/addr.h"
/*
 * Addresses that this node answers for on its uplink without having them: a load balancer's. ARP
 * requests (RFC 826) and neighbour solicitations (RFC 4861) for them are answered from here; when
 * one is taken over, it is announced (RFC 5227 section 2.3, unsolicited advertisements that
 * override) so that neighbours forget who had it before. What is sent to it meets the balancer's
 * fronts (masq.h); a route makes the kernel refuse the rest.
 *
 * Two nodes may mean to have an address for a moment: one that hears another announce it gives way
 * and is silent about it until announce_retake, or until it was taken from it and given anew.
 *
 * With no address of a family there is no socket for it: nothing of the link's traffic wakes the
 * process. With some, a socket filter lets only packets about them through.
 */
struct announce;
struct uv_loop_s;

struct announce_conf {
	struct uv_loop_s *loop;
	struct timers *timers;
	uint32_t uplink; /* ifindex */
	const char *run_dir; /* the addresses stand in RUN-DIR/net/announced, for announce_reset */
	/* Told when an address was given way for; may be NULL. */
	void (*lost)(void *user, struct ip_addr addr);
	void *user;
};
#define ANNOUNCE_MAX 1000

int announce_open(const struct announce_conf *conf, struct announce **ret, struct err *err);
/* Exactly these from now on. -ENOSPC beyond ANNOUNCE_MAX. */
int announce_set(struct announce *a, const struct ip_addr *addrs, size_t n, struct err *err);
/* Take up again what was given way for: somebody who knows has said that it is ours. */
void announce_retake(struct announce *a);
/* True while it is ours and nobody made us give way. */
bool announce_holds(const struct announce *a, struct ip_addr addr);
/* Silence; the next agent takes up again. Closes its handle on the loop. NULL is fine. */
struct announce *announce_close(struct announce *a);
/* Remove what was left in the kernel. */
void announce_reset(const char *run_dir);
#endif
