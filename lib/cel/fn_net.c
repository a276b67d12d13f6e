/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/cel/cel.h"

#include <arpa/inet.h>
#include <ctype.h>
/* URLs, addresses and networks (k8s.io/apiserver pkg/cel/library: urls.go, ip.go, cidr.go). */

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

/* ---- addresses ---- */

struct ip {
	bool v6;
	uint8_t b[16];
	unsigned bits; /* of a network */
};

static size_t ip_len(const struct ip *ip)
{
	return ip->v6 ? 16 : 4;
}

static bool ip_parse(struct str s, struct ip *ret)
{
	char text[64];

	*ret = (struct ip){0};
	if (str_copy(text, sizeof(text), s) < 0 || strchr(text, '%'))
		return false;
	if (inet_pton(AF_INET, text, ret->b) == 1)
		return true;
	ret->v6 = true;
	/* IPv4 in IPv6 form is refused: two texts would mean one address. */
	return inet_pton(AF_INET6, text, ret->b) == 1 &&
	       memcmp(ret->b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) != 0;
}

static void ip_text(const struct ip *ip, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(ip->v6 ? AF_INET6 : AF_INET, ip->b, text, sizeof(text));
	buf_adds(out, text);
}

static bool cidr_parse(struct str s, struct ip *ret)
{
	ssize_t slash = str_rchr(s, '/');
	struct str bits = str_skip(s, (size_t)(slash + 1));
	uint64_t n;

	if (slash < 0 || !ip_parse(str_n(s.p, (size_t)slash), ret) || str_to_u64(bits, &n) < 0 ||
	    n > ip_len(ret) * 8 || (bits.len > 1 && bits.p[0] == '0') || bits.p[0] == '+')
		return false;
	ret->bits = (unsigned)n;
	return true;
}

static bool ip_equal(const void *a, const void *b)
{
	const struct ip *x = a, *y = b;

	return x->v6 == y->v6 && x->bits == y->bits && !memcmp(x->b, y->b, ip_len(x));
}
static const struct cel_host_ops ip_ops = {.name = "net.IP", .equal = ip_equal};
static const struct cel_host_ops cidr_ops = {.name = "net.CIDR", .equal = ip_equal};
static const struct cel_type ip_type = {.kind = CEL_HOST, .name = "net.IP"};
static const struct cel_type cidr_type = {.kind = CEL_HOST, .name = "net.CIDR"};

static struct cel_val keep(struct cel_run *r, const struct cel_host_ops *ops, const struct ip *ip)
{
	struct ip *p = ARENA_NEW(r->arena, struct ip);

	*p = *ip;
	return cel_host(ops, p);
}

FN(to_ip)
{
	struct ip ip;

	if (!ip_parse(a->s, &ip))
		return cel_error(r, "IP Address \"%.*s\" parse error during conversion from string",
				 STR_ARG(a->s));
	return keep(r, &ip_ops, &ip);
}
FN(is_ip)
{
	struct ip ip;

	return cel_bool(ip_parse(a->s, &ip));
}
FN(is_canonical)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct ip ip;

	if (!ip_parse(a->s, &ip))
		return cel_error(r, "IP Address \"%.*s\" parse error during conversion from string",
				 STR_ARG(a->s));
	ip_text(&ip, &b);
	return cel_bool(str_eq(buf_str(&b), a->s));
}
FN(ip_family)
{
	return cel_int(((const struct ip *)a->h.p)->v6 ? 6 : 4);
}
static bool all_zero(const struct ip *ip, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ip->b[i])
			return false;
	return true;
}
FN(ip_unspecified)
{
	const struct ip *ip = a->h.p;

	return cel_bool(all_zero(ip, ip_len(ip)));
}
static bool loopback(const struct ip *ip)
{
	return ip->v6 ? all_zero(ip, 15) && ip->b[15] == 1 : ip->b[0] == 127;
}
static bool link_multicast(const struct ip *ip)
{
	return ip->v6 ? ip->b[0] == 0xff && (ip->b[1] & 15) == 2
		      : ip->b[0] == 224 && !ip->b[1] && !ip->b[2];
}
static bool link_unicast(const struct ip *ip)
{
	return ip->v6 ? ip->b[0] == 0xfe && (ip->b[1] & 0xc0) == 0x80
		      : ip->b[0] == 169 && ip->b[1] == 254;
}
FN(ip_loopback)
{
	return cel_bool(loopback(a->h.p));
}
FN(ip_link_multicast)
{
	return cel_bool(link_multicast(a->h.p));
}
FN(ip_link_unicast)
{
	return cel_bool(link_unicast(a->h.p));
}
FN(ip_global)
{
	const struct ip *ip = a->h.p;
	bool multicast = ip->v6 ? ip->b[0] == 0xff : (ip->b[0] & 0xf0) == 0xe0;
	bool broadcast = !ip->v6 && !memcmp(ip->b, "\xff\xff\xff\xff", 4);

	return cel_bool(!all_zero(ip, ip_len(ip)) && !loopback(ip) && !multicast && !broadcast &&
			!link_unicast(ip));
}
FN(host_text)
{
	struct buf b = BUF_INIT;
	const struct ip *ip = a->h.p;

	ip_text(ip, &b);
	if (a->h.ops == &cidr_ops)
		buf_addf(&b, "/%u", ip->bits);
	return cel_take_buf(r, &b);
}

