/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "lib/base/codec.h"
#include "lib/client/client.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/client.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <uv.h>

struct session {
	uv_loop_t loop;
	struct kubeconfig kc;
	struct http_client *http;
	char *ns;
};

int session_open(const struct cli_common *c, struct session **ret, struct err *err)
{
	return session_open_at(c, NULL, ret, err);
}

int session_open_at(const struct cli_common *c, const char *url, struct session **ret,
		    struct err *err)
{
	CLEANUP_FREE char *path = kubeconfig_path(c->kubeconfig);
	struct session *s = NEW(struct session);
	int r = kubeconfig_load(path, c->context, &s->kc, err);

	if (r < 0) {
		free(s);
		return r;
	}
	if (url) {
		free(s->kc.server);
		s->kc.server = xstrdup(url);
		for (size_t i = 0; s->kc.more_servers && s->kc.more_servers[i]; i++)
			free(s->kc.more_servers[i]);
		free(TAKE(s->kc.more_servers));
	}
	uv_loop_init(&s->loop);
	s->ns = xstrdup(c->ns ? c->ns : s->kc.ns);
	r = kubeconfig_http_client(&s->kc, &s->loop, "knarrctl/" PACKAGE_VERSION, false, &s->http,
				   err);
	if (r < 0) {
		session_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct session *session_close(struct session *s)
{
	if (!s)
		return NULL;
	http_client_free(s->http);
	/* Handles of the client close in the loop. */
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	kubeconfig_done(&s->kc);
	free(s->ns);
	free(s);
	return NULL;
}

const char *session_ns(const struct session *s)
{
	return s->ns;
}

const char *session_server(const struct session *s)
{
	return s->kc.server;
}

struct http_client *session_http(struct session *s)
{
	return s->http;
}

struct uv_loop_s *session_loop(struct session *s)
{
	return &s->loop;
}

int session_ca_hash(struct session *s, struct buf *out, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(s->kc.ca_pem.p, (int)s->kc.ca_pem.len);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char *der = NULL, md[32];
	int len = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : -1;

	if (len > 0) {
		EVP_Digest(der, (size_t)len, md, NULL, EVP_sha256(), NULL);
		buf_adds(out, "sha256:");
		hex_encode(str_n(md, sizeof(md)), out);
	}
	OPENSSL_free(der);
	X509_free(cert);
	BIO_free(bio);
	return len > 0 ? 0
		       : err_sys(err, EINVAL,
				 "the kubeconfig has no usable certificate-authority-data");
}

/* One call under way. */
struct pending {
	struct session *s;
	const struct session_req *req;
	struct buf *out;
	struct err *err;
	struct buf failed; /* body of an answer that is no success */
	int status, result;
	bool done;
};

static void on_response(struct http_call *call, int status, void *user)
{
	struct pending *p = user;

	p->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct pending *p = user;

	if (p->status / 100 != 2) {
		if (p->failed.len < 1 << 20)
			buf_addstr(&p->failed, data);
	} else if (p->req->on_data) {
		if (p->req->on_data(p->req->user, data)) {
			http_call_cancel(call);
			p->done = true;
		}
	} else if (p->out) {
		buf_addstr(p->out, data);
	}
}

static void on_end(struct http_call *call, int r, void *user)
{
	struct pending *p = user;

	p->done = true;
	p->result = r;
	if (r < 0)
		err_sys(p->err, r, "%s: is a master running there? (systemctl status knarr-master)",
			http_call_error(call));
}

int session_do(struct session *s, const struct session_req *req, struct buf *out, struct err *err)
{
	static const struct http_call_ops ops = {on_response, on_data, on_end};
	struct http_header headers[2];
	struct pending p = {.s = s, .req = req, .out = out, .err = err, .failed = BUF_INIT};
	struct http_call_req hr = {
		.method = req->method,
		.path = req->path,
		.headers = headers,
		.body = req->body,
		.timeout_ns = req->timeout_ns,
	};

	if (!hr.timeout_ns && !req->on_data)
		hr.timeout_ns = 30 * NSEC_PER_SEC;
	headers[hr.n_headers++] =
		HTTP_HEADER("accept", str_of(req->accept ? req->accept : "application/json"));
	if (req->body.p)
		headers[hr.n_headers++] =
			HTTP_HEADER("content-type", str_of(req->content_type ? req->content_type
									     : "application/json"));
	http_client_request(s->http, &hr, &ops, &p);
	while (!p.done && uv_run(&s->loop, UV_RUN_ONCE))
		;
	if (p.result == 0 && p.status && p.status / 100 != 2)
		p.result = client_status_to_err(p.status, buf_str(&p.failed), err);
	buf_done(&p.failed);
	return p.result;
}

int session_get(struct session *s, const char *path, struct buf *out, struct err *err)
{
	struct session_req req = {.method = "GET", .path = path};

	return session_do(s, &req, out, err);
}
