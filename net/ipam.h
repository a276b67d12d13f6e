/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_IPAM_H
#define KNARR_NET_IPAM_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "net/addr.h"
/*
 * Hands out the addresses of this node's pod range.
 *
 * State is one file of fixed 64-byte records, one an address, each change a single pwrite: a
 * killed agent loses nothing and leaves nothing half written. The file carries the kernel's boot
 * id: after a reboot no pod exists any more, so every address is free again. (That is also why
 * nothing is fsynced.) A file of another range or version starts anew, too.
 *
 * The network address, the first address (the node's own end, see pod_net.h) and the broadcast
 * address are never given out. The address that has been free longest goes first, and one that
 * was freed within `quarantine_ns` only when nothing else is left: peers with a stale connection
 * or DNS answer should not meet a stranger.
 */
struct ipam;

#define IPAM_OWNER_MAX 48
#define IPAM_QUARANTINE_NS (60 * NSEC_PER_SEC)

struct ipam_conf {
	const char *path; /* the state file; its directory exists */
	struct ip4_prefix range; /* /8 to /30 */
	uint64_t quarantine_ns;
	const struct clock *clock; /* NULL: clock_system */
};

int ipam_open(const struct ipam_conf *conf, struct ipam **ret, struct err *err);
struct ipam *ipam_close(struct ipam *i); /* NULL is fine; returns NULL */
/*
 * Take an address for `owner` (1..48 bytes). An owner has one address: asking again gives the
 * same. -ENOSPC when the range is used up.
 */
int ipam_take(struct ipam *i, struct str owner, uint32_t *ret_addr, struct err *err);
/* The address of an owner, or -ENOENT. */
int ipam_get(const struct ipam *i, struct str owner, uint32_t *ret_addr);
/* Give the owner's address back; 0 also when it has none. */
int ipam_give(struct ipam *i, struct str owner);
size_t ipam_used(const struct ipam *i);
size_t ipam_size(const struct ipam *i); /* addresses that can be given out */
/* Iterate owners: start with *pos = 0; false at the end. The owner is borrowed until a change. */
bool ipam_next(const struct ipam *i, size_t *pos, struct str *ret_owner, uint32_t *ret_addr);
#endif
