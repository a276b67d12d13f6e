/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_DNS_MSG_H
#define KNARR_NET_DNS_MSG_H
#include "lib/base/buf.h"
#include "net/dns.h"
/*
 * DNS messages (RFC 1035 section 4): bounded parsing of what strangers send, and writing answers.
 * An own codec, not libldns: two dozen lines a record type on the stack, no allocation a label,
 * and every length is checked in one place (struct dns_in).
 */
#define DNS_HEADER_LEN 12
#define DNS_NAME_MAX 254 /* dotted text and the NUL */
#define DNS_CLASS_IN 1
#define DNS_MAX_UDP                                                                  \
	1232 /* what we announce and send at most: fits one packet nearly everywhere \
	      */

enum dns_flags {
	DNS_QR = 0x8000,
	DNS_AA = 0x0400,
	DNS_TC = 0x0200,
	DNS_RD = 0x0100,
	DNS_RA = 0x0080,
};
#define DNS_OPCODE(flags) ((flags) >> 11 & 15)

enum dns_rcode {
	DNS_RCODE_OK = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_BADVERS = 16, /* extended, in the OPT record */
};

struct dns_query {
	uint16_t id, flags;
	uint16_t type, class;
	uint16_t udp_size; /* what the client takes, at least 512 */
	uint8_t edns_version;
	bool edns;
	char name[DNS_NAME_MAX]; /* lower case, dotted, no final dot; "" is the root */
	struct str question; /* as it came: name, type, class; points into the message */
};

/*
 * Parse a query. 0; or the rcode to answer with (FORMERR, NOTIMP; ret then has id and flags,
 * and a question only if that much was readable); or -EBADMSG: drop it without an answer (no
 * header, or an answer itself).
 */
int dns_query_parse(struct str msg, struct dns_query *ret);
/*
 * Read a name at *at of msg, following compression (only backwards, so it ends), and move *at
 * behind it. Lower case; a dot or odd byte within a label becomes 0x01, which matches nothing.
 */
int dns_name_read(struct str msg, size_t *at, char ret[DNS_NAME_MAX]);
/* Append the wire form; -EINVAL for an empty or too long label or name. */
int dns_name_write(struct buf *out, struct str name);

/* What a lookup collects. */
struct dns_answer {
	enum dns_type type; /* asked for */
	struct buf an, ar; /* wire form of the answer and additional records */
	uint16_t n_an, n_ar;
	char owner[DNS_NAME_MAX]; /* of what is added; "" is the question's name */
	size_t srv_at, srv_len; /* of the last SRV record in `an` */
	char cname[DNS_NAME_MAX]; /* the last CNAME's target, to be chased */
};
void dns_answer_init(struct dns_answer *a, enum dns_type type);
void dns_answer_done(struct dns_answer *a);
/* Copy the answer records of a response (A, AAAA, CNAME, TXT, ...) uncompressed. */
int dns_answer_copy(struct dns_answer *a, struct str response);

struct dns_reply {
	enum dns_rcode rcode;
	bool authoritative;
	const char *soa_zone; /* NULL: no SOA in the authority section */
	const char *domain; /* for the SOA's names */
	size_t max; /* bytes; longer answers are truncated to the question with TC */
};
/* Write the whole message; `a` may be NULL. True when it was truncated. */
bool dns_reply_write(const struct dns_query *q, const struct dns_reply *r,
		     const struct dns_answer *a, struct buf *out);
/* A query of our own for a name. */
int dns_query_write(uint16_t id, struct str name, enum dns_type type, struct buf *out);

/*
 * Walk a response: lower every TTL by age_s (not below 0; OPT is left alone) and give the lowest
 * TTL of all records, the SOA's minimum included for a negative answer. -EBADMSG if it is broken.
 */
int64_t dns_response_age(char *msg, size_t len, uint32_t age_s);
/* Is it a response to this very question (id aside)? The name compares without case. */
bool dns_response_to(struct str msg, struct str question);

static inline uint16_t dns_get16(const char *p)
{
	return (uint16_t)((uint8_t)p[0] << 8 | (uint8_t)p[1]);
}
static inline void dns_put16(char *p, uint16_t v)
{
	p[0] = (char)(v >> 8);
	p[1] = (char)v;
}
#endif
