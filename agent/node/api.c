/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/node/api_priv.h"

#include <openssl/x509.h>

#include "agent/pod/pods.h"
#include "lib/base/log.h"

void api_fail(struct http_req *r, int status, const char *text)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b, "%s\n", text);
	http_reply_text(r, status, "text/plain; charset=utf-8", buf_str(&b));
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void url_decode(struct str s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] == '+') {
			buf_addc(out, ' ');
		} else if (s.p[i] == '%' && i + 2 < s.len && hex_digit(s.p[i + 1]) >= 0 &&
			   hex_digit(s.p[i + 2]) >= 0) {
			buf_addc(out, (char)(hex_digit(s.p[i + 1]) * 16 + hex_digit(s.p[i + 2])));
			i += 2;
		} else {
			buf_addc(out, s.p[i]);
		}
	}
}

bool api_query(struct http_req *r, const char *name, size_t nth, struct buf *out)
{
	struct str rest = http_req_query(r), pair, key;

	if (str_is_null(rest))
		return false;
	while (str_split(&rest, '&', &pair)) {
		if (!str_split(&pair, '=', &key) || !str_eqs(key, name) || nth--)
			continue;
		url_decode(pair, out);
		return true;
	}
	return false;
}

bool api_query_bool(struct http_req *r, const char *name)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	return api_query(r, name, 0, &b) && (strcmp(b.p, "1") == 0 || strcmp(b.p, "true") == 0);
}

/* One value of a name in the subject equals `text`. */
static bool subject_has(X509 *cert, int nid, const char *text)
{
	X509_NAME *name = X509_get_subject_name(cert);

	for (int i = -1; (i = X509_NAME_get_index_by_NID(name, nid, i)) >= 0;) {
		ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i));

		if (str_eqs(str_n(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)), text))
			return true;
	}
	return false;
}

static bool allowed(struct http_req *r)
{
	X509 *cert = http_req_peer_cert(r);

	if (!cert) {
		api_fail(r, 401, "Unauthorized");
		return false;
	}
	if (subject_has(cert, NID_organizationName, "system:masters") ||
	    subject_has(cert, NID_organizationName, "kubeadm:cluster-admins") ||
	    subject_has(cert, NID_commonName, "kube-apiserver-kubelet-client"))
		return true;
	api_fail(r, 403, "Forbidden: the node API is for the API server and administrators");
	return false;
}

static void api_pods(struct node_api *a, struct http_req *r)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	pods_list_json(a->conf.pods, &b);
	http_reply_text(r, 200, "application/json", buf_str(&b));
}

static void api_healthz(struct node_api *a, struct http_req *r)
{
	http_reply_text(r, 200, "text/plain; charset=utf-8", STR("ok"));
}

static const struct {
	const char *path;
	void (*handle)(struct node_api *a, struct http_req *r);
} plain[] = {
	{"/healthz", api_healthz},
	{"/pods", api_pods},
	{"/pods/", api_pods},
	{"/runningpods/", api_pods},
	{"/stats/summary", api_stats_summary},
	{"/metrics", api_metrics},
	{"/metrics/resource", api_metrics_resource},
};

static const struct {
	const char *name;
	bool container; /* the last element names one */
	void (*handle)(struct node_api *a, struct http_req *r, const struct api_target *t);
} targeted[] = {
	{"containerLogs", true, api_logs},
	{"exec", true, api_exec},
	{"attach", true, api_attach},
	{"portForward", false, api_port_forward},
};

/* /NAME/NS/POD[/UID][/CONTAINER] */
static bool route_targeted(struct node_api *a, struct http_req *r)
{
	struct str rest = str_skip(http_req_path(r), 1), el[8];
	struct api_target t = {0};
	size_t n = 0;

	while (n < ARRAY_SIZE(el) && str_split(&rest, '/', &el[n]))
		n++;
	for (size_t i = 0; i < ARRAY_SIZE(targeted); i++) {
		size_t want = targeted[i].container ? 4 : 3;

		if (!n || !str_eqs(el[0], targeted[i].name))
			continue;
		if (n != want && n != want + 1)
			return false;
		t.ns = el[1];
		t.pod = el[2];
		if (n == want + 1)
			t.uid = el[3];
		if (targeted[i].container)
			t.container = el[n - 1];
		targeted[i].handle(a, r, &t);
		return true;
	}
	return false;
}

static void on_request(struct http_req *r, void *user)
{
	struct node_api *a = user;

	if (str_eqs(http_req_path(r), "/healthz")) {
		api_healthz(a, r);
		return;
	}
	if (!allowed(r))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (str_eqs(http_req_path(r), plain[i].path)) {
			plain[i].handle(a, r);
			return;
		}
	}
	if (str_starts(http_req_path(r), STR("/podProxy/")))
		api_pod_proxy(a, r);
	else if (!route_targeted(a, r))
		api_fail(r, 404, "404 page not found");
}

int node_api_start(const struct node_api_conf *conf, struct node_api **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf cert = BUF_INIT, key = BUF_INIT;
	struct node_api *a = NEW(struct node_api);
	int r;

	a->conf = *conf;
	list_init(&a->sessions);
	list_init(&a->forwards);
	list_init(&a->proxied);
	r = api_serving_cert(conf, &cert, &key, err);
	if (r == 0)
		r = tls_server_new(&(struct tls_conf){.cert_pem = buf_str(&cert),
						      .key_pem = buf_str(&key),
						      .ca_pem = conf->client_ca},
				   &a->tls, err);
	if (r == 0) {
		a->server = http_server_new(&(struct http_server_conf){
			.loop = conf->loop, .tls = a->tls, .on_request = on_request, .user = a});
		r = http_server_listen(a->server, conf->address, conf->port, err);
		if (r < 0)
			err_prefix(err, "node API (--address, --port): ");
	}
	if (r < 0) {
		node_api_stop(a);
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void node_api_stop(struct node_api *a)
{
	if (!a)
		return;
	a->stopping = true;
	api_exec_abort_all(a);
	api_port_forward_abort_all(a);
	api_pod_proxy_abort_all(a);
	a->server = http_server_free(a->server);
	if (a->tls)
		a->tls = tls_ctx_unref(a->tls);
}

struct node_api *node_api_free(struct node_api *a)
{
	free(a);
	return NULL;
}