FN(to_cidr)
{
	struct ip ip;

	if (!cidr_parse(a->s, &ip))
		return cel_error(r,
				 "network address parse error during conversion from string: "
				 "\"%.*s\"",
				 STR_ARG(a->s));
	return keep(r, &cidr_ops, &ip);
}
FN(is_cidr)
{
	struct ip ip;

	return cel_bool(cidr_parse(a->s, &ip));
}
static bool within(const struct ip *net, const struct ip *ip)
{
	if (net->v6 != ip->v6)
		return false;
	for (unsigned i = 0; i < net->bits; i++)
		if ((net->b[i / 8] ^ ip->b[i / 8]) & (0x80 >> i % 8))
			return false;
	return true;
}
FN(contains_ip)
{
	struct ip ip;

	if (a[1].kind == CEL_HOST)
		return cel_bool(within(a->h.p, a[1].h.p));
	if (!ip_parse(a[1].s, &ip))
		return cel_error(r, "IP Address \"%.*s\" parse error during conversion from string",
				 STR_ARG(a[1].s));
	return cel_bool(within(a->h.p, &ip));
}
FN(contains_cidr)
{
	const struct ip *net = a->h.p;
	struct ip ip;

	if (a[1].kind == CEL_HOST)
		ip = *(const struct ip *)a[1].h.p;
	else if (!cidr_parse(a[1].s, &ip))
		return cel_error(r,
				 "network address parse error during conversion from string: "
				 "\"%.*s\"",
				 STR_ARG(a[1].s));
	return cel_bool(ip.bits >= net->bits && within(net, &ip));
}
FN(cidr_ip)
{
	struct ip ip = *(const struct ip *)a->h.p;

	ip.bits = 0;
	return keep(r, &ip_ops, &ip);
}
FN(cidr_masked)
{
	struct ip ip = *(const struct ip *)a->h.p;

	for (unsigned i = ip.bits; i < ip_len(&ip) * 8; i++)
		ip.b[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return keep(r, &cidr_ops, &ip);
}
FN(cidr_prefix)
{
	return cel_int(((const struct ip *)a->h.p)->bits);
}

#define IP "{net.IP}"
#define NET "{net.CIDR}"
static const struct cel_def ip_defs[] = {
	{"ip", "s:" IP, to_ip, 0},
	{"isIP", "s:b", is_ip, 0},
	{"ip.isCanonical", "s:b", is_canonical, 0},
	{"family", IP ".:i", ip_family, 0},
	{"isUnspecified", IP ".:b", ip_unspecified, 0},
	{"isLoopback", IP ".:b", ip_loopback, 0},
	{"isLinkLocalMulticast", IP ".:b", ip_link_multicast, 0},
	{"isLinkLocalUnicast", IP ".:b", ip_link_unicast, 0},
	{"isGlobalUnicast", IP ".:b", ip_global, 0},
	{"string", IP ":s", host_text, 0},
	{"cidr", "s:" NET, to_cidr, 0},
	{"isCIDR", "s:b", is_cidr, 0},
	{"containsIP", NET "." IP ":b", contains_ip, 0},
	{"containsIP", NET ".s:b", contains_ip, 0},
	{"containsCIDR", NET "." NET ":b", contains_cidr, 0},
	{"containsCIDR", NET ".s:b", contains_cidr, 0},
	{"ip", NET ".:" IP, cidr_ip, 0},
	{"masked", NET ".:" NET, cidr_masked, 0},
	{"prefixLength", NET ".:i", cidr_prefix, 0},
	{"string", NET ":s", host_text, 0},
};
static const struct cel_type *const ip_types[] = {&ip_type, &cidr_type, NULL};
const struct cel_lib cel_lib_ip = {.defs = ip_defs, .n = ARRAY_SIZE(ip_defs), .types = ip_types};

/* ---- URLs ---- */

struct url {
	struct str text, scheme, host, path, query; /* host with port; path still escaped */
};

static bool escapes_fit(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.p[i] == '%' && (i + 2 >= s.len || !isxdigit((unsigned char)s.p[i + 1]) ||
				      !isxdigit((unsigned char)s.p[i + 2])))
			return false;
	return true;
}

