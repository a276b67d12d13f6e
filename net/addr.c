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

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

struct ip_addr ip_of4(uint32_t addr)
{
	struct ip_addr a;

	memcpy(a.b, mapped, sizeof(mapped));
	memcpy(a.b + 12, &addr, sizeof(addr));
	return a;
}

bool ip_is4(struct ip_addr a)
{
	return memcmp(a.b, mapped, sizeof(mapped)) == 0;
}

uint32_t ip_to4(struct ip_addr a)
{
	uint32_t addr;

	memcpy(&addr, a.b + 12, sizeof(addr));
	return addr;
}

bool ip_eq(struct ip_addr a, struct ip_addr b)
{
	return memcmp(a.b, b.b, sizeof(a.b)) == 0;
}

bool ip_is_none(struct ip_addr a)
{
	static const struct ip_addr none;

	return ip_eq(a, none);
}

struct ip_addr ip_any(bool is4)
{
	return is4 ? ip_of4(0) : (struct ip_addr){{0}};
}

int ip_addr_parse(struct str s, struct ip_addr *ret)
{
	char text[IP_TEXT];
	uint32_t addr;

	if (ip4_parse(s, &addr) == 0) {
		*ret = ip_of4(addr);
		return 0;
	}
	if (s.len >= sizeof(text) || str_chr(s, ':') < 0)
		return -EINVAL;
	str_copy(text, sizeof(text), s);
	return strlen(text) == s.len && inet_pton(AF_INET6, text, ret->b) == 1 ? 0 : -EINVAL;
}

const char *ip_addr_format(struct ip_addr a, char ret[IP_TEXT])
{
	if (ip_is4(a))
		return ip4_format(ip_to4(a), ret);
	return inet_ntop(AF_INET6, a.b, ret, IP_TEXT);
}

static struct ip_addr cut(struct ip_addr a, unsigned int len)
{
	for (unsigned int i = 0; i < sizeof(a.b); i++) {
		unsigned int bits = len > 8 * i ? MIN(len - 8 * i, 8u) : 0;

		a.b[i] &= (uint8_t)(0xff00 >> bits);
	}
	return a;
}

static int prefix_read(struct str s, struct ip_prefix *ret, struct ip_addr *ret_addr)
{
	ssize_t slash = str_chr(s, '/');
	uint64_t len;

	if (slash < 0 || ip_addr_parse(str_n(s.p, (size_t)slash), ret_addr) < 0 ||
	    str_to_u64(str_skip(s, (size_t)slash + 1), &len) < 0 || len > 128)
		return -EINVAL;
	if (memchr(s.p, ':', (size_t)slash) == NULL) {
		if (len > 32)
			return -EINVAL;
		len += 96;
	}
	*ret = (struct ip_prefix){cut(*ret_addr, (unsigned int)len), (uint8_t)len};
	return 0;
}

int ip_prefix_parse_loose(struct str s, struct ip_prefix *ret)
{
	struct ip_addr addr;

	return prefix_read(s, ret, &addr);
}

int ip_prefix_parse(struct str s, struct ip_prefix *ret)
{
	struct ip_addr addr;
	int r = prefix_read(s, ret, &addr);

	return r == 0 && !ip_eq(addr, ret->addr) ? -EINVAL : r;
}

struct ip_prefix ip_prefix_of4(struct ip4_prefix p)
{
	return (struct ip_prefix){ip_of4(p.addr), (uint8_t)(96 + p.len)};
}

bool ip_prefix_is4(struct ip_prefix p)
{
	return p.len >= 96 && ip_is4(p.addr);
}

bool ip_prefix_eq(struct ip_prefix a, struct ip_prefix b)
{
	return a.len == b.len && ip_eq(a.addr, b.addr);
}

bool ip_prefix_has(struct ip_prefix p, struct ip_addr a)
{
	return ip_is4(a) == ip_prefix_is4(p) && ip_eq(cut(a, p.len), p.addr);
}

struct ip_addr ip_prefix_nth(struct ip_prefix p, uint32_t n)
{
	uint64_t carry = n;

	for (size_t i = sizeof(p.addr.b); i-- > 0 && carry;) {
		carry += p.addr.b[i];
		p.addr.b[i] = (uint8_t)carry;
		carry >>= 8;
	}
	return p.addr;
}

unsigned int ip_prefix_bits(struct ip_prefix p)
{
	return ip_prefix_is4(p) ? p.len - 96u : p.len;
}
