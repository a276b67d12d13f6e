/* SPDX-License-Identifier: Apache-2.0 */
/* The DNS codec, and the server on loopback with a resolver of its own behind it. */
#include "lib/base/base.h"
#include "net/dns_msg.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

static void test_names(void **state)
{
	char name[DNS_NAME_MAX];
	static const char loop[] = "\0\0\0\0\0\0\0\0\0\0\0\0\xc0\x0c";
	static const char self[] = "\3abc\xc0\0";
	static const char fwd[] = "\3abc\xc0\x08..\0";
	static const char good[] = "\3WwW\0\1a\xc0\0";
	size_t at = 12;

	assert_int_equal(dns_name_read(str_n(loop, sizeof(loop) - 1), &at, name), -EBADMSG);
	at = 0;
	assert_int_equal(dns_name_read(str_n(self, sizeof(self)), &at, name), -EBADMSG);
	at = 0;
	assert_int_equal(dns_name_read(str_n(fwd, sizeof(fwd)), &at, name), -EBADMSG);
	at = 5;
	assert_int_equal(dns_name_read(str_n(good, sizeof(good) - 1), &at, name), 0);
	assert_string_equal(name, "a.www");
	assert_int_equal(at, sizeof(good) - 1);
	at = 0;
	assert_int_equal(dns_name_read(STR("\5a.b c\0"), &at, name), 0);
	assert_string_equal(name, "a\1b\1c");
}

static void test_parse(void **state)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct dns_query q;

	assert_int_equal(dns_query_write(7, STR("Web.Default"), DNS_SRV, &b), 0);
	assert_int_equal(dns_query_parse(buf_str(&b), &q), 0);
	assert_string_equal(q.name, "web.default");
	assert_int_equal(q.type, DNS_SRV);
	assert_true(q.edns);
	assert_int_equal(q.udp_size, DNS_MAX_UDP);
	/* Every shorter message is refused without reading past its end. */
	for (size_t n = 0; n < b.len; n++) {
		CLEANUP_FREE char *cut = n ? xmemdup(b.p, n) : xmalloc(1);

		assert_int_not_equal(dns_query_parse(str_n(cut, n), &q), 0);
	}
	b.p[2] |= 0x28;
	assert_int_equal(dns_query_parse(buf_str(&b), &q), DNS_RCODE_NOTIMP);
	b.p[2] = (char)0x80;
	assert_int_equal(dns_query_parse(buf_str(&b), &q), -EBADMSG);
	buf_clear(&b);
	assert_int_equal(dns_query_write(7, STR("a..b"), DNS_A, &b), -EINVAL);
}

/* ---- the server ---- */

static struct ip_addr vip6(void)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse(STR("fd00:96::8"), &a), 0);
	return a;
}

static enum dns_found on_name(struct str name, enum dns_type type, struct dns_answer *a, void *user)
{
	if (str_eqs(name, "web.default.svc")) {
		dns_add_a(a, htonl(0x0a600007), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "both.default.svc")) {
		dns_add_addr(a, ip_of4(htonl(0x0a600008)), 5);
		dns_add_addr(a, vip6(), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "_http._tcp.both.default.svc")) {
		struct str target = STR("both.default.svc.cluster.local");

		dns_add_srv(a, 0, 100, 80, target, ip_of4(htonl(0x0a600008)), 5);
		dns_add_srv(a, 0, 100, 80, target, vip6(), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "many.default.svc")) {
		for (uint32_t i = 0; i < 200; i++)
			dns_add_a(a, htonl(0x0a000000 + i), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "_http._tcp.web.default.svc")) {
		dns_add_srv(a, 0, 100, 80, STR("web.default.svc.cluster.local"),
			    ip_of4(htonl(0x0a600007)), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "inner.default.svc")) {
		dns_add_cname(a, STR("web.default.svc.cluster.local"), 5);
		return DNS_FOUND;
	}
	if (str_eqs(name, "outer.default.svc")) {
		dns_add_cname(a, STR("www.example.com"), 5);
		return DNS_FOUND;
	}
	return str_eqs(name, "") || str_eqs(name, "default.svc") ? DNS_NODATA : DNS_NXDOMAIN;
}

