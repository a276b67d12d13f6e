/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_ADDR_H
#define KNARR_NET_ADDR_H
#include "lib/base/str.h"
/*
 * Addresses and prefixes. Throughout net/ an IPv4 address is a uint32_t in NETWORK byte order
 * (as in struct in_addr), one of either family a struct ip_addr, a port is a uint16_t in HOST byte
 * order.
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

#define IP_TEXT 46 /* INET6_ADDRSTRLEN */

/* Of either family; IPv4 is ::ffff:a.b.c.d. All zero: none. */
struct ip_addr {
	uint8_t b[16];
};
struct ip_prefix {
	struct ip_addr addr; /* host bits zero */
	uint8_t len; /* 0..128; of IPv4 96 more than its own */
};

struct ip_addr ip_of4(uint32_t addr);
bool ip_is4(struct ip_addr a);
uint32_t ip_to4(struct ip_addr a);
bool ip_eq(struct ip_addr a, struct ip_addr b);
bool ip_is_none(struct ip_addr a);
struct ip_addr ip_any(bool is4); /* 0.0.0.0 or :: */
/* Text of an address, the whole string, no zone; -EINVAL otherwise. */
int ip_addr_parse(struct str s, struct ip_addr *ret);
const char *ip_addr_format(struct ip_addr a, char ret[IP_TEXT]);
/* "fd00:1::/64" or "10.0.0.0/8"; host bits that are set are left out. */
int ip_prefix_parse_loose(struct str s, struct ip_prefix *ret);
/* The same with -EINVAL when host bits are set. */
int ip_prefix_parse(struct str s, struct ip_prefix *ret);
struct ip_prefix ip_prefix_of4(struct ip4_prefix p);
bool ip_prefix_is4(struct ip_prefix p);
bool ip_prefix_eq(struct ip_prefix a, struct ip_prefix b);
bool ip_prefix_has(struct ip_prefix p, struct ip_addr a); /* ::/0 has no IPv4 addresses */
/* The n-th address of the prefix (0 is the network address). */
struct ip_addr ip_prefix_nth(struct ip_prefix p, uint32_t n);
/* Its length as it is written. */
unsigned int ip_prefix_bits(struct ip_prefix p);
#endif
