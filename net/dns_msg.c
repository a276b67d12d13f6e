/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dns_msg.h"

#define ANSWER_MAX 60000 /* of one section: the whole stays below 65,535 */
#define NEGATIVE_TTL_S 5

static uint32_t get32(const char *p)
{
	return (uint32_t)dns_get16(p) << 16 | dns_get16(p + 2);
}

static void put32(char *p, uint32_t v)
{
	dns_put16(p, (uint16_t)(v >> 16));
	dns_put16(p + 2, (uint16_t)v);
}

static void add16(struct buf *out, uint16_t v)
{
	char b[2];

	dns_put16(b, v);
	buf_add(out, b, 2);
}

static void add32(struct buf *out, uint32_t v)
{
	add16(out, (uint16_t)(v >> 16));
	add16(out, (uint16_t)v);
}

static char label_byte(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c + 'a' - 'A');
	return c <= ' ' || c == '.' || c >= 0x7f ? 1 : (char)c;
}

int dns_name_read(struct str msg, size_t *at, char ret[DNS_NAME_MAX])
{
	size_t p = *at, limit = msg.len, n = 0;
	bool jumped = false;

	for (;;) {
		uint8_t len;

		if (p >= limit)
			return -EBADMSG;
		len = (uint8_t)msg.p[p];
		if ((len & 0xc0) == 0xc0) {
			size_t to;

			if (p + 2 > limit)
				return -EBADMSG;
			to = dns_get16(msg.p + p) & 0x3fff;
			if (!jumped)
				*at = p + 2;
			jumped = true;
			/* Only to before where we are, and never past that again: it ends. */
			if (to >= p)
				return -EBADMSG;
			limit = p;
			p = to;
			continue;
		}
		if (len & 0xc0)
			return -EBADMSG;
		p++;
		if (!len)
			break;
		if (len > limit - p || n + len + 2 > DNS_NAME_MAX)
			return -EBADMSG;
		if (n)
			ret[n++] = '.';
		for (size_t i = 0; i < len; i++)
			ret[n++] = label_byte((uint8_t)msg.p[p + i]);
		p += len;
	}
	ret[n] = 0;
	if (!jumped)
		*at = p;
	return 0;
}

int dns_name_write(struct buf *out, struct str name)
{
	struct str rest = name, label;
	size_t began = out->len;

	while (name.len && str_split(&rest, '.', &label)) {
		if (!label.len || label.len > 63 || out->len - began + label.len + 2 > 255) {
			buf_setlen(out, began);
			return -EINVAL;
		}
		buf_addc(out, (char)label.len);
		buf_addstr(out, label);
	}
	buf_addc(out, 0);
	return 0;
}

/* A record's fixed part, behind its owner. */
struct record {
	uint16_t type, class;
	uint32_t ttl;
	size_t ttl_at, data, data_len;
};

static int record_read(struct str msg, size_t *at, char owner[DNS_NAME_MAX], struct record *ret)
{
	int r = dns_name_read(msg, at, owner);

	if (r < 0)
		return r;
	if (msg.len - *at < 10)
		return -EBADMSG;
	ret->type = dns_get16(msg.p + *at);
	ret->class = dns_get16(msg.p + *at + 2);
	ret->ttl_at = *at + 4;
	ret->ttl = get32(msg.p + ret->ttl_at);
	ret->data_len = dns_get16(msg.p + *at + 8);
	ret->data = *at + 10;
	if (msg.len - ret->data < ret->data_len)
		return -EBADMSG;
	*at = ret->data + ret->data_len;
	return 0;
}

/* Everything behind the question: only an OPT record matters. */
static int parse_opt(struct str msg, size_t at, struct dns_query *q)
{
	unsigned int n = dns_get16(msg.p + 6) + dns_get16(msg.p + 8) + dns_get16(msg.p + 10);
	char owner[DNS_NAME_MAX];
	struct record rr;

	for (; n; n--) {
		if (record_read(msg, &at, owner, &rr) < 0)
			return DNS_RCODE_FORMERR;
		if (rr.type != DNS_OPT)
			continue;
		if (q->edns || owner[0])
			return DNS_RCODE_FORMERR; /* RFC 6891, 6.1.1: one, owned by the root */
		q->edns = true;
		q->edns_version = (uint8_t)(rr.ttl >> 16);
		q->udp_size = MAX(rr.class, (uint16_t)512);
	}
	return 0;
}