static bool host_fits(struct str h)
{
	ssize_t close = str_rchr(h, ']'), colon = str_rchr(h, ':');
	struct str port = colon > close ? str_skip(h, (size_t)colon + 1) : STR("");

	if (h.len && h.p[0] == '[' && close < 0)
		return false;
	for (size_t i = 0; i < port.len; i++)
		if (!isdigit((unsigned char)port.p[i]))
			return false;
	for (size_t i = 0; i < h.len; i++)
		if (strchr(" \"<>^`{|}\\", h.p[i]))
			return false;
	return close >= 0 || colon < 0 || str_chr(h, ':') == colon;
}

/* As Go's url.ParseRequestURI: an absolute URL, or an absolute path. */
static bool url_parse(struct str s, struct url *ret)
{
	ssize_t colon, mark, at;
	struct str rest = s;

	*ret = (struct url){.text = s};
	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	if (s.p[0] != '/') {
		colon = str_chr(s, ':');
		if (colon <= 0 || !isalpha((unsigned char)s.p[0]))
			return false;
		for (ssize_t i = 0; i < colon; i++)
			if (!isalnum((unsigned char)s.p[i]) && !strchr("+-.", s.p[i]))
				return false;
		ret->scheme = str_n(s.p, (size_t)colon);
		rest = str_skip(s, (size_t)colon + 1);
		if (!rest.len || rest.p[0] != '/')
			return rest.len > 0; /* opaque */
	}
	mark = str_chr(rest, '?');
	if (mark >= 0) {
		ret->query = str_skip(rest, (size_t)mark + 1);
		rest.len = (size_t)mark;
	}
	if (ret->scheme.len && str_starts(rest, STR("//"))) {
		ssize_t slash;

		rest = str_skip(rest, 2);
		slash = str_chr(rest, '/');
		ret->host = slash < 0 ? rest : str_n(rest.p, (size_t)slash);
		rest = slash < 0 ? STR("") : str_skip(rest, (size_t)slash);
		at = str_rchr(ret->host, '@');
		if (at >= 0)
			ret->host = str_skip(ret->host, (size_t)at + 1);
	}
	ret->path = rest;
	return host_fits(ret->host) && escapes_fit(rest) && memchr(rest.p, ' ', rest.len) == NULL;
}

static bool url_equal(const void *a, const void *b)
{
	return str_eq(((const struct url *)a)->text, ((const struct url *)b)->text);
}
static const struct cel_host_ops url_ops = {.name = "kubernetes.URL", .equal = url_equal};
static const struct cel_type url_type = {.kind = CEL_HOST, .name = "kubernetes.URL"};

