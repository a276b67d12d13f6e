/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that are not the cluster's: asked of the host's resolvers, with retry and a small
 * cache. One socket and one random id a question, the port chosen by the kernel: guessing both is
 * what a forger would have to do (RFC 5452).
 *
 *	asked by UDP -> resolver 1 -> (1.5 s) -> resolver 2 -> ... -> resolver 1 -> SERVFAIL
 *	client came by TCP: asked by TCP, so that large answers get through
 */
#include "lib/sys/file.h"
#include "net/dns_priv.h"

#include <arpa/inet.h>
#include <sys/stat.h>

#define RESOLV_CHECK_NS (5 * NSEC_PER_SEC)
#define RX_MAX 65535
#define CACHED_MAX 4096 /* question and answer: anybody may ask for long ones of his own */
#define OPT_LEN 11 /* what dns_query_write puts behind the question */

struct pending {
	struct dns_server *server;
	struct list node;
	struct dns_client client;
	bool wanted; /* the client is still there */
	bool finished;
	uint16_t client_id, id;
	struct dns_query query; /* the client's; its question points into `question` */
	struct buf question;
	struct buf msg; /* what is asked, with our id */
	struct str asked; /* the question in it */
	struct dns_answer chase; /* a CNAME's beginnings; owner of the rest */
	bool chasing;
	unsigned int tries;
	uv_timer_t timer;
	union {
		uv_udp_t udp;
		uv_tcp_t tcp;
		uv_handle_t any;
	} h;
	bool h_open, tcp;
	int open_handles;
	uv_connect_t connect;
	uv_write_t write;
	char len_prefix[2];
	struct buf in; /* TCP */
};

struct cached {
	struct list node;
	uint64_t stored_ns, expires_ns;
	size_t len;
	char msg[];
};

static void cached_free(void *p)
{
	struct cached *c = p;

	list_remove(&c->node);
	free(c);
}

/* Question in lower case and whether DNSSEC records were asked for (part of flags, AD/CD bits). */
static void cache_key(const struct dns_query *q, struct str msg, struct buf *out)
{
	buf_addf(out, "%s/%u/%u/%u/", q->name, q->type, q->flags & 0x0130, q->edns);
	/* EDNS options and the DO bit make different answers: keep them apart by their bytes. */
	buf_addstr(out, str_skip(msg, DNS_HEADER_LEN + q->question.len));
}

static bool answer_from_cache(struct dns_server *s, const struct dns_client *c,
			      const struct dns_query *q, struct str msg)
{
	CLEANUP(buf_done) struct buf key = BUF_INIT, out = BUF_INIT;
	uint64_t now = clock_mono_ns(s->clock);
	struct cached *hit;

	cache_key(q, msg, &key);
	hit = hmap_get(s->cache, buf_str(&key));
	if (!hit)
		return false;
	if (now >= hit->expires_ns) {
		hmap_del(s->cache, buf_str(&key));
		cached_free(hit);
		return false;
	}
	if (hit->len > (c->conn ? (size_t)RX_MAX : q->udp_size))
		return false;
	buf_add(&out, hit->msg, hit->len);
	dns_put16(out.p, q->id);
	memcpy(out.p + DNS_HEADER_LEN, q->question.p, q->question.len); /* the client's own case */
	dns_response_age(out.p, out.len, (uint32_t)((now - hit->stored_ns) / NSEC_PER_SEC));
	s->stats.cached++;
	dns_send(s, c, buf_str(&out));
	return true;
}

static void cache_put(struct pending *p, struct str msg)
{
	struct dns_server *s = p->server;
	CLEANUP(buf_done) struct buf key = BUF_INIT;
	uint16_t flags = dns_get16(msg.p + 2);
	struct cached *c, *old;
	int64_t ttl_s;

	if (p->chasing || (flags & DNS_TC) ||
	    ((flags & 15) != DNS_RCODE_OK && (flags & 15) != DNS_RCODE_NXDOMAIN))
		return;
	ttl_s = dns_response_age((char *)msg.p, msg.len, 0);
	if (ttl_s <= 0)
		return;
	cache_key(&p->query, buf_str(&p->msg), &key);
	if (key.len + msg.len > CACHED_MAX)
		return;
	c = xcalloc(1, sizeof(*c) + msg.len);
	c->stored_ns = clock_mono_ns(s->clock);
	c->expires_ns = c->stored_ns + MIN(ttl_s, (int64_t)DNS_CACHE_TTL_MAX_S) * NSEC_PER_SEC;
	c->len = msg.len;
	memcpy(c->msg, msg.p, msg.len);
	list_append(&s->cache_order, &c->node);
	old = hmap_put(s->cache, buf_str(&key), c);
	if (old)
		cached_free(old);
}

