/* SPDX-License-Identifier: Apache-2.0 */
#include "net/dns.h"
#include "net/dns_priv.h"

#include <arpa/inet.h>

#define TCP_QUEUE_MAX (256 * 1024)

/* A TCP client: messages with a length in front, answered as they get ready (RFC 7766). */
struct dns_conn {
	struct dns_server *server;
	struct list node;
	uv_tcp_t tcp;
	uv_timer_t idle;
	int open_handles;
	struct buf in;
};

struct udp_send {
	uv_udp_send_t req;
	char data[];
};

struct tcp_write {
	uv_write_t req;
	char data[];
};

static void udp_sent(uv_udp_send_t *req, int status)
{
	free(container_of(req, struct udp_send, req));
}

static void tcp_written(uv_write_t *req, int status)
{
	free(container_of(req, struct tcp_write, req));
}

void dns_send(struct dns_server *s, const struct dns_client *c, struct str msg)
{
	const struct sockaddr *to = (const struct sockaddr *)&c->addr;
	uv_buf_t b = uv_buf_init((char *)msg.p, (unsigned int)msg.len);

	if (s->closing || msg.len > UINT16_MAX)
		return;
	if (c->conn) {
		struct tcp_write *w = xmalloc(sizeof(*w) + msg.len + 2);

		dns_put16(w->data, (uint16_t)msg.len);
		memcpy(w->data + 2, msg.p, msg.len);
		/* One that asks and never reads is not buffered for without end. */
		if (uv_stream_get_write_queue_size((uv_stream_t *)&c->conn->tcp) > TCP_QUEUE_MAX) {
			free(w);
			return;
		}
		b = uv_buf_init(w->data, (unsigned int)msg.len + 2);
		if (uv_write(&w->req, (uv_stream_t *)&c->conn->tcp, &b, 1, tcp_written) < 0)
			free(w);
		return;
	}
	if (uv_udp_try_send(&s->udp, &b, 1, to) == UV_EAGAIN) {
		struct udp_send *w = xmalloc(sizeof(*w) + msg.len);

		memcpy(w->data, msg.p, msg.len);
		b.base = w->data;
		if (uv_udp_send(&w->req, &s->udp, &b, 1, to, udp_sent) < 0)
			free(w);
	}
}

size_t dns_limit(const struct dns_client *c, const struct dns_query *q)
{
	return c->conn ? UINT16_MAX : MIN(q->udp_size, DNS_MAX_UDP);
}

void dns_send_rcode(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		    enum dns_rcode rcode)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct dns_reply r = {.rcode = rcode, .max = dns_limit(c, q)};

	dns_reply_write(q, &r, NULL, &out);
	dns_send(s, c, buf_str(&out));
}

/* The part of a name in front of the cluster domain; false when it is not within. */
static bool in_domain(const struct dns_server *s, struct str name, struct str *ret)
{
	struct str d = str_of(s->domain);

	if (!str_ends(name, d))
		return false;
	*ret = str_n(name.p, name.len - d.len);
	if (!ret->len)
		return true;
	ret->len--;
	return name.p[ret->len] == '.';
}

/* "1.0.0.0...d.f.ip6.arpa": 32 digits, the last first (RFC 3596). */
static bool reverse_addr6(struct str digits, struct ip_addr *ret)
{
	if (digits.len != 63)
		return false;
	memset(ret, 0, sizeof(*ret));
	for (size_t i = 0; i < 32; i++) {
		char c = digits.p[2 * i];
		int v = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

		if (v < 0 || (i < 31 && digits.p[2 * i + 1] != '.'))
			return false;
		ret->b[15 - i / 2] |= (uint8_t)(i % 2 ? v << 4 : v);
	}
	return !ip_is4(*ret);
}

/* "4.3.2.1.in-addr.arpa"; *ret_zone says which zone it is. */
static bool reverse_addr(struct str name, struct ip_addr *ret, const char **ret_zone)
{
	struct str zone = STR(".in-addr.arpa"), zone6 = STR(".ip6.arpa");
	uint32_t a;

	if (str_ends(name, zone6)) {
		*ret_zone = "ip6.arpa";
		return reverse_addr6(str_n(name.p, name.len - zone6.len), ret);
	}
	*ret_zone = "in-addr.arpa";
	if (!str_ends(name, zone) || ip4_parse(str_n(name.p, name.len - zone.len), &a) < 0)
		return false;
	*ret = ip_of4(__builtin_bswap32(a));
	return true;
}