int dns_query_parse(struct str msg, struct dns_query *ret)
{
	size_t at = DNS_HEADER_LEN;

	*ret = (struct dns_query){.udp_size = 512};
	if (msg.len < DNS_HEADER_LEN)
		return -EBADMSG;
	ret->id = dns_get16(msg.p);
	ret->flags = dns_get16(msg.p + 2);
	if (ret->flags & DNS_QR)
		return -EBADMSG;
	if (DNS_OPCODE(ret->flags) != 0)
		return DNS_RCODE_NOTIMP;
	if (dns_get16(msg.p + 4) != 1 || dns_name_read(msg, &at, ret->name) < 0 || msg.len - at < 4)
		return DNS_RCODE_FORMERR;
	ret->type = dns_get16(msg.p + at);
	ret->class = dns_get16(msg.p + at + 2);
	at += 4;
	ret->question = str_n(msg.p + DNS_HEADER_LEN, at - DNS_HEADER_LEN);
	return parse_opt(msg, at, ret);
}

void dns_answer_init(struct dns_answer *a, enum dns_type type)
{
	*a = (struct dns_answer){.type = type, .an = BUF_INIT, .ar = BUF_INIT};
}

void dns_answer_done(struct dns_answer *a)
{
	buf_done(&a->an);
	buf_done(&a->ar);
}

/* Owner, type, class, TTL; the data's length follows. False when the record is not wanted. */
static bool begin(struct dns_answer *a, enum dns_type type, uint32_t ttl_s)
{
	if ((a->type != type && a->type != DNS_ANY && type != DNS_CNAME) || a->an.len > ANSWER_MAX)
		return false;
	if (!a->owner[0])
		add16(&a->an, 0xc000 | DNS_HEADER_LEN);
	else if (dns_name_write(&a->an, str_of(a->owner)) < 0)
		return false;
	add16(&a->an, (uint16_t)type);
	add16(&a->an, DNS_CLASS_IN);
	add32(&a->an, ttl_s);
	a->n_an++;
	return true;
}

/* Data that is a name behind `fixed` bytes; undoes the record when the name is none. */
static void add_named(struct dns_answer *a, size_t record_at, const char *fixed, size_t n,
		      struct str target)
{
	CLEANUP(buf_done) struct buf data = BUF_INIT;

	buf_add(&data, fixed, n);
	if (dns_name_write(&data, target) < 0) {
		buf_setlen(&a->an, record_at);
		a->n_an--;
		return;
	}
	add16(&a->an, (uint16_t)data.len);
	buf_addstr(&a->an, buf_str(&data));
}

void dns_add_a(struct dns_answer *a, uint32_t addr, uint32_t ttl_s)
{
	if (!begin(a, DNS_A, ttl_s))
		return;
	add16(&a->an, sizeof(addr));
	buf_add(&a->an, &addr, sizeof(addr));
}

void dns_add_addr(struct dns_answer *a, struct ip_addr addr, uint32_t ttl_s)
{
	if (ip_is4(addr)) {
		dns_add_a(a, ip_to4(addr), ttl_s);
		return;
	}
	if (!begin(a, DNS_AAAA, ttl_s))
		return;
	add16(&a->an, sizeof(addr.b));
	buf_add(&a->an, addr.b, sizeof(addr.b));
}

void dns_add_cname(struct dns_answer *a, struct str target, uint32_t ttl_s)
{
	size_t at = a->an.len;

	if (!begin(a, DNS_CNAME, ttl_s))
		return;
	add_named(a, at, "", 0, target);
	if (a->an.len > at)
		str_copy(a->cname, sizeof(a->cname), target);
}