/* Keep it bounded: the oldest goes. A walk, but only when full. */
static void cache_trim(struct dns_server *s)
{
	while (hmap_len(s->cache) > s->max_cache) {
		struct cached *oldest = list_first(&s->cache_order, struct cached, node);
		const struct hmap_entry *e = NULL;
		size_t pos = 0;

		while ((e = hmap_next(s->cache, &pos)) && e->value != oldest)
			;
		if (!e)
			return;
		hmap_del(s->cache, e->key);
		cached_free(oldest);
	}
}

/* "nameserver A.B.C.D" lines. Addresses of ours would make a loop: they are left out. */
static void read_resolv_conf(struct dns_server *s)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	uint64_t now = clock_mono_ns(s->clock);
	struct str rest, line;
	struct stat st;

	if (s->forward_fixed ||
	    (s->resolv_checked_ns && now - s->resolv_checked_ns < RESOLV_CHECK_NS))
		return;
	s->resolv_checked_ns = MAX(now, (uint64_t)1);
	if (stat(s->resolv_conf, &st) < 0 ||
	    (st.st_mtim.tv_sec == s->resolv_mtime.tv_sec &&
	     st.st_mtim.tv_nsec == s->resolv_mtime.tv_nsec) ||
	    file_read(AT_FDCWD, s->resolv_conf, 65536, &text) < 0)
		return;
	s->resolv_mtime = st.st_mtim;
	s->forward.n = 0;
	rest = buf_str(&text);
	while (s->forward.n < DNS_FORWARDERS_MAX && str_split(&rest, '\n', &line)) {
		uint32_t addr;

		if (!str_starts(line, STR("nameserver")) ||
		    ip4_parse(str_trim(str_skip(line, 10)), &addr) < 0)
			continue;
		s->forward.v[s->forward.n].addr = addr;
		s->forward.v[s->forward.n++].port = 53;
	}
}

static void pending_free(struct pending *p)
{
	struct dns_server *s = p->server;

	list_remove(&p->node);
	s->n_pending--;
	if (p->chasing)
		dns_answer_done(&p->chase);
	buf_done(&p->msg);
	buf_done(&p->question);
	buf_done(&p->in);
	free(p);
	dns_handle_gone(s);
}

static void ask(struct pending *p);

static void on_closed(uv_handle_t *h)
{
	struct pending *p = h->data;

	p->open_handles--;
	if (h == &p->h.any)
		p->h_open = false;
	if (p->finished) {
		if (!p->open_handles)
			pending_free(p);
	} else if (h == &p->h.any) {
		ask(p);
	}
}

static void close_socket(struct pending *p)
{
	if (p->h_open && !uv_is_closing(&p->h.any))
		uv_close(&p->h.any, on_closed);
}

static void finish(struct pending *p)
{
	if (p->finished)
		return;
	p->finished = true;
	close_socket(p);
	uv_close((uv_handle_t *)&p->timer, on_closed);
}

/* The next resolver, or give up. The socket of the try before is closed first. */
static void try_next(struct pending *p)
{
	if (p->finished)
		return;
	p->tries++;
	p->server->stats.forward_timeouts++;
	if (p->tries >= p->server->forward.n * DNS_ROUNDS) {
		p->server->stats.servfail++;
		p->query.id = p->client_id;
		if (p->wanted)
			dns_send_rcode(p->server, &p->client, &p->query, DNS_RCODE_SERVFAIL);
		finish(p);
	} else if (p->h_open) {
		close_socket(p);
	} else {
		ask(p);
	}
}

