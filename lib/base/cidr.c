/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/cidr.h"

static unsigned width(bool v6)
{
	return v6 ? 128 : 32;
}

static u128 host_mask(bool v6, unsigned bits)
{
	unsigned host = width(v6) - bits;

	return host >= 128 ? ~(u128)0 : ((u128)1 << host) - 1;
}

/* ---- addresses ---- */

bool ip_parse(struct str text, struct ip *ret)
{
	char copy[IP_TEXT];
	struct in6_addr six;
	struct in_addr four;

	if (str_copy(copy, sizeof(copy), text) < 0)
		return false;
	if (inet_pton(AF_INET, copy, &four) == 1) {
		*ret = (struct ip){.n = ntohl(four.s_addr)};
		return true;
	}
	if (inet_pton(AF_INET6, copy, &six) != 1)
		return false;
	*ret = (struct ip){.v6 = true};
	for (size_t i = 0; i < sizeof(six.s6_addr); i++)
		ret->n = ret->n << 8 | six.s6_addr[i];
	if (ret->n >> 32 == 0xffff)
		*ret = (struct ip){.n = (uint32_t)ret->n};
	return true;
}

void ip_bytes(struct ip a, uint8_t *ret)
{
	for (size_t i = a.v6 ? 16 : 4; i--; a.n >>= 8)
		ret[i] = (uint8_t)a.n;
}

const char *ip_text(struct ip a, char ret[IP_TEXT])
{
	struct in_addr four = {htonl((uint32_t)a.n)};
	struct in6_addr six;

	if (!a.v6)
		return inet_ntop(AF_INET, &four, ret, IP_TEXT);
	/* The C library would write an IPv4 address behind 96 bits of zero. */
	if (a.n >> 32 == 0 && a.n >> 16) {
		snprintf(ret, IP_TEXT, "::%x:%x", (unsigned)(a.n >> 16), (unsigned)a.n & 0xffff);
		return ret;
	}
	ip_bytes(a, six.s6_addr);
	return inet_ntop(AF_INET6, &six, ret, IP_TEXT);
}

/* ---- ranges ---- */

bool cidr_parse(struct str text, struct cidr *ret)
{
	struct ip at = {0};
	struct str ip;
	uint64_t bits;

	if (!str_split(&text, '/', &ip) || !text.len || !ip_parse(ip, &at) ||
	    str_to_u64(text, &bits) < 0)
		return false;
	if (!at.v6 && str_chr(ip, ':') >= 0) { /* mapped: the prefix counts the 96 bits too */
		if (bits < 96)
			return false;
		bits -= 96;
	}
	if (bits > width(at.v6))
		return false;
	ret->bits = (unsigned)bits;
	ret->base = (struct ip){at.n & ~host_mask(at.v6, ret->bits), at.v6};
	return true;
}

const char *cidr_text(struct cidr c, char ret[CIDR_TEXT])
{
	char ip[IP_TEXT];

	snprintf(ret, CIDR_TEXT, "%s/%u", ip_text(c.base, ip), c.bits);
	return ret;
}

u128 cidr_span(struct cidr c)
{
	return host_mask(c.base.v6, c.bits);
}

bool cidr_has(struct cidr c, struct ip a)
{
	return a.v6 == c.base.v6 && a.n >= c.base.n && a.n - c.base.n <= cidr_span(c);
}

bool cidr_within(struct cidr inner, struct cidr outer)
{
	return inner.bits >= outer.bits && cidr_has(outer, inner.base);
}

bool cidr_has_host(struct cidr c, struct ip a)
{
	return cidr_has(c, a) && a.n != c.base.n && (a.v6 || a.n - c.base.n < cidr_span(c));
}

/* ---- options ---- */

int cidr_pair_parse(const char *option, const char *text, struct cidr_pair *ret, struct err *err)
{
	struct str rest = str_of(text), one;

	*ret = (struct cidr_pair){0};
	while (str_split(&rest, ',', &one)) {
		if (ret->n == 2)
			return err_sys(err, EINVAL, "--%s: \"%s\" has more than two ranges", option,
				       text);
		if (!cidr_parse(one, &ret->v[ret->n++]))
			return err_sys(err, EINVAL,
				       "--%s: \"%.*s\" is no range of addresses such as "
				       "10.96.0.0/16 or fd00:96::/108",
				       option, STR_ARG(one));
	}
	if (ret->n == 2 && ret->v[0].base.v6 == ret->v[1].base.v6)
		return err_sys(err, EINVAL,
			       "--%s: \"%s\" has two ranges of %s: one of each family is meant",
			       option, text, ip_family(ret->v[0].base.v6));
	return 0;
}

const struct cidr *cidr_pair_of(const struct cidr_pair *p, bool v6)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].base.v6 == v6)
			return &p->v[i];
	return NULL;
}

/* ---- with a port ---- */

bool host_port_split(struct str text, struct str *ret_host, struct str *ret_port)
{
	ssize_t colon = str_chr(text, ':'), end;
	uint64_t port;

	*ret_host = text;
	*ret_port = STR_NULL;
	if (text.len && *text.p == '[') {
		end = str_chr(text, ']');
		if (end < 0)
			return false;
		*ret_host = str_n(text.p + 1, (size_t)end - 1);
		text = str_skip(text, (size_t)end + 1);
		if (text.len && *text.p != ':')
			return false;
		if (text.len)
			*ret_port = str_skip(text, 1);
	} else if (colon >= 0 && str_rchr(text, ':') == colon) {
		*ret_host = str_n(text.p, (size_t)colon);
		*ret_port = str_skip(text, (size_t)colon + 1);
	}
	return ret_host->len &&
	       (!ret_port->p || (str_to_u64(*ret_port, &port) == 0 && port <= 65535));
}

char *host_port_join(const char *host, unsigned port)
{
	return xasprintf(strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);
}