void dns_add_ptr(struct dns_answer *a, struct str target, uint32_t ttl_s)
{
	size_t at = a->an.len;

	if (begin(a, DNS_PTR, ttl_s))
		add_named(a, at, "", 0, target);
}

void dns_add_txt(struct dns_answer *a, struct str text, uint32_t ttl_s)
{
	size_t len = MIN(text.len, (size_t)255);

	if (!begin(a, DNS_TXT, ttl_s))
		return;
	add16(&a->an, (uint16_t)(len + 1));
	buf_addc(&a->an, (char)len);
	buf_add(&a->an, text.p, len);
}

void dns_add_srv(struct dns_answer *a, uint16_t priority, uint16_t weight, uint16_t port,
		 struct str target, struct ip_addr addr, uint32_t ttl_s)
{
	size_t at = a->an.len, len;
	size_t addr_len = ip_is4(addr) ? 4 : sizeof(addr.b);
	char fixed[6];

	if (!begin(a, DNS_SRV, ttl_s))
		return;
	dns_put16(fixed, priority);
	dns_put16(fixed + 2, weight);
	dns_put16(fixed + 4, port);
	add_named(a, at, fixed, sizeof(fixed), target);
	len = a->an.len - at;
	if (len && len == a->srv_len && a->srv_at + len == at &&
	    memcmp(a->an.p + a->srv_at, a->an.p + at, len) == 0) {
		buf_setlen(&a->an, at);
		a->n_an--;
		at = a->srv_at;
	}
	a->srv_at = at;
	a->srv_len = len;
	if (ip_is_none(addr) || a->an.len == at || a->ar.len > ANSWER_MAX / 4 ||
	    dns_name_write(&a->ar, target) < 0)
		return;
	add16(&a->ar, ip_is4(addr) ? DNS_A : DNS_AAAA);
	add16(&a->ar, DNS_CLASS_IN);
	add32(&a->ar, ttl_s);
	add16(&a->ar, (uint16_t)addr_len);
	buf_add(&a->ar, addr.b + sizeof(addr.b) - addr_len, addr_len);
	a->n_ar++;
}

int dns_answer_copy(struct dns_answer *a, struct str response)
{
	char owner[DNS_NAME_MAX], target[DNS_NAME_MAX];
	size_t at = DNS_HEADER_LEN;
	struct record rr;
	unsigned int n;

	if (response.len < DNS_HEADER_LEN || dns_get16(response.p + 4) != 1 ||
	    dns_name_read(response, &at, owner) < 0 || response.len - at < 4)
		return -EBADMSG;
	at += 4;
	for (n = dns_get16(response.p + 6); n; n--) {
		if (record_read(response, &at, owner, &rr) < 0)
			return -EBADMSG;
		if (rr.class != DNS_CLASS_IN || (rr.type != DNS_A && rr.type != DNS_AAAA &&
						 rr.type != DNS_CNAME && rr.type != DNS_TXT))
			continue; /* others may have compressed names inside */
		str_copy(a->owner, sizeof(a->owner), str_of(owner));
		if (rr.type == DNS_CNAME) {
			size_t data = rr.data;

			if (dns_name_read(response, &data, target) == 0)
				dns_add_cname(a, str_of(target), rr.ttl);
			continue;
		}
		if (!begin(a, rr.type, rr.ttl))
			continue;
		add16(&a->an, (uint16_t)rr.data_len);
		buf_add(&a->an, response.p + rr.data, rr.data_len);
	}
	return 0;
}

/* RFC 2308: what makes "no" cacheable. The names are CoreDNS's. */
static void add_soa(struct buf *out, const char *zone, const char *domain)
{
	CLEANUP(buf_done) struct buf data = BUF_INIT, name = BUF_INIT;
	static const uint32_t numbers[] = {1, 7200, 1800, 86400, NEGATIVE_TTL_S};

	buf_addf(&name, "ns.dns.%s", domain);
	dns_name_write(&data, buf_str(&name));
	buf_clear(&name);
	buf_addf(&name, "hostmaster.%s", domain);
	dns_name_write(&data, buf_str(&name));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		add32(&data, numbers[i]);
	dns_name_write(out, str_of(zone));
	add16(out, DNS_SOA);
	add16(out, DNS_CLASS_IN);
	add32(out, NEGATIVE_TTL_S);
	add16(out, (uint16_t)data.len);
	buf_addstr(out, buf_str(&data));
}

