/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_DNS_H
#define KNARR_NET_DNS_H
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "net/addr.h"
#include <uv.h>
/*
 * The cluster's DNS server, on the agent's loop: answers the cluster domain and the reverse zones
 * of the cluster's ranges by the caller's lookup, forwards everything else to the host's
 * resolvers. UDP and TCP, EDNS(0) (RFC 6891), truncation, NXDOMAIN and NODATA with a SOA
 * (RFC 2308). Names follow "Kubernetes DNS-Based Service Discovery" 1.1.0.
 *
 * It knows no Services: the lookup says what a name has.
 */
struct dns_server;

enum dns_type {
	DNS_A = 1,
	DNS_NS = 2,
	DNS_CNAME = 5,
	DNS_SOA = 6,
	DNS_PTR = 12,
	DNS_MX = 15,
	DNS_TXT = 16,
	DNS_AAAA = 28,
	DNS_SRV = 33,
	DNS_OPT = 41,
	DNS_ANY = 255,
};

/* Where a lookup puts what it finds. Text is copied at once; names without a final dot. */
struct dns_answer;
void dns_add_addr(struct dns_answer *a, struct ip_addr addr, uint32_t ttl_s); /* A or AAAA */
void dns_add_a(struct dns_answer *a, uint32_t addr, uint32_t ttl_s);
void dns_add_cname(struct dns_answer *a, struct str target, uint32_t ttl_s);
void dns_add_ptr(struct dns_answer *a, struct str target, uint32_t ttl_s);
void dns_add_txt(struct dns_answer *a, struct str text, uint32_t ttl_s);
/* `addr` not none: also put the target's address into the additional section. May be added again
 * for another address of the target: the same record is there once. */
void dns_add_srv(struct dns_answer *a, uint16_t priority, uint16_t weight, uint16_t port,
		 struct str target, struct ip_addr addr, uint32_t ttl_s);

enum dns_found {
	DNS_NXDOMAIN, /* no such name in the zone */
	DNS_NODATA, /* the name exists; add nothing, or only records of the asked type */
	DNS_FORWARD, /* not ours after all: ask the host's resolvers */
	DNS_FOUND = DNS_NODATA,
};

struct dns_lookup {
	/*
	 * `name`: lower case, relative to the cluster domain, without final dot: "web.default.svc",
	 * "_http._tcp.web.default.svc", "a-b-c-d.default.pod", "dns-version", "" is the zone
	 * itself. Add records of `type` (all types that exist for DNS_ANY). A CNAME may be added
	 * for any type: the server then chases the target itself (in the cluster or by forwarding).
	 */
	enum dns_found (*name)(struct str name, enum dns_type type, struct dns_answer *a,
			       void *user);
	/* Reverse: dns_add_ptr(full name). DNS_FORWARD for addresses outside the cluster. */
	enum dns_found (*addr)(struct ip_addr addr, struct dns_answer *a, void *user);
	void *user;
};

#define DNS_FORWARDERS_MAX 3

struct dns_conf {
	uv_loop_t *loop;
	uint32_t addr; /* to listen on, network byte order */
	uint16_t port; /* 0: any, see dns_server_port */
	const char *domain; /* "cluster.local" */
	struct dns_lookup lookup;
	struct { /* resolvers; none: read resolv_conf */
		uint32_t addr;
		uint16_t port;
	} forward[DNS_FORWARDERS_MAX];
	size_t n_forward;
	const char *resolv_conf; /* NULL: /etc/resolv.conf; re-read when it changes */
	uint32_t max_cache; /* forwarded answers kept; 0: 512 */
	const struct clock *clock; /* NULL: clock_system */
	const struct rng *rng; /* NULL: rng_system */
};

/* Listens on UDP and TCP. -EADDRINUSE, -EADDRNOTAVAIL with a message. */
int dns_server_new(const struct dns_conf *conf, struct dns_server **ret, struct err *err);
uint16_t dns_server_port(const struct dns_server *s);
/* Closes its handles; `done` (may be NULL) runs on the loop when the memory is gone. */
void dns_server_free(struct dns_server *s, void (*done)(void *user), void *user);

struct dns_stats {
	uint64_t queries, answered, nxdomain, nodata, forwarded, cached, truncated, malformed,
		servfail, forward_timeouts;
};
const struct dns_stats *dns_server_stats(const struct dns_server *s);
#endif
