/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_CIDR_H
#define KNARR_CIDR_H
#include "lib/base/err.h"

#include <arpa/inet.h>
/*
 * Addresses and ranges of both families as the API's texts have them ("10.96.0.0/16",
 * "fd00:96::/108"). An address is a number, so that the next one is that plus one.
 */
__extension__ typedef unsigned __int128 u128;

struct ip {
	u128 n; /* IPv4: below 1 << 32 */
	bool v6;
};
struct cidr {
	struct ip base; /* its host bits are 0 */
	unsigned bits; /* 0 to 32 or 128 */
};
/* What --service-cidr and --cluster-cidr say: one range, or one of each family; v[0] is primary. */
struct cidr_pair {
	struct cidr v[2];
	size_t n;
};

#define IP_TEXT INET6_ADDRSTRLEN
#define CIDR_TEXT (INET6_ADDRSTRLEN + 4)

/* "IPv4" or "IPv6": as Service.spec.ipFamilies and EndpointSlice.addressType say it. */
static inline const char *ip_family(bool v6)
{
	return v6 ? "IPv6" : "IPv4";
}
/* A mapped IPv4 address (::ffff:10.0.0.1) is an IPv4 one. No leading zeros, no zone. */
bool ip_parse(struct str text, struct ip *ret);
/* The canonical form (RFC 5952), in ret. */
const char *ip_text(struct ip a, char ret[IP_TEXT]);
/* In network byte order, all 16 of an IPv6 address, 4 of the other. */
void ip_bytes(struct ip a, uint8_t *ret);
static inline bool ip_eq(struct ip a, struct ip b)
{
	return a.v6 == b.v6 && a.n == b.n;
}

/* Host bits may be set in the text; they are cleared. */
bool cidr_parse(struct str text, struct cidr *ret);
const char *cidr_text(struct cidr c, char ret[CIDR_TEXT]);
/* How many addresses it has, less one: all of ::/0 are too many to count. */
u128 cidr_span(struct cidr c);
bool cidr_has(struct cidr c, struct ip a);
bool cidr_within(struct cidr inner, struct cidr outer);
/*
 * Is it one that a Service may have: in the range, not the network's own (to IPv6 the address of
 * any router there), nor the broadcast one of IPv4?
 */
bool cidr_has_host(struct cidr c, struct ip a);

/*
 * "10.96.0.0/16", "fd00:96::/108" or both of them with a comma between, in any order. -EINVAL names
 * `option` ("service-cidr").
 */
int cidr_pair_parse(const char *option, const char *text, struct cidr_pair *ret, struct err *err);
/* That of the family, or NULL. */
const struct cidr *cidr_pair_of(const struct cidr_pair *p, bool v6);

/*
 * "10.0.0.1:6443", "[fd00::1]:6443", "master.example:6443": the host without brackets, and the
 * port's text (absent: none was given, and a bare IPv6 address is one without a port). False for
 * what can be neither.
 */
bool host_port_split(struct str text, struct str *ret_host, struct str *ret_port);
/* The other way: an IPv6 address gets its brackets. Caller frees. */
char *host_port_join(const char *host, unsigned port);
#endif