static void add_opt(struct buf *out, enum dns_rcode rcode)
{
	buf_addc(out, 0);
	add16(out, DNS_OPT);
	add16(out, DNS_MAX_UDP);
	add32(out, (uint32_t)(rcode >> 4) << 24); /* extended rcode; version 0 */
	add16(out, 0);
}

bool dns_reply_write(const struct dns_query *q, const struct dns_reply *r,
		     const struct dns_answer *a, struct buf *out)
{
	uint16_t flags = DNS_QR | DNS_RA | (q->flags & (DNS_RD | 0x7800)) | (r->rcode & 15);
	size_t began = out->len, body;
	bool cut = false;

	if (r->authoritative)
		flags |= DNS_AA;
	add16(out, q->id);
	add16(out, flags);
	add16(out, q->question.len ? 1 : 0);
	add16(out, a ? a->n_an : 0);
	add16(out, r->soa_zone ? 1 : 0);
	add16(out, (uint16_t)((a ? a->n_ar : 0) + q->edns));
	buf_addstr(out, q->question);
	body = out->len;
	if (a)
		buf_addstr(out, buf_str(&a->an));
	if (r->soa_zone)
		add_soa(out, r->soa_zone, r->domain);
	if (a)
		buf_addstr(out, buf_str(&a->ar));
	if (out->len - began + (q->edns ? 11 : 0) > r->max) {
		buf_setlen(out, body);
		dns_put16(out->p + began + 2, flags | DNS_TC);
		memset(out->p + began + 6, 0, 6);
		dns_put16(out->p + began + 10, q->edns);
		cut = true;
	}
	if (q->edns)
		add_opt(out, r->rcode);
	return cut;
}

int dns_query_write(uint16_t id, struct str name, enum dns_type type, struct buf *out)
{
	int r;

	add16(out, id);
	add16(out, DNS_RD);
	add16(out, 1);
	add16(out, 0);
	add32(out, 1); /* no authority, one additional: OPT */
	r = dns_name_write(out, name);
	add16(out, (uint16_t)type);
	add16(out, DNS_CLASS_IN);
	add_opt(out, DNS_RCODE_OK);
	return r;
}

int64_t dns_response_age(char *msg, size_t len, uint32_t age_s)
{
	struct str m = str_n(msg, len);
	size_t at = DNS_HEADER_LEN;
	char name[DNS_NAME_MAX];
	uint32_t lowest = UINT32_MAX;
	unsigned int n;

	if (len < DNS_HEADER_LEN || dns_get16(msg + 4) != 1 || dns_name_read(m, &at, name) < 0 ||
	    len - at < 4)
		return -EBADMSG;
	at += 4;
	n = dns_get16(msg + 6) + dns_get16(msg + 8) + dns_get16(msg + 10);
	for (; n; n--) {
		struct record rr;

		if (record_read(m, &at, name, &rr) < 0)
			return -EBADMSG;
		if (rr.type == DNS_OPT)
			continue;
		lowest = MIN(lowest, rr.ttl);
		if (rr.type == DNS_SOA && rr.data_len >= 4)
			lowest = MIN(lowest, get32(msg + rr.data + rr.data_len - 4));
		put32(msg + rr.ttl_at, rr.ttl - MIN(rr.ttl, age_s));
	}
	return lowest == UINT32_MAX ? 0 : lowest;
}

bool dns_response_to(struct str msg, struct str question)
{
	return msg.len >= DNS_HEADER_LEN + question.len && (dns_get16(msg.p + 2) & DNS_QR) &&
	       dns_get16(msg.p + 4) == 1 &&
	       str_eq_nocase(str_n(msg.p + DNS_HEADER_LEN, question.len), question);
}
