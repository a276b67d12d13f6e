/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_KUBECONFIG_H
#define KNARR_KUBECONFIG_H
#include "lib/base/buf.h"
#include "lib/base/err.h"
/*
 * A kubeconfig file (k8s.io/client-go/tools/clientcmd/api/v1): where the API server is and who we
 * are. Certificates and keys are read from the file's data fields or from the files it names
 * (relative to its folder). Of the user's credentials: client certificate, token, tokenFile; exec
 * plugins and auth providers are refused by name.
 */
struct kubeconfig {
	char *server; /* "https://10.0.0.1:6443" */
	char **more_servers; /* "knarr-servers" of the cluster: other masters; NULL-terminated or
				NULL */
	struct buf ca_pem; /* empty: the system's roots */
	struct buf cert_pem, key_pem; /* empty: none */
	char *token; /* NULL: none */
	char *tls_server_name; /* NULL: the URL's host */
	bool insecure;
	char *context, *user; /* names in the file */
	char *ns; /* the context's namespace, never NULL ("default") */
};

/*
 * Fill *ret from `path`; `context` NULL takes current-context. Errors name the file and the field:
 * "/etc/knarr/admin.conf: users[admin].user.client-key-data: not base64". On failure *ret is empty.
 */
int kubeconfig_load(const char *path, const char *context, struct kubeconfig *ret, struct err *err);
void kubeconfig_done(struct kubeconfig *k);
/*
 * Which file a command uses: `given` if not NULL, else $KUBECONFIG (its first entry), else
 * ~/.kube/config if it is there, else /etc/knarr/admin.conf. Free the result.
 */
char *kubeconfig_path(const char *given);

struct http_client;
struct uv_loop_s;
/* An HTTP client for it. `user_agent` is borrowed until this returns. */
int kubeconfig_http_client(const struct kubeconfig *k, struct uv_loop_s *loop,
			   const char *user_agent, bool no_h2, struct http_client **ret,
			   struct err *err);
#endif