static void on_timer(uv_timer_t *t)
{
	try_next(t->data);
}

/* The cluster's CNAME and what the resolvers know of its target, in one message. */
static void reply_chased(struct pending *p, struct str msg)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct dns_reply r = {.max = dns_limit(&p->client, &p->query)};

	dns_answer_copy(&p->chase, msg);
	p->server->stats.truncated += dns_reply_write(&p->query, &r, &p->chase, &out);
	dns_send(p->server, &p->client, buf_str(&out));
}

static void reply_plain(struct pending *p, struct str msg)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	size_t max = p->client.conn ? RX_MAX : p->query.udp_size;

	if (msg.len > max) {
		struct dns_reply r = {.max = 0}; /* nothing fits: TC */

		dns_reply_write(&p->query, &r, NULL, &out);
		p->server->stats.truncated++;
	} else {
		buf_addstr(&out, msg);
		dns_put16(out.p, p->client_id);
	}
	dns_send(p->server, &p->client, buf_str(&out));
}

static void on_response(struct pending *p, struct str msg)
{
	/* Anything that is not the answer to this question is ignored, not believed. */
	if (p->finished || msg.len < DNS_HEADER_LEN || dns_get16(msg.p) != p->id ||
	    !dns_response_to(msg, p->asked))
		return;
	if ((dns_get16(msg.p + 2) & 15) == DNS_RCODE_SERVFAIL &&
	    p->tries + 1 < p->server->forward.n) {
		try_next(p);
		return;
	}
	cache_put(p, msg);
	cache_trim(p->server);
	p->query.id = p->client_id;
	if (p->wanted && p->chasing)
		reply_chased(p, msg);
	else if (p->wanted)
		reply_plain(p, msg);
	finish(p);
}

static void alloc_udp(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	static char rx[RX_MAX]; /* one thread, used up before the next */

	*b = uv_buf_init(rx, sizeof(rx));
}

static void on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
		   unsigned int flags)
{
	if (n < 0)
		try_next(h->data); /* refused: nobody listens there */
	else if (n > 0)
		on_response(h->data, str_n(b->base, (size_t)n));
}

static void alloc_tcp(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct pending *p = h->data;

	*b = uv_buf_init(buf_reserve(&p->in, 4096), 4096);
}

static void on_tcp(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
	struct pending *p = h->data;

	if (n < 0) {
		try_next(p);
		return;
	}
	buf_setlen(&p->in, p->in.len + (size_t)n);
	if (p->in.len >= 2 && p->in.len - 2 >= dns_get16(p->in.p))
		on_response(p, str_n(p->in.p + 2, dns_get16(p->in.p)));
}

static void on_written(uv_write_t *w, int status)
{
}

static void on_connected(uv_connect_t *c, int status)
{
	struct pending *p = c->data;
	uv_buf_t b[2] = {uv_buf_init(p->len_prefix, 2),
			 uv_buf_init(p->msg.p, (unsigned int)p->msg.len)};

	if (p->finished || uv_is_closing(&p->h.any))
		return;
	if (status < 0 || uv_read_start((uv_stream_t *)&p->h.tcp, alloc_tcp, on_tcp) < 0) {
		try_next(p);
		return;
	}
	dns_put16(p->len_prefix, (uint16_t)p->msg.len);
	uv_write(&p->write, (uv_stream_t *)&p->h.tcp, b, 2, on_written);
}

static void ask_udp(struct pending *p, const struct sockaddr *to)
{
	uv_buf_t b = uv_buf_init(p->msg.p, (unsigned int)p->msg.len);

	uv_udp_init(p->server->loop, &p->h.udp);
	p->h.any.data = p;
	/* Connected: the kernel drops what comes from anybody else. A failure waits for the timer.
	 */
	if (uv_udp_connect(&p->h.udp, to) == 0 && uv_udp_try_send(&p->h.udp, &b, 1, NULL) >= 0)
		uv_udp_recv_start(&p->h.udp, alloc_udp, on_udp);
}