static enum dns_found on_addr(struct ip_addr addr, struct dns_answer *a, void *user)
{
	if (!ip_eq(addr, ip_of4(htonl(0x0a600007))) && !ip_eq(addr, vip6()))
		return DNS_FORWARD;
	dns_add_ptr(a, STR("web.default.svc.cluster.local"), 5);
	return DNS_FOUND;
}

struct world {
	uv_loop_t loop;
	struct dns_server *server;
	int upstream; /* UDP socket of the resolver behind */
	int upstream_port, asked;
	int client;
	bool mute;
};

static int udp_socket(int *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

static int set_up(void **state)
{
	struct world *w = NEW(struct world);
	struct dns_conf conf = {
		.loop = &w->loop,
		.addr = htonl(INADDR_LOOPBACK),
		.domain = "cluster.local",
		.lookup = {on_name, on_addr, w},
		.n_forward = 1,
	};
	int port;

	uv_loop_init(&w->loop);
	w->upstream = udp_socket(&w->upstream_port);
	w->client = udp_socket(&port);
	conf.forward[0].addr = htonl(INADDR_LOOPBACK);
	conf.forward[0].port = (uint16_t)w->upstream_port;
	assert_int_equal(dns_server_new(&conf, &w->server, NULL), 0);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	dns_server_free(w->server, NULL, NULL);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	close(w->upstream);
	close(w->client);
	free(w);
	return 0;
}

/* The resolver behind: 93.184.216.34 with TTL 60 for everything, after a forged answer. */
static void serve_upstream(struct world *w)
{
	CLEANUP(buf_done) struct buf out = BUF_INIT;
	struct dns_reply r = {.max = 1232};
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct dns_answer a;
	struct dns_query q;
	char buf[1500];
	ssize_t n = recvfrom(w->upstream, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	if (n <= 0)
		return;
	w->asked++;
	if (w->mute)
		return;
	assert_int_equal(dns_query_parse(str_n(buf, (size_t)n), &q), 0);
	dns_answer_init(&a, q.type);
	dns_add_a(&a, htonl(0x5db8d822), 60);
	dns_reply_write(&q, &r, &a, &out);
	out.p[0] ^= 1;
	sendto(w->upstream, out.p, out.len, 0, (struct sockaddr *)&from, len);
	out.p[0] ^= 1;
	sendto(w->upstream, out.p, out.len, 0, (struct sockaddr *)&from, len);
	dns_answer_done(&a);
}

struct got {
	char msg[65536];
	size_t len;
	uint16_t flags, n_an, n_ns, n_ar;
};

/* Ask and run the loop until the answer is there, or `tries` milliseconds are over. */
static bool ask_for(struct world *w, const char *name, enum dns_type type, struct got *g, int tries)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(dns_server_port(w->server))};
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	assert_int_equal(dns_query_write(0x1234, str_of(name), type, &b), 0);
	assert_int_equal(sendto(w->client, b.p, b.len, 0, (struct sockaddr *)&to, sizeof(to)),
			 (ssize_t)b.len);
	for (; tries; tries--) {
		ssize_t n;

		uv_run(&w->loop, UV_RUN_NOWAIT);
		serve_upstream(w);
		n = recv(w->client, g->msg, sizeof(g->msg), 0);
		if (n > 0) {
			g->len = (size_t)n;
			assert_int_equal(dns_get16(g->msg), 0x1234);
			g->flags = dns_get16(g->msg + 2);
			g->n_an = dns_get16(g->msg + 6);
			g->n_ns = dns_get16(g->msg + 8);
			g->n_ar = dns_get16(g->msg + 10);
			assert_true(dns_response_age(g->msg, g->len, 0) >= 0); /* well formed */
			return true;
		}
		usleep(1000);
	}
	return false;
}

