/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/kubeconfig.h"
#include "lib/http/client.h"
#include "lib/http/tls.h"

int kubeconfig_http_client(const struct kubeconfig *k, struct uv_loop_s *loop,
			   const char *user_agent, bool no_h2, struct http_client **ret,
			   struct err *err)
{
	struct tls_conf tc = {
		.cert_pem = k->cert_pem.len ? buf_str(&k->cert_pem) : STR_NULL,
		.key_pem = k->key_pem.len ? buf_str(&k->key_pem) : STR_NULL,
		.ca_pem = k->ca_pem.len ? buf_str(&k->ca_pem) : STR_NULL,
		.server_name = k->tls_server_name,
		.insecure = k->insecure,
		.no_h2 = no_h2,
	};
	struct http_client_conf conf = {
		.loop = loop,
		.bearer_token = str_of(k->token),
		.user_agent = user_agent,
		/* A master that went without a word is left before a node counts as silent. */
		.ping_idle_ns = 1100 * NSEC_PER_MSEC,
		.ping_timeout_ns = 1500 * NSEC_PER_MSEC,
	};
	CLEANUP_FREE const char **endpoints = NULL;
	struct tls_ctx *tls;
	size_t n = 1;
	int r = tls_client_new(&tc, &tls, err);

	if (r < 0)
		return r;
	for (char **s = k->more_servers; s && *s; s++)
		n++;
	endpoints = xcalloc(n, sizeof(*endpoints));
	endpoints[0] = k->server;
	for (size_t i = 1; i < n; i++)
		endpoints[i] = k->more_servers[i - 1];
	conf.endpoints = endpoints;
	conf.n_endpoints = n;
	conf.tls = tls;
	r = http_client_new(&conf, ret, err);
	tls_ctx_unref(tls);
	return r;
}
