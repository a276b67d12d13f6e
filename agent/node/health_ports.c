/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/health_ports.h"

#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/client/object.h"
#include "lib/http/server.h"
#include "lib/json/jw.h"

struct health_port {
	char *key;
	uint16_t port;
	size_t n_local;
	struct http_server *server; /* NULL: the port is somebody else's */
};

struct health_ports {
	struct uv_loop_s *loop;
	struct hmap *by_key;
};

static void on_request(struct http_req *r, void *user)
{
	const struct health_port *p = user;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	struct str ns, name;
	CLEANUP_FREE char *weight = xasprintf("%zu", p->n_local);
	struct http_blob *body;
	struct http_piece piece;
	const struct http_header headers[] = {
		{STR("content-type"), STR("application/json")},
		{STR("x-content-type-options"), STR("nosniff")},
		{STR("x-load-balancing-endpoint-weight"), str_of(weight)},
	};

	object_key_split(str_of(p->key), &ns, &name);
	jw_begin_object(&w);
	jw_key(&w, "service");
	jw_begin_object(&w);
	jw_member_str(&w, "namespace", ns);
	jw_member_str(&w, "name", name);
	jw_end_object(&w);
	jw_member_i64(&w, "localEndpoints", (int64_t)p->n_local);
	jw_member_bool(&w, "serviceProxyHealthy", true);
	jw_end_object(&w);
	body = http_blob_take_buf(&b);
	piece = http_piece_of(body);
	http_reply(r, p->n_local ? 200 : 503, headers, ARRAY_SIZE(headers), &piece, 1);
	http_blob_unref(body);
}

static void port_free(void *ptr)
{
	struct health_port *p = ptr;

	http_server_free(p->server);
	free(p->key);
	free(p);
}

struct health_ports *health_ports_new(struct uv_loop_s *loop)
{
	struct health_ports *h = NEW(struct health_ports);

	h->loop = loop;
	h->by_key = hmap_new();
	return h;
}

static void listen_at(struct health_ports *h, struct health_port *p)
{
	struct err err = ERR_INIT;

	p->server = http_server_new(&(struct http_server_conf){.loop = h->loop,
							       .on_request = on_request,
							       .user = p,
							       .max_conns = 100,
							       .max_headers = 8192,
							       .max_body = 1024});
	if (http_server_listen(p->server, "0.0.0.0", p->port, &err) < 0) {
		log_warn("health of Service %s: %s", p->key, err_text(&err));
		p->server = http_server_free(p->server);
	}
	err_done(&err);
}

void health_ports_set(struct health_ports *h, struct str key, uint16_t port, size_t n_local)
{
	struct health_port *p = hmap_get(h->by_key, key);

	if (p && p->port != port) {
		hmap_del(h->by_key, key);
		port_free(p);
		p = NULL;
	}
	if (!port)
		return;
	if (!p) {
		p = NEW(struct health_port);
		p->key = str_dup(key);
		p->port = port;
		hmap_put(h->by_key, key, p);
	}
	p->n_local = n_local;
	if (!p->server)
		listen_at(h, p);
}

struct health_ports *health_ports_free(struct health_ports *h)
{
	if (!h)
		return NULL;
	hmap_free_full(h->by_key, port_free);
	free(h);
	return NULL;
}
