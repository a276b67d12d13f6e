/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client/kubeconfig.h"
#include "lib/base/codec.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define FILE_MAX (1 << 20)

void kubeconfig_done(struct kubeconfig *k)
{
	for (char **s = k->more_servers; s && *s; s++)
		free(*s);
	free(k->more_servers);
	free(k->server);
	free(k->token);
	free(k->tls_server_name);
	free(k->context);
	free(k->user);
	free(k->ns);
	buf_done(&k->ca_pem);
	buf_done(&k->cert_pem);
	buf_done(&k->key_pem);
	*k = (struct kubeconfig){0};
}

char *kubeconfig_path(const char *given)
{
	const char *env = getenv("KUBECONFIG"), *home = getenv("HOME");
	struct str rest, first;

	if (given)
		return xstrdup(given);
	rest = str_of(env);
	if (env && str_split(&rest, ':', &first) && first.len)
		return str_dup(first);
	if (home) {
		char *p = xasprintf("%s/.kube/config", home);

		if (access(p, R_OK) == 0)
			return p;
		free(p);
	}
	return xstrdup("/etc/knarr/admin.conf");
}

/* Everything that one load passes around. */
struct load {
	const char *path;
	struct jv doc;
	struct err *err;
};

/* The element of a list of {name, X}, and X in it. */
static struct jv named(struct load *l, const char *list, const char *what, const char *name)
{
	jv_for_each (it, jv_get(l->doc, list))
		if (jv_eqs(jv_get(it.value, "name"), name))
			return jv_get(it.value, what);
	return JV_NONE;
}

/* A file the kubeconfig names, relative to its own folder. */
static int read_beside(struct load *l, const char *field, const char *file, struct buf *out)
{
	const char *slash = strrchr(l->path, '/');
	CLEANUP_FREE char *p = NULL;
	int r;

	if (file[0] == '/' || !slash)
		p = xstrdup(file);
	else
		p = xasprintf("%.*s/%s", (int)(slash - l->path), l->path, file);
	r = file_read(AT_FDCWD, p, FILE_MAX, out);
	if (r < 0)
		return err_sys(l->err, r, "%s: %s: cannot read %s: %s", l->path, field, p,
			       strerror(-r));
	return 0;
}

/* PEM from "<name>-data" (base64) or the file "<name>"; absent leaves out empty. */
static int load_pem(struct load *l, struct jv from, const char *prefix, const char *name,
		    struct buf *out)
{
	CLEANUP_FREE char *data_field = xasprintf("%s-data", name);
	CLEANUP_FREE char *data = jv_strdup(jv_get(from, data_field));
	CLEANUP_FREE char *file = jv_strdup(jv_get(from, name));
	CLEANUP_FREE char *field = xasprintf("%s.%s", prefix, name);

	if (data && *data) {
		if (base64_decode(str_of(data), out) < 0)
			return err_sys(l->err, EINVAL, "%s: %s-data: not base64", l->path, field);
		return 0;
	}
	if (file && *file)
		return read_beside(l, field, file, out);
	return 0;
}

static int load_cluster(struct load *l, const char *name, struct kubeconfig *k)
{
	struct jv c = named(l, "clusters", "cluster", name);
	CLEANUP_FREE char *prefix = xasprintf("clusters[%s].cluster", name);
	size_t n = 0;

	if (jv_type(c) != JV_OBJECT)
		return err_sys(l->err, EINVAL,
			       "%s: contexts[%s].context.cluster: no cluster \"%s\"", l->path,
			       k->context, name);
	k->server = jv_strdup(jv_get(c, "server"));
	if (!k->server || (strncmp(k->server, "https://", 8) && strncmp(k->server, "http://", 7)))
		return err_sys(l->err, EINVAL,
			       "%s: %s.server: must be a URL with https:// or http://", l->path,
			       prefix);
	k->tls_server_name = jv_strdup(jv_get(c, "tls-server-name"));
	k->insecure = jv_bool(jv_get(c, "insecure-skip-tls-verify"), false);
	if (jv_len(jv_get(c, "knarr-servers"))) {
		k->more_servers = xcalloc(jv_len(jv_get(c, "knarr-servers")) + 1, sizeof(char *));
		jv_for_each (it, jv_get(c, "knarr-servers"))
			if (jv_type(it.value) == JV_STRING)
				k->more_servers[n++] = jv_strdup(it.value);
	}
	return load_pem(l, c, prefix, "certificate-authority", &k->ca_pem);
}

