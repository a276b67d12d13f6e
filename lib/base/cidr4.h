/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CIDR4_H
#define KNARR_CIDR4_H
#include "lib/base/str.h"

#include <arpa/inet.h>
/* IPv4 addresses and ranges of the API's texts ("10.96.0.0/16"), in host byte order. */
struct cidr4 {
	uint32_t base; /* its lower bits are 0 */
	unsigned bits; /* 0 to 32 */
};

static inline bool cidr4_address(struct str text, uint32_t *ret)
{
	char ip[INET_ADDRSTRLEN];
	struct in_addr in;

	if (str_copy(ip, sizeof(ip), text) < 0 || inet_pton(AF_INET, ip, &in) != 1)
		return false;
	*ret = ntohl(in.s_addr);
	return true;
}

static inline const char *cidr4_text(uint32_t address, char ret[INET_ADDRSTRLEN])
{
	struct in_addr in = {htonl(address)};

	return inet_ntop(AF_INET, &in, ret, INET_ADDRSTRLEN);
}

static inline uint64_t cidr4_size(struct cidr4 c)
{
	return 1ull << (32 - c.bits);
}

/* Host bits may be set in the text; they are cleared. */
static inline bool cidr4_parse(struct str text, struct cidr4 *ret)
{
	struct str ip;
	uint64_t bits;
	uint32_t at;

	if (!str_split(&text, '/', &ip) || !cidr4_address(ip, &at) || str_to_u64(text, &bits) < 0 ||
	    bits > 32)
		return false;
	ret->bits = (unsigned)bits;
	ret->base = at & ~(uint32_t)(cidr4_size(*ret) - 1);
	return true;
}

static inline bool cidr4_within(struct cidr4 inner, struct cidr4 outer)
{
	return inner.bits >= outer.bits && inner.base - outer.base < cidr4_size(outer);
}

/* Is it one that a Service may have: in the range, neither the network's nor the broadcast one? */
static inline bool cidr4_has_host(struct cidr4 c, uint32_t address)
{
	uint64_t at = address - c.base;

	return at > 0 && at < cidr4_size(c) - 1;
}
#endif