static void test_cluster(void **state)
{
	struct world *w = *state;
	struct got *g = NEW(struct got);

	assert_true(ask_for(w, "WEB.default.svc.cluster.local", DNS_A, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_int_equal(g->flags & 15, 0);
	assert_true(g->flags & DNS_AA);
	assert_memory_equal(g->msg + DNS_HEADER_LEN + 1, "WEB", 3); /* the client's case */
	/* AAAA of an IPv4 name: exists, nothing there, cacheable. */
	assert_true(ask_for(w, "web.default.svc.cluster.local", DNS_AAAA, g, 1000));
	assert_int_equal(g->n_an, 0);
	assert_int_equal(g->flags & 15, 0);
	assert_int_equal(g->n_ns, 1);
	assert_true(ask_for(w, "none.default.svc.cluster.local", DNS_A, g, 1000));
	assert_int_equal(g->flags & 15, DNS_RCODE_NXDOMAIN);
	assert_int_equal(g->n_ns, 1);
	assert_true(ask_for(w, "_http._tcp.web.default.svc.cluster.local", DNS_SRV, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_int_equal(g->n_ar, 2); /* the address, OPT */
	/* Both families: one record of each type; one SRV record with both addresses. */
	assert_true(ask_for(w, "both.default.svc.cluster.local", DNS_A, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_true(ask_for(w, "both.default.svc.cluster.local", DNS_AAAA, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_non_null(memmem(g->msg, g->len, vip6().b, 16));
	assert_true(ask_for(w, "_http._tcp.both.default.svc.cluster.local", DNS_SRV, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_int_equal(g->n_ar, 3);
	assert_true(ask_for(w,
			    "8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f"
			    ".ip6.arpa",
			    DNS_PTR, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_true(ask_for(w, "7.0.96.10.in-addr.arpa", DNS_PTR, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_true(ask_for(w, "inner.default.svc.cluster.local", DNS_A, g, 1000));
	assert_int_equal(g->n_an, 2);
	assert_true(ask_for(w, "many.default.svc.cluster.local", DNS_A, g, 1000));
	assert_true(g->flags & DNS_TC);
	assert_int_equal(g->n_an, 0);
	assert_true(g->len <= 512);
	assert_int_equal(w->asked, 0);
	free(g);
}

static void test_forward(void **state)
{
	struct world *w = *state;
	struct got *g = NEW(struct got);

	assert_true(ask_for(w, "www.example.com", DNS_A, g, 1000));
	assert_int_equal(g->n_an, 1);
	assert_int_equal(w->asked, 1);
	assert_true(ask_for(w, "WWW.example.com", DNS_A, g, 1000));
	assert_memory_equal(g->msg + DNS_HEADER_LEN + 1, "WWW", 3);
	assert_int_equal(w->asked, 1); /* from the cache */
	assert_true(ask_for(w, "outer.default.svc.cluster.local", DNS_A, g, 1000));
	assert_int_equal(g->n_an, 2);
	assert_int_equal(w->asked, 2);
	w->mute = true;
	assert_true(ask_for(w, "slow.example.com", DNS_A, g, 6000));
	assert_int_equal(g->flags & 15, DNS_RCODE_SERVFAIL);
	assert_int_equal(w->asked, 4);
	assert_int_equal(dns_server_stats(w->server)->forward_timeouts, 2);
	free(g);
}

static void test_tcp(void **state)
{
	struct world *w = *state;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons(dns_server_port(w->server))};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP_FD int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	static char in[65536];
	size_t n = 0;

	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	buf_add(&b, "\0\0", 2);
	dns_query_write(9, STR("many.default.svc.cluster.local"), DNS_A, &b);
	dns_put16(b.p, (uint16_t)(b.len - 2));
	assert_int_equal(write(fd, b.p, 10), 10); /* in two pieces */
	for (int i = 0; i < 5; i++)
		uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(write(fd, b.p + 10, b.len - 10), (ssize_t)b.len - 10);
	while (n < 2 || n < 2u + dns_get16(in)) {
		ssize_t k;

		uv_run(&w->loop, UV_RUN_NOWAIT);
		k = recv(fd, in + n, sizeof(in) - n, MSG_DONTWAIT);
		assert_true(k > 0 || errno == EAGAIN);
		n += k > 0 ? (size_t)k : 0;
	}
	assert_int_equal(dns_get16(in + 2 + 6), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_parse),
		cmocka_unit_test_setup_teardown(test_cluster, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forward, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_tcp, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