static int load_user(struct load *l, const char *name, struct kubeconfig *k)
{
	struct jv u = named(l, "users", "user", name);
	CLEANUP_FREE char *prefix = xasprintf("users[%s].user", name);
	CLEANUP_FREE char *token_file = NULL;
	int r;

	if (jv_type(u) == JV_ABSENT)
		return err_sys(l->err, EINVAL, "%s: contexts[%s].context.user: no user \"%s\"",
			       l->path, k->context, name);
	if (jv_exists(jv_get(u, "exec")) || jv_exists(jv_get(u, "auth-provider")))
		return err_sys(l->err, ENOTSUP,
			       "%s: %s: exec plugins and auth providers are not supported; use a "
			       "client certificate or a token",
			       l->path, prefix);
	r = load_pem(l, u, prefix, "client-certificate", &k->cert_pem);
	if (!r)
		r = load_pem(l, u, prefix, "client-key", &k->key_pem);
	if (r)
		return r;
	k->token = jv_strdup(jv_get(u, "token"));
	token_file = jv_strdup(jv_get(u, "tokenFile"));
	if (!k->token && token_file) {
		struct buf b = BUF_INIT;

		r = read_beside(l, "tokenFile", token_file, &b);
		if (!r)
			k->token = str_dup(str_trim(buf_str(&b)));
		buf_done(&b);
	}
	return r;
}

static int load_doc(struct load *l, const char *context, struct kubeconfig *k)
{
	CLEANUP_FREE char *current = jv_strdup(jv_get(l->doc, "current-context"));
	CLEANUP_FREE char *cluster = NULL;
	CLEANUP_FREE char *user = NULL;
	struct jv c;
	int r;

	if (!context)
		context = current;
	if (!context || !*context)
		return err_sys(l->err, EINVAL, "%s: current-context: not set", l->path);
	c = named(l, "contexts", "context", context);
	if (jv_type(c) != JV_OBJECT)
		return err_sys(l->err, EINVAL, "%s: contexts: no context \"%s\"", l->path, context);
	k->context = xstrdup(context);
	cluster = jv_strdup(jv_get(c, "cluster"));
	user = jv_strdup(jv_get(c, "user"));
	k->ns = jv_strdup(jv_get(c, "namespace"));
	if (!k->ns || !*k->ns) {
		free(k->ns);
		k->ns = xstrdup("default");
	}
	r = load_cluster(l, cluster ? cluster : "", k);
	if (!r && user) {
		k->user = xstrdup(user);
		r = load_user(l, user, k);
	}
	return r;
}

int kubeconfig_load(const char *path, const char *context, struct kubeconfig *ret, struct err *err)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	CLEANUP(buf_done) struct buf json = BUF_INIT;
	struct kubeconfig k = {.ca_pem = BUF_INIT, .cert_pem = BUF_INIT, .key_pem = BUF_INIT};
	struct load l = {.path = path, .err = err};
	int r = file_read(AT_FDCWD, path, FILE_MAX, &text);

	if (r < 0)
		return err_sys(err, r, "cannot read the kubeconfig %s: %s", path, strerror(-r));
	r = yaml_to_json(buf_str(&text), &json, err);
	if (!r)
		r = json_scan(buf_str(&json), NULL, err);
	if (r < 0) {
		err_prefix(err, "%s: ", path);
		return r;
	}
	l.doc = jv_of(buf_str(&json));
	if (jv_type(l.doc) != JV_OBJECT)
		return err_sys(err, EINVAL, "%s: not a kubeconfig", path);
	r = load_doc(&l, context, &k);
	if (r < 0) {
		kubeconfig_done(&k);
		return r;
	}
	*ret = k;
	return 0;
}
