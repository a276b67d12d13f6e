/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/list.h"
#include "lib/http/remotecommand.h"
#include "lib/http/spdy.h"
#include "lib/http/websocket.h"
/*
 * Port-forward: for each connection the client opens two SPDY streams with the same header
 * "requestid": streamtype "error" first, then "data"; both name the port.
 */
#define PROTOCOL "portforward.k8s.io"
#define CONNS_MAX 256

struct pf_conn {
	struct list link;
	struct pf *pf;
	char *request_id;
	uint32_t error_id, data_id; /* 0: not opened yet */
	uint16_t port;
	bool began; /* on_conn ran */
	void *user;
};

struct pf {
	struct spdy *spdy;
	const struct pf_ops *ops;
	void *user;
	struct list conns;
	unsigned n;
};

static void conn_free(struct pf_conn *pc)
{
	list_remove(&pc->link);
	pc->pf->n--;
	free(pc->request_id);
	free(pc);
}

static void conn_gone(struct pf_conn *pc)
{
	if (pc->began)
		pc->pf->ops->on_conn_close(pc, pc->user);
	conn_free(pc);
}

static struct pf_conn *conn_by_request(struct pf *pf, struct str id)
{
	list_for_each (it, &pf->conns) {
		struct pf_conn *pc = list_entry(it, struct pf_conn, link);

		if (str_eqs(id, pc->request_id))
			return pc;
	}
	return NULL;
}

static struct pf_conn *conn_by_stream(struct pf *pf, uint32_t id)
{
	list_for_each (it, &pf->conns) {
		struct pf_conn *pc = list_entry(it, struct pf_conn, link);

		if (pc->data_id == id || pc->error_id == id)
			return pc;
	}
	return NULL;
}

static struct pf_conn *conn_new(struct pf *pf, struct str request_id, uint64_t port)
{
	struct pf_conn *pc = NEW(struct pf_conn);

	pc->pf = pf;
	pc->request_id = str_dup(request_id);
	pc->port = (uint16_t)port;
	list_append(&pf->conns, &pc->link);
	pf->n++;
	return pc;
}

static void on_stream(struct spdy *sp, uint32_t id, bool fin, void *user)
{
	struct pf *pf = user;
	struct str request_id = spdy_header(sp, "requestid");
	struct str type = spdy_header(sp, "streamtype");
	bool is_data = str_eqs(type, "data");
	struct pf_conn *pc;
	uint64_t port;

	/* Very old clients send no id: the port's streams come in pairs then. */
	if (!request_id.len)
		request_id = spdy_header(sp, "port");
	if (str_to_u64(spdy_header(sp, "port"), &port) < 0 || !port || port > 65535 ||
	    (!is_data && !str_eqs(type, "error"))) {
		spdy_reset(sp, id, SPDY_PROTOCOL_ERROR);
		return;
	}
	pc = conn_by_request(pf, request_id);
	if ((!pc && pf->n >= CONNS_MAX) || (pc && (is_data ? pc->data_id : pc->error_id))) {
		spdy_reset(sp, id, SPDY_REFUSED_STREAM);
		return;
	}
	if (!pc)
		pc = conn_new(pf, request_id, port);
	*(is_data ? &pc->data_id : &pc->error_id) = id;
	spdy_reply(sp, id);
	if (pc->data_id && pc->error_id) {
		pc->began = true;
		pf->ops->on_conn(pf, pc, pc->port, pf->user);
	}
}

static void on_data(struct spdy *sp, uint32_t id, struct str data, bool fin, void *user)
{
	struct pf_conn *pc = conn_by_stream(user, id);

	if (!pc || id != pc->data_id || !pc->began)
		return; /* the client half-closes its error stream at once */
	if (data.len)
		pc->pf->ops->on_data(pc, data, pc->user);
	pc = conn_by_stream(user, id); /* the callback may have ended it */
	if (pc && fin && pc->pf->ops->on_eof)
		pc->pf->ops->on_eof(pc, pc->user);
}

static void on_reset(struct spdy *sp, uint32_t id, void *user)
{
	struct pf_conn *pc = conn_by_stream(user, id);

	if (pc && id == pc->data_id)
		conn_gone(pc);
}

static void on_drain(struct spdy *sp, void *user)
{
	struct pf *pf = user;

	if (pf->ops->on_drain)
		pf->ops->on_drain(pf, pf->user);
}

static void on_close(struct spdy *sp, int err, void *user)
{
	struct pf *pf = user;

	while (!list_empty(&pf->conns))
		conn_gone(list_first(&pf->conns, struct pf_conn, link));
	pf->ops->on_close(pf, err, pf->user);
	free(pf);
}

static int upgrade(struct http_req *r, struct http_stream **ret, struct err *err)
{
	static const char *const tunnels[] = {"SPDY/3.1+" PROTOCOL, NULL};
	struct str kind = http_req_header(r, "upgrade");
	struct http_header h = HTTP_HEADER("X-Stream-Protocol-Version", STR(PROTOCOL));

	if (str_eq_nocase(kind, STR("websocket"))) {
		const char *protocol = ws_choose_protocol(r, tunnels);

		if (!protocol)
			return err_sys(err, EOPNOTSUPP, "the client does not offer %s", tunnels[0]);
		return ws_accept_tunnel(r, protocol, ret);
	}
	if (!str_eq_nocase(kind, STR("SPDY/3.1")))
		return err_sys(err, EOPNOTSUPP, "this needs an upgrade to SPDY/3.1 or WebSocket");
	return http_req_upgrade(r, "SPDY/3.1", &h, 1, ret);
}

int pf_accept(struct http_req *r, const struct pf_ops *ops, void *user, struct pf **ret,
	      struct err *err)
{
	static const struct spdy_ops spdy_ops = {on_stream, on_data, on_reset, on_drain, on_close};
	struct http_stream *s;
	struct pf *pf;
	int e = upgrade(r, &s, err);

	if (e < 0) {
		if (err && !err->errnum)
			err_sys(err, -e, "the connection cannot be upgraded");
		return e;
	}
	pf = NEW(struct pf);
	pf->ops = ops;
	pf->user = user;
	list_init(&pf->conns);
	pf->spdy = spdy_take_stream(s, &spdy_ops, pf);
	*ret = pf;
	return 0;
}

void pf_conn_set_user(struct pf_conn *pc, void *conn_user)
{
	pc->user = conn_user;
}

struct pf *pf_conn_pf(const struct pf_conn *pc)
{
	return pc->pf;
}

int pf_conn_write(struct pf_conn *pc, struct str data)
{
	return data.len ? spdy_send(pc->pf->spdy, pc->data_id, data, false) : 0;
}

void pf_conn_end(struct pf_conn *pc, const char *error)
{
	struct spdy *sp = pc->pf->spdy;

	if (error)
		spdy_send(sp, pc->error_id, str_of(error), true);
	else
		spdy_send(sp, pc->error_id, STR_NULL, true);
	spdy_send(sp, pc->data_id, STR_NULL, true);
	conn_free(pc);
}

size_t pf_queued(const struct pf *pf)
{
	return spdy_queued(pf->spdy);
}

void pf_pause(struct pf *pf, bool pause)
{
	spdy_pause(pf->spdy, pause);
}

void pf_close(struct pf *pf)
{
	spdy_close(pf->spdy);
}