static enum dns_found look_up(struct dns_server *s, struct str name, struct dns_answer *a,
			      const char **ret_zone)
{
	struct str relative;
	struct ip_addr addr;
	const char *zone;

	if (in_domain(s, name, &relative)) {
		*ret_zone = s->domain;
		return s->lookup.name(relative, a->type, a, s->lookup.user);
	}
	if (s->lookup.addr && reverse_addr(name, &addr, &zone)) {
		*ret_zone = zone;
		return s->lookup.addr(addr, a, s->lookup.user);
	}
	return DNS_FORWARD;
}

static void answer_found(struct dns_server *s, const struct dns_client *c,
			 const struct dns_query *q, const struct dns_answer *a,
			 enum dns_found found, const char *zone)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct dns_reply r = {
		.rcode = found == DNS_NXDOMAIN ? DNS_RCODE_NXDOMAIN : DNS_RCODE_OK,
		.authoritative = true,
		.soa_zone = a->n_an ? NULL : zone,
		.domain = s->domain,
		.max = dns_limit(c, q),
	};

	s->stats.truncated += dns_reply_write(q, &r, a, &out);
	s->stats.answered++;
	s->stats.nxdomain += found == DNS_NXDOMAIN;
	s->stats.nodata += found == DNS_NODATA && !a->n_an;
	dns_send(s, c, buf_str(&out));
}

static void answer(struct dns_server *s, const struct dns_client *c, const struct dns_query *q,
		   struct str msg)
{
	struct dns_answer a;
	const char *zone = s->domain;
	enum dns_found found;

	dns_answer_init(&a, q->type);
	found = look_up(s, str_of(q->name), &a, &zone);
	/* A CNAME within the cluster is followed here, one to outside by the resolvers. */
	for (int i = 0; a.cname[0] && q->type != DNS_CNAME && i < DNS_CHASE_MAX; i++) {
		const char *unused;
		enum dns_found next;

		memcpy(a.owner, a.cname, sizeof(a.owner));
		a.cname[0] = 0;
		next = look_up(s, str_of(a.owner), &a, &unused);
		if (next == DNS_FORWARD) {
			dns_forward_chase(s, c, q, &a);
			return;
		}
	}
	if (found == DNS_FORWARD)
		dns_forward(s, c, q, msg);
	else
		answer_found(s, c, q, &a, found, zone);
	dns_answer_done(&a);
}

static void on_message(struct dns_server *s, const struct dns_client *c, struct str msg)
{
	struct dns_query q;
	int r = dns_query_parse(msg, &q);

	s->stats.queries++;
	if (r < 0) {
		s->stats.malformed++;
		return;
	}
	if (r == 0 && q.edns_version > 0)
		r = DNS_RCODE_BADVERS;
	if (r == 0 && q.class != DNS_CLASS_IN && q.class != 255)
		r = DNS_RCODE_REFUSED;
	if (r > 0) {
		s->stats.malformed++;
		dns_send_rcode(s, c, &q, r);
		return;
	}
	answer(s, c, &q, msg);
}

static void alloc_rx(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct dns_server *s = h->data;

	*b = uv_buf_init(s->rx, sizeof(s->rx));
}

static void on_udp(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
		   unsigned int flags)
{
	struct dns_client c = {0};

	if (n <= 0 || !from || from->sa_family != AF_INET || (flags & UV_UDP_PARTIAL))
		return;
	memcpy(&c.addr, from, sizeof(c.addr));
	on_message(h->data, &c, str_n(b->base, (size_t)n));
}

void dns_handle_gone(struct dns_server *s)
{
	void (*done)(void *user) = s->done;
	void *user = s->done_user;

	if (--s->n_handles || !s->closing)
		return;
	dns_forward_done(s);
	free(s->domain);
	free(s);
	if (done)
		done(user);
}

static void on_conn_closed(uv_handle_t *h)
{
	struct dns_conn *c = h->data;
	struct dns_server *s = c->server;

	if (--c->open_handles)
		return;
	list_remove(&c->node);
	s->n_conns--;
	buf_done(&c->in);
	free(c);
	dns_handle_gone(s);
}

static void conn_close(struct dns_conn *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	dns_forward_forget(c->server, c);
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
	uv_close((uv_handle_t *)&c->idle, on_conn_closed);
}

static void on_idle(uv_timer_t *t)
{
	conn_close(t->data);
}