FN(to_url)
{
	struct url *u = ARENA_NEW(r->arena, struct url);

	if (!url_parse(a->s, u))
		return cel_error(r,
				 "URL parse error during conversion from string: parse "
				 "\"%.*s\": invalid URI for request",
				 STR_ARG(a->s));
	return cel_host(&url_ops, u);
}
FN(is_url)
{
	struct url u;

	return cel_bool(url_parse(a->s, &u));
}
static struct cel_val part(struct str s)
{
	return cel_str(s.p ? s : STR(""));
}
FN(url_scheme)
{
	return part(((const struct url *)a->h.p)->scheme);
}
FN(url_host)
{
	return part(((const struct url *)a->h.p)->host);
}
FN(url_hostname)
{
	struct str h = ((const struct url *)a->h.p)->host;
	ssize_t colon = str_rchr(h, ':'), close = str_rchr(h, ']');

	if (colon > close)
		h.len = (size_t)colon;
	if (h.len > 1 && h.p[0] == '[')
		h = str_n(h.p + 1, h.len - 2);
	return part(h);
}
FN(url_port)
{
	struct str h = ((const struct url *)a->h.p)->host;
	ssize_t colon = str_rchr(h, ':'), close = str_rchr(h, ']');

	return part(colon > close ? str_skip(h, (size_t)colon + 1) : STR(""));
}
FN(url_path)
{
	return part(((const struct url *)a->h.p)->path);
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : (c | 32) - 'a' + 10;
}

static struct cel_val unescaped(struct cel_run *r, struct str s)
{
	struct buf b = BUF_INIT;

	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '%' && i + 2 < s.len && isxdigit((unsigned char)s.p[i + 1]) &&
		    isxdigit((unsigned char)s.p[i + 2])) {
			buf_addc(&b, (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2])));
			i += 2;
		} else {
			buf_addc(&b, s.p[i] == '+' ? ' ' : s.p[i]);
		}
	}
	return cel_take_buf(r, &b);
}

/* {"k": ["v1", "v2"]} */
FN(url_query)
{
	struct str q = ((const struct url *)a->h.p)->query, piece;
	struct cel_map *m = ARENA_NEW(r->arena, struct cel_map);
	struct cel_pair *v;
	size_t most = 1;

	for (size_t i = 0; i < q.len; i++)
		most += q.p[i] == '&';
	v = ARENA_ARRAY(r->arena, struct cel_pair, most);
	m->v = v;
	while (q.p && q.len && str_split(&q, '&', &piece)) {
		ssize_t eq = str_chr(piece, '=');
		struct cel_val k = unescaped(r, eq < 0 ? piece : str_n(piece.p, (size_t)eq)), *one;
		struct cel_val val =
			unescaped(r, eq < 0 ? STR("") : str_skip(piece, (size_t)eq + 1));
		size_t i = 0;

		if (!piece.len || !cel_charge(r, 1 + m->n))
			continue;
		while (i < m->n && !str_eq(v[i].k.s, k.s))
			i++;
		if (i == m->n)
			v[m->n++] = (struct cel_pair){k, cel_new_list(r, 0, &one)};
		{
			struct cel_val had = v[i].v;

			v[i].v = cel_new_list(r, had.l->n + 1, &one);
			for (size_t j = 0; j < had.l->n; j++)
				one[j] = had.l->v[j];
			one[had.l->n] = val;
		}
	}
	return (struct cel_val){.kind = CEL_MAP, .m = m};
}

#define URL "{kubernetes.URL}"
static const struct cel_def url_defs[] = {
	{"url", "s:" URL, to_url, 1},
	{"isURL", "s:b", is_url, 1},
	{"getScheme", URL ".:s", url_scheme, 0},
	{"getHost", URL ".:s", url_host, 0},
	{"getHostname", URL ".:s", url_hostname, 0},
	{"getPort", URL ".:s", url_port, 0},
	{"getEscapedPath", URL ".:s", url_path, 0},
	{"getQuery", URL ".:msls", url_query, 0},
};
static const struct cel_type *const url_types[] = {&url_type, NULL};
const struct cel_lib cel_lib_url = {
	.defs = url_defs, .n = ARRAY_SIZE(url_defs), .types = url_types};
