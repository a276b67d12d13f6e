/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_ADDR_H
#define KNARR_NET_ADDR_H
#include "lib/base/str.h"
/*
 * IPv4 addresses and prefixes. Throughout net/ an address is a uint32_t in NETWORK byte order
 * (as in struct in_addr), a port is a uint16_t in HOST byte order.
 */
#define IP4_TEXT 16 /* "255.255.255.255" and the NUL */

struct ip4_prefix {
	uint32_t addr; /* network byte order, host bits zero */
	uint8_t len; /* 0..32 */
};

/* Dotted quad without leading zeros, the whole string; -EINVAL otherwise. */
int ip4_parse(struct str s, uint32_t *ret);
/* "10.244.0.0/24"; -EINVAL for another form or when host bits are set. */
int ip4_prefix_parse(struct str s, struct ip4_prefix *ret);
/* The same where host bits may be set, and are left out: "10.244.0.7/24", as Go's ParseCIDR. */
int ip4_prefix_parse_loose(struct str s, struct ip4_prefix *ret);
/* Writes into ret and returns it. */
const char *ip4_format(uint32_t addr, char ret[IP4_TEXT]);
uint32_t ip4_mask(uint8_t len); /* network byte order */
bool ip4_prefix_has(struct ip4_prefix p, uint32_t addr);
/* Number of addresses, network and broadcast included; at most 2^32 - 1 for a /0. */
uint32_t ip4_prefix_size(struct ip4_prefix p);
/* The n-th address of the prefix (0 is the network address). */
uint32_t ip4_prefix_nth(struct ip4_prefix p, uint32_t n);
#endif
