/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_ANNOUNCE_PRIV_H
#define KNARR_NET_ANNOUNCE_PRIV_H
#include "net/addr.h"
#include "net/link.h"
/*
 * The IPv6 side of announce.h: neighbour discovery (RFC 4861) for addresses that are not the
 * machine's. The groups of the addresses' solicitations are joined, so that the card and switches
 * that snoop let them through.
 */
struct ndp;
struct uv_loop_s;

struct ndp_conf {
	struct uv_loop_s *loop;
	uint32_t uplink; /* ifindex */
	uint8_t mac[LINK_MAC_LEN];
	/* Answer for this one? */
	bool (*holds)(void *user, struct ip_addr addr);
	/* Another machine says it has this one. */
	void (*claimed)(void *user, struct ip_addr addr);
	void *user;
};

int ndp_open(const struct ndp_conf *conf, const struct ip_addr *addrs, size_t n, struct ndp **ret);
/* NULL is fine; closes its handle on the loop; returns NULL. */
struct ndp *ndp_close(struct ndp *n);
/* Everybody on the link is told (section 7.2.6). */
void ndp_tell(struct ndp *n, struct ip_addr addr);
#endif