static void alloc_conn(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
	struct dns_conn *c = h->data;

	*b = uv_buf_init(buf_reserve(&c->in, 1024), 1024);
}

static void on_tcp_read(uv_stream_t *h, ssize_t n, const uv_buf_t *b)
{
	struct dns_conn *c = h->data;
	struct dns_client client = {.conn = c};

	if (n < 0) {
		conn_close(c);
		return;
	}
	buf_setlen(&c->in, c->in.len + (size_t)n);
	uv_timer_again(&c->idle);
	while (c->in.len >= 2 && !uv_is_closing((uv_handle_t *)h)) {
		size_t len = dns_get16(c->in.p);

		if (len < DNS_HEADER_LEN || len > sizeof(c->server->rx)) {
			c->server->stats.malformed++;
			conn_close(c);
			return;
		}
		if (c->in.len < len + 2)
			return;
		on_message(c->server, &client, str_n(c->in.p + 2, len));
		buf_consume(&c->in, len + 2);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct dns_server *s = listener->data;
	struct dns_conn *c;

	if (status < 0)
		return;
	c = NEW(struct dns_conn);
	c->server = s;
	c->in = BUF_INIT;
	c->open_handles = 2;
	uv_tcp_init(s->loop, &c->tcp);
	uv_timer_init(s->loop, &c->idle);
	c->tcp.data = c->idle.data = c;
	list_append(&s->conns, &c->node);
	s->n_conns++;
	s->n_handles++;
	uv_timer_start(&c->idle, on_idle, DNS_TCP_IDLE_MS, DNS_TCP_IDLE_MS);
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 || s->n_conns > DNS_TCP_MAX ||
	    uv_read_start((uv_stream_t *)&c->tcp, alloc_conn, on_tcp_read) < 0)
		conn_close(c);
}

static int bound_port(struct dns_server *s)
{
	struct sockaddr_in sa;
	int len = sizeof(sa), r;

	r = uv_udp_getsockname(&s->udp, (struct sockaddr *)&sa, &len);
	s->port = ntohs(sa.sin_port);
	return r;
}

static int start(struct dns_server *s, const struct dns_conf *conf)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
				 .sin_port = htons(conf->port),
				 .sin_addr.s_addr = conf->addr};
	int r = uv_udp_bind(&s->udp, (struct sockaddr *)&sa, 0);

	if (r == 0)
		r = bound_port(s);
	sa.sin_port = htons(s->port); /* the same for both when any would do */
	if (r == 0)
		r = uv_tcp_bind(&s->tcp, (struct sockaddr *)&sa, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&s->tcp, 128, on_connection);
	if (r == 0)
		r = uv_udp_recv_start(&s->udp, alloc_rx, on_udp);
	return r;
}

int dns_server_new(const struct dns_conf *conf, struct dns_server **ret, struct err *err)
{
	struct dns_server *s = NEW(struct dns_server);
	char text[IP4_TEXT];
	int r;

	s->loop = conf->loop;
	s->domain = xstrdup(conf->domain ? conf->domain : "cluster.local");
	s->lookup = conf->lookup;
	s->clock = conf->clock ? conf->clock : &clock_system;
	s->rng = conf->rng ? conf->rng : &rng_system;
	list_init(&s->conns);
	dns_forward_init(s, conf);
	uv_udp_init(s->loop, &s->udp);
	uv_tcp_init(s->loop, &s->tcp);
	s->udp.data = s->tcp.data = s;
	s->n_handles = 2;
	r = start(s, conf);
	if (r < 0) {
		dns_server_free(s, NULL, NULL);
		return err_sys(err, -r, "cannot answer DNS at %s:%u: %s",
			       ip4_format(conf->addr, text), conf->port, strerror(-r));
	}
	*ret = s;
	return 0;
}

uint16_t dns_server_port(const struct dns_server *s)
{
	return s->port;
}

static void on_server_closed(uv_handle_t *h)
{
	dns_handle_gone(h->data);
}

void dns_server_free(struct dns_server *s, void (*done)(void *user), void *user)
{
	if (!s)
		return;
	s->closing = true;
	s->done = done;
	s->done_user = user;
	list_for_each_safe (it, &s->conns)
		conn_close(list_entry(it, struct dns_conn, node));
	dns_forward_close(s);
	uv_close((uv_handle_t *)&s->udp, on_server_closed);
	uv_close((uv_handle_t *)&s->tcp, on_server_closed);
}

const struct dns_stats *dns_server_stats(const struct dns_server *s)
{
	return &s->stats;
}
