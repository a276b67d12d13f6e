/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http/client_conn.h"

#include <netdb.h>
/*
 * From the endpoints a client was given to those it connects to: a host name becomes one endpoint
 * for each of its addresses, in the resolver's order, so that a round tries them all.
 *
 *	given:     https://10.0.0.1:6443   https://m2.example:6443
 *	endpoints: 10.0.0.1                10.0.0.2, fd00::2
 *
 * Lookups run on libuv's threads. What one found serves until another finds something else: who
 * connects again does not wait for a name that was known before, and a resolver that is away for a
 * while changes nothing.
 */
#define ADDRESSES_MAX 8 /* of one name */
#define FRESH_MS 30000

struct lookup {
	uv_getaddrinfo_t req;
	struct list node; /* of the client's lookups */
	struct http_client *client; /* NULL: nobody waits for it any more */
	char *host;
};

static bool is_address(const char *host, struct sockaddr_storage *ret)
{
	return uv_ip4_addr(host, 0, (struct sockaddr_in *)ret) == 0 ||
	       uv_ip6_addr(host, 0, (struct sockaddr_in6 *)ret) == 0;
}

static void set_port(struct sockaddr_storage *ss, uint16_t port)
{
	if (ss->ss_family == AF_INET6)
		((struct sockaddr_in6 *)ss)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)ss)->sin_port = htons(port);
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	return a->ss_family == AF_INET6
		       ? a6->sin6_port == b6->sin6_port &&
				 !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr))
		       : a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
}

struct endpoint endpoint_copy(const struct endpoint *e)
{
	struct endpoint copy = *e;

	copy.host = xstrdup(e->host);
	copy.authority = xstrdup(e->authority);
	copy.found = NULL;
	copy.n_found = 0;
	return copy;
}

void client_at(struct http_client *c, const struct endpoint *e)
{
	for (size_t i = 0; i < c->n_endpoints; i++)
		if (!strcmp(c->endpoints[i].authority, e->authority) &&
		    same_address(&c->endpoints[i].addr, &e->addr))
			c->at = i;
}

void client_at_next(struct http_client *c)
{
	c->at = c->n_endpoints ? (c->at + 1) % c->n_endpoints : 0;
}

/* Endpoints anew from what was given and found; the one in use stays that. */
static void expand(struct http_client *c)
{
	struct endpoint *old = c->endpoints, *v;
	size_t n_old = c->n_endpoints, at = c->at, n = 0;

	for (size_t i = 0; i < c->n_given; i++)
		n += c->given[i].n_found;
	v = xcalloc(n ? n : 1, sizeof(*v));
	c->endpoints = v;
	c->n_endpoints = n;
	c->at = 0;
	for (size_t i = 0; i < c->n_given; i++)
		for (size_t j = 0; j < c->given[i].n_found; j++, v++) {
			*v = endpoint_copy(&c->given[i]);
			v->addr = c->given[i].found[j];
			set_port(&v->addr, v->port);
		}
	if (at < n_old)
		client_at(c, &old[at]);
	endpoints_free(old, n_old);
}

static void found_set(struct endpoint *e, const struct sockaddr_storage *v, size_t n)
{
	struct sockaddr_storage *copy = xcalloc(n, sizeof(*copy));

	memcpy(copy, v, n * sizeof(*copy));
	free(e->found);
	e->found = copy;
	e->n_found = n;
}

/* ---- lookups ---- */

static void lookup_free(struct lookup *l)
{
	list_remove(&l->node);
	free(l->host);
	free(l);
}

static void note_unknown(struct http_client *c, const char *host, int status)
{
	snprintf(c->last_error, sizeof(c->last_error), "look up %s: %s", host, uv_strerror(status));
	c->last_err = -EHOSTUNREACH;
}

static void on_lookup(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct lookup *l = container_of(req, struct lookup, req);
	struct http_client *c = l->client;
	struct sockaddr_storage v[ADDRESSES_MAX] = {0};
	size_t n = 0;

	for (struct addrinfo *a = list; status == 0 && a && n < ADDRESSES_MAX; a = a->ai_next)
		if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
			memcpy(&v[n++], a->ai_addr, MIN((size_t)a->ai_addrlen, sizeof(*v)));
	uv_freeaddrinfo(list);
	if (c && n) {
		for (size_t i = 0; i < c->n_given; i++)
			if (!strcmp(c->given[i].host, l->host))
				found_set(&c->given[i], v, n);
		expand(c);
	} else if (c) {
		note_unknown(c, l->host, status ? status : UV_EAI_NONAME);
	}
	lookup_free(l);
	if (!c)
		return;
	if (!c->n_endpoints && list_empty(&c->lookups))
		client_unresolved(c);
	client_work(c);
}

static bool being_looked_up(const struct http_client *c, const char *host)
{
	list_for_each (it, &c->lookups)
		if (!strcmp(list_entry(it, struct lookup, node)->host, host))
			return true;
	return false;
}

static void look_up(struct http_client *c, const char *host)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct lookup *l = NEW(struct lookup);
	int r;

	l->client = c;
	l->host = xstrdup(host);
	list_append(&c->lookups, &l->node);
	r = uv_getaddrinfo(c->conf.loop, &l->req, on_lookup, host, NULL, &hints);
	if (r < 0) { /* no name at all */
		note_unknown(c, host, r);
		lookup_free(l);
	}
}

bool client_resolve(struct http_client *c)
{
	uint64_t now = uv_now(c->conf.loop);
	struct sockaddr_storage ss;

	if (!c->names || (c->looked_ms && now < c->looked_ms + FRESH_MS))
		return c->n_endpoints;
	if (!list_empty(&c->lookups))
		return c->n_endpoints;
	c->looked_ms = now;
	for (size_t i = 0; i < c->n_given; i++)
		if (!is_address(c->given[i].host, &ss) && !being_looked_up(c, c->given[i].host))
			look_up(c, c->given[i].host);
	if (!c->n_endpoints && list_empty(&c->lookups))
		client_unresolved(c);
	return c->n_endpoints;
}

/* ---- what was given ---- */

static void keep_found(struct endpoint *e, const struct endpoint *old, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (old[i].n_found && !strcmp(old[i].host, e->host)) {
			found_set(e, old[i].found, old[i].n_found);
			return;
		}
}

void client_given(struct http_client *c, struct endpoint *v, size_t n)
{
	struct sockaddr_storage ss = {0};

	c->names = false;
	for (size_t i = 0; i < n; i++) {
		if (is_address(v[i].host, &ss)) {
			found_set(&v[i], &ss, 1);
		} else {
			c->names = true;
			keep_found(&v[i], c->given, c->n_given);
		}
	}
	endpoints_free(c->given, c->n_given);
	c->given = v;
	c->n_given = n;
	c->looked_ms = 0;
	expand(c);
}

void client_resolve_stop(struct http_client *c)
{
	list_for_each_safe (it, &c->lookups) {
		struct lookup *l = list_entry(it, struct lookup, node);

		l->client = NULL;
		list_remove(&l->node);
		uv_cancel((uv_req_t *)&l->req);
	}
}
