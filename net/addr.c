/* SPDX-License-Identifier: Apache-2.0 */
#include "net/addr.h"

#include <arpa/inet.h>

int ip4_parse(struct str s, uint32_t *ret)
{
	uint32_t addr = 0;
	struct str rest = s, part;
	int n = 0;

	while (str_split(&rest, '.', &part)) {
		uint64_t v;

		if (++n > 4 || part.len > 3 || (part.len > 1 && part.p[0] == '0') ||
		    str_to_u64(part, &v) < 0 || v > 255)
			return -EINVAL;
		addr = addr << 8 | (uint32_t)v;
	}
	if (n != 4)
		return -EINVAL;
	*ret = htonl(addr);
	return 0;
}

int ip4_prefix_parse_loose(struct str s, struct ip4_prefix *ret)
{
	ssize_t slash = str_chr(s, '/');
	struct ip4_prefix p;
	uint64_t len;

	if (slash < 0 || ip4_parse(str_n(s.p, (size_t)slash), &p.addr) < 0 ||
	    str_to_u64(str_skip(s, (size_t)slash + 1), &len) < 0 || len > 32)
		return -EINVAL;
	p.len = (uint8_t)len;
	p.addr &= ip4_mask(p.len);
	*ret = p;
	return 0;
}

int ip4_prefix_parse(struct str s, struct ip4_prefix *ret)
{
	struct ip4_prefix p;
	uint32_t addr;
	int r = ip4_prefix_parse_loose(s, &p);

	if (r < 0)
		return r;
	ip4_parse(str_n(s.p, (size_t)str_chr(s, '/')), &addr);
	if (addr != p.addr)
		return -EINVAL;
	*ret = p;
	return 0;
}

const char *ip4_format(uint32_t addr, char ret[IP4_TEXT])
{
	uint32_t a = ntohl(addr);

	snprintf(ret, IP4_TEXT, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
	return ret;
}

uint32_t ip4_mask(uint8_t len)
{
	return len ? htonl(UINT32_MAX << (32 - len)) : 0;
}

bool ip4_prefix_has(struct ip4_prefix p, uint32_t addr)
{
	return (addr & ip4_mask(p.len)) == p.addr;
}

uint32_t ip4_prefix_size(struct ip4_prefix p)
{
	return p.len ? 1u << (32 - p.len) : UINT32_MAX;
}

uint32_t ip4_prefix_nth(struct ip4_prefix p, uint32_t n)
{
	return htonl(ntohl(p.addr) + n);
}