static void ask_tcp(struct pending *p, const struct sockaddr *to)
{
	uv_tcp_init(p->server->loop, &p->h.tcp);
	p->h.any.data = p;
	p->connect.data = p;
	buf_clear(&p->in);
	uv_tcp_connect(&p->connect, &p->h.tcp, to, on_connected);
}

static void ask(struct pending *p)
{
	const struct dns_forward_conf *f = &p->server->forward;
	size_t i = f->n ? p->tries % f->n : 0;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(f->v[i].port),
				 .sin_addr.s_addr = f->v[i].addr};

	p->id = (uint16_t)rng_u64(p->server->rng);
	dns_put16(p->msg.p, p->id);
	p->h_open = true;
	p->open_handles++;
	uv_timer_start(&p->timer, on_timer, DNS_TRY_MS, 0);
	if (p->tcp)
		ask_tcp(p, (struct sockaddr *)&to);
	else
		ask_udp(p, (struct sockaddr *)&to);
}

/* NULL, answered with SERVFAIL, when there is nobody to ask or too much is under way. */
static struct pending *pending_new(struct dns_server *s, const struct dns_client *c,
				   const struct dns_query *q)
{
	struct pending *p;

	read_resolv_conf(s);
	if (!s->forward.n || s->n_pending >= DNS_PENDING_MAX) {
		s->stats.servfail++;
		dns_send_rcode(s, c, q, DNS_RCODE_SERVFAIL);
		return NULL;
	}
	p = NEW(struct pending);
	p->server = s;
	p->client = *c;
	p->wanted = true;
	p->tcp = c->conn != NULL;
	p->query = *q;
	p->client_id = q->id;
	p->msg = p->in = p->question = BUF_INIT;
	buf_addstr(&p->question, q->question);
	p->query.question = buf_str(&p->question);
	uv_timer_init(s->loop, &p->timer);
	p->timer.data = p;
	p->open_handles = 1;
	list_append(&s->pending, &p->node);
	s->n_pending++;
	s->n_handles++;
	s->stats.forwarded++;
	return p;
}

void dns_forward(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		 struct str msg)
{
	struct pending *p;

	if (answer_from_cache(s, c, q, msg))
		return;
	p = pending_new(s, c, q);
	if (!p)
		return;
	buf_addstr(&p->msg, msg);
	p->asked = str_n(p->msg.p + DNS_HEADER_LEN, q->question.len);
	ask(p);
}

void dns_forward_chase(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		       struct dns_answer *take_a)
{
	struct pending *p = pending_new(s, c, q);

	if (!p) {
		dns_answer_done(take_a);
		return;
	}
	p->chasing = true;
	p->chase = *take_a;
	dns_query_write(0, str_of(take_a->owner), q->type, &p->msg);
	p->asked = str_n(p->msg.p + DNS_HEADER_LEN, p->msg.len - DNS_HEADER_LEN - OPT_LEN);
	ask(p);
}

void dns_forward_forget(struct dns_server *s, const struct dns_conn *conn)
{
	list_for_each (it, &s->pending) {
		struct pending *p = list_entry(it, struct pending, node);

		if (p->client.conn == conn)
			p->wanted = false;
	}
}

void dns_forward_init(struct dns_server *s, const struct dns_conf *conf)
{
	list_init(&s->pending);
	list_init(&s->cache_order);
	s->cache = hmap_new();
	s->max_cache = conf->max_cache ? conf->max_cache : 512;
	s->resolv_conf = xstrdup(conf->resolv_conf ? conf->resolv_conf : "/etc/resolv.conf");
	s->forward_fixed = conf->n_forward > 0;
	for (size_t i = 0; i < conf->n_forward && i < DNS_FORWARDERS_MAX; i++) {
		s->forward.v[i].addr = conf->forward[i].addr;
		s->forward.v[i].port = conf->forward[i].port ? conf->forward[i].port : 53;
		s->forward.n++;
	}
}

void dns_forward_close(struct dns_server *s)
{
	list_for_each_safe (it, &s->pending) {
		struct pending *p = list_entry(it, struct pending, node);

		p->wanted = false;
		finish(p);
	}
}

void dns_forward_done(struct dns_server *s)
{
	s->cache = hmap_free_full(s->cache, cached_free);
	free(s->resolv_conf);
}
