/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NET_DNS_PRIV_H
#define KNARR_NET_DNS_PRIV_H
#include "lib/base/hmap.h"
#include "lib/base/list.h"
#include "net/dns_msg.h"
/* Inside of the DNS server: dns.c (listening, the cluster's zone), dns_forward.c (the rest). */

#define DNS_TCP_MAX 128 /* connections at a time */
#define DNS_PENDING_MAX 256 /* forwarded queries at a time */
#define DNS_TCP_IDLE_MS 10000
#define DNS_TRY_MS 1500 /* until the next resolver is asked */
#define DNS_ROUNDS 2 /* over all resolvers */
#define DNS_CACHE_TTL_MAX_S 30
#define DNS_CHASE_MAX 8

struct dns_conn; /* a TCP client */

/* Where an answer goes. */
struct dns_client {
	struct dns_conn *conn; /* NULL: UDP, to addr */
	struct sockaddr_in addr;
};

struct dns_forward_conf {
	struct {
		uint32_t addr;
		uint16_t port;
	} v[DNS_FORWARDERS_MAX];
	size_t n;
};

struct dns_server {
	uv_loop_t *loop;
	uv_udp_t udp;
	uv_tcp_t tcp;
	uint16_t port;
	char *domain;
	struct dns_lookup lookup;
	const struct clock *clock;
	const struct rng *rng;
	struct dns_stats stats;
	struct list conns, pending;
	size_t n_conns, n_pending;
	/* forwarding */
	struct dns_forward_conf forward;
	bool forward_fixed; /* by conf, not from resolv_conf */
	char *resolv_conf;
	uint64_t resolv_checked_ns;
	struct timespec resolv_mtime;
	struct hmap *cache; /* question -> struct cached */
	struct list cache_order; /* oldest first */
	uint32_t max_cache;
	char rx[4096];
	/* shutting down */
	bool closing;
	int n_handles; /* uv handles not closed yet */
	void (*done)(void *user);
	void *done_user;
};

/* Send a message to a client (copied where it can't go at once). */
void dns_send(struct dns_server *s, const struct dns_client *c, struct str msg);
/* Answer without records. */
void dns_send_rcode(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		    enum dns_rcode rcode);
size_t dns_limit(const struct dns_client *c, const struct dns_query *q);
/* A handle of the server's was closed; the last one frees it. */
void dns_handle_gone(struct dns_server *s);

/* Ask the resolvers what a client asked (msg is its whole query). */
void dns_forward(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		 struct str msg);
/*
 * Ask them for the target of a CNAME the cluster gave; what comes back is added to `a` (taken:
 * owned by the pending query from here on).
 */
void dns_forward_chase(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		       struct dns_answer *take_a);
/* The client went away: nobody wants its answers any more. */
void dns_forward_forget(struct dns_server *s, const struct dns_conn *conn);
void dns_forward_init(struct dns_server *s, const struct dns_conf *conf);
void dns_forward_close(struct dns_server *s); /* starts closing what is pending */
void dns_forward_done(struct dns_server *s); /* frees the cache */
#endif
