/* SPDX-License-Identifier: Apache-2.0 */
#include "master/authz_setup.h"
#include "lib/cel/cel.h"
#include "lib/client/kubeconfig.h"
#include "lib/json/jv.h"
#include "lib/json/yaml.h"
#include "lib/sys/file.h"

#define CONFIG_MAX (1u << 20)
#define ALLOWED_NS (300 * NSEC_PER_SEC)
#define DENIED_NS (30 * NSEC_PER_SEC)
#define TIMEOUT_S 30u

static char *text_of(const struct buf *b)
{
	return b->len ? xstrndup(b->p, b->len) : NULL;
}

static int read_target(const char *file, struct webhook_target *ret, struct err *err)
{
	struct kubeconfig k;
	int r = kubeconfig_load(file, NULL, &k, err);

	if (r < 0)
		return r;
	*ret = (struct webhook_target){.url = xstrdup(k.server),
				       .ca_pem = text_of(&k.ca_pem),
				       .cert_pem = text_of(&k.cert_pem),
				       .key_pem = text_of(&k.key_pem),
				       .token = k.token ? xstrdup(k.token) : NULL};
	kubeconfig_done(&k);
	return str_starts(str_of(ret->url), STR("https://"))
		       ? 0
		       : err_sys(err, EINVAL, "%s: the server must be an https URL", file);
}

static void add_step(struct authz_remote_conf *c, enum authz_mode mode, unsigned webhook)
{
	*ARRAY_PUSH(c->steps, c->n_steps, c->cap_steps) = (struct authz_step){mode, webhook};
}

/* ---- AuthorizationConfiguration ---- */

static const struct {
	const char *type;
	enum authz_mode mode;
} modes[] = {
	{"Node", AUTHZ_NODE},
	{"RBAC", AUTHZ_RBAC},
	{"AlwaysAllow", AUTHZ_ALWAYS_ALLOW},
	{"AlwaysDeny", AUTHZ_ALWAYS_DENY},
	{"Webhook", AUTHZ_WEBHOOK},
};

static int only(struct jv v, const char *path, const char *const *known, struct err *err)
{
	jv_for_each_member (m, v) {
		size_t i = 0;

		while (known[i] && !str_eqs(m.key, known[i]))
			i++;
		if (!known[i])
			return err_sys(err, EINVAL, "%s: unknown field \"%.*s\"", path,
				       STR_ARG(m.key));
	}
	return 0;
}

static int read_duration(struct jv v, const char *name, const char *path, int64_t max_ns,
			 uint64_t *ret, struct err *err)
{
	int64_t ns;

	if (!jv_exists(jv_get(v, name)))
		return *ret ? 0 : err_sys(err, EINVAL, "%s.%s: Required value", path, name);
	if (duration_parse(jv_text(jv_get(v, name)), &ns) < 0 || ns <= 0 || (max_ns && ns > max_ns))
		return err_sys(err, EINVAL, "%s.%s: must be a duration above 0s%s", path, name,
			       max_ns ? ", at most 30s" : "");
	*ret = (uint64_t)ns;
	return 0;
}

static int must_be_v1(struct jv v, const char *name, const char *path, struct err *err)
{
	return jv_eqs(jv_get(v, name), "v1")
		       ? 0
		       : err_sys(err, EINVAL, "%s.%s: supported values: \"v1\"", path, name);
}

static int read_conditions(struct jv v, const char *path, struct authz_webhook_conf *w,
			   struct err *err)
{
	static const char *const known[] = {"expression", NULL};
	unsigned n = 0;

	jv_for_each (it, jv_get(v, "matchConditions")) {
		CLEANUP_FREE char *at = xasprintf("%s.matchConditions[%u]", path, n++);
		struct cel_program *p = NULL;
		char *text = jv_strdup(jv_get(it.value, "expression"));
		int r = only(it.value, at, known, err);

		if (r == 0 && (!text || !*text))
			r = err_sys(err, EINVAL, "%s.expression: Required value", at);
		if (r == 0 && (r = authz_condition_compile(text, &p, err)) < 0)
			err_prefix(err, "%s.expression: ", at);
		cel_program_free(p);
		if (r < 0) {
			free(text);
			return r;
		}
		*ARRAY_PUSH(w->conditions, w->n_conditions, w->cap_conditions) = text;
	}
	return 0;
}

static int read_connection(struct jv v, const char *path, struct webhook_target *ret,
			   struct err *err)
{
	CLEANUP_FREE char *file = jv_strdup(jv_get(v, "kubeConfigFile"));

	if (!jv_eqs(jv_get(v, "type"), "KubeConfigFile"))
		return err_sys(err, EINVAL,
			       "%s.connectionInfo.type: supported values: \"KubeConfigFile\"",
			       path);
	if (!file || *file != '/')
		return err_sys(err, EINVAL,
			       "%s.connectionInfo.kubeConfigFile: must be an absolute path", path);
	return read_target(file, ret, err);
}

static int read_webhook(struct jv v, const char *path, struct authz_webhook_conf *w,
			struct err *err)
{
	static const char *const known[] = {"authorizedTTL",
					    "unauthorizedTTL",
					    "timeout",
					    "subjectAccessReviewVersion",
					    "matchConditionSubjectAccessReviewVersion",
					    "failurePolicy",
					    "connectionInfo",
					    "matchConditions",
					    "cacheAuthorizedRequests",
					    "cacheUnauthorizedRequests",
					    NULL};
	uint64_t timeout_ns = 0;
	int r;

	w->allowed_ns = ALLOWED_NS;
	w->denied_ns = DENIED_NS;
	if ((r = only(v, path, known, err)) < 0 ||
	    (r = read_duration(v, "authorizedTTL", path, 0, &w->allowed_ns, err)) < 0 ||
	    (r = read_duration(v, "unauthorizedTTL", path, 0, &w->denied_ns, err)) < 0 ||
	    (r = read_duration(v, "timeout", path, 30 * (int64_t)NSEC_PER_SEC, &timeout_ns, err)) <
		    0 ||
	    (r = must_be_v1(v, "subjectAccessReviewVersion", path, err)) < 0)
		return r;
	w->timeout_s = (unsigned)((timeout_ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC);
	if (!jv_bool(jv_get(v, "cacheAuthorizedRequests"), true))
		w->allowed_ns = 0;
	if (!jv_bool(jv_get(v, "cacheUnauthorizedRequests"), true))
		w->denied_ns = 0;
	w->deny_on_failure = jv_eqs(jv_get(v, "failurePolicy"), "Deny");
	if (!w->deny_on_failure && !jv_eqs(jv_get(v, "failurePolicy"), "NoOpinion"))
		return err_sys(err, EINVAL,
			       "%s.failurePolicy: supported values: \"NoOpinion\", \"Deny\"", path);
	if (jv_len(jv_get(v, "matchConditions")))
		r = must_be_v1(v, "matchConditionSubjectAccessReviewVersion", path, err);
	if (r == 0)
		r = read_conditions(v, path, w, err);
	return r < 0 ? r : read_connection(jv_get(v, "connectionInfo"), path, &w->target, err);
}

static int read_authorizer(struct jv v, const char *path, struct authz_remote_conf *c,
			   struct err *err)
{
	static const char *const known[] = {"type", "name", "webhook", NULL};
	CLEANUP_FREE char *at = xasprintf("%s.webhook", path);
	struct authz_webhook_conf *w;
	size_t m = 0;
	int r = only(v, path, known, err);

	if (r < 0)
		return r;
	while (m < ARRAY_SIZE(modes) && !jv_eqs(jv_get(v, "type"), modes[m].type))
		m++;
	if (m == ARRAY_SIZE(modes))
		return err_sys(err, EINVAL,
			       "%s.type: supported values: \"Node\", \"RBAC\", \"Webhook\", "
			       "\"AlwaysAllow\", \"AlwaysDeny\"",
			       path);
	if (!jv_text(jv_get(v, "name")).len)
		return err_sys(err, EINVAL, "%s.name: Required value", path);
	if (modes[m].mode != AUTHZ_WEBHOOK) {
		for (size_t i = 0; i < c->n_steps; i++)
			if (c->steps[i].mode == modes[m].mode)
				return err_sys(err, EINVAL, "%s.type: Duplicate value: \"%s\"",
					       path, modes[m].type);
		if (jv_exists(jv_get(v, "webhook")))
			return err_sys(err, EINVAL,
				       "%s.webhook: may only be there when type=Webhook", path);
		add_step(c, modes[m].mode, 0);
		return 0;
	}
	if (!jv_exists(jv_get(v, "webhook")))
		return err_sys(err, EINVAL, "%s.webhook: Required value", path);
	add_step(c, AUTHZ_WEBHOOK, (unsigned)c->n_webhooks);
	w = ARRAY_PUSH(c->webhooks, c->n_webhooks, c->cap_webhooks);
	*w = (struct authz_webhook_conf){.name = jv_strdup(jv_get(v, "name"))};
	for (size_t i = 0; i + 1 < c->n_webhooks; i++)
		if (!strcmp(c->webhooks[i].name, w->name))
			return err_sys(err, EINVAL, "%s.name: Duplicate value: \"%s\"", path,
				       w->name);
	return read_webhook(jv_get(v, "webhook"), at, w, err);
}

static int read_config(const char *file, struct authz_remote_conf *c, struct err *err)
{
	static const char *const known[] = {"apiVersion", "kind", "authorizers", NULL};
	CLEANUP(buf_done) struct buf text = BUF_INIT, json = BUF_INIT;
	unsigned n = 0;
	struct jv v;
	int r = file_read(AT_FDCWD, file, CONFIG_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "cannot read it: %s", strerror(-r));
	r = yaml_to_json(buf_str(&text), &json, err);
	if (r < 0)
		return r;
	v = jv_of(buf_str(&json));
	if (!jv_eqs(jv_get(v, "apiVersion"), "apiserver.config.k8s.io/v1") ||
	    !jv_eqs(jv_get(v, "kind"), "AuthorizationConfiguration"))
		return err_sys(err, EINVAL,
			       "no apiserver.config.k8s.io/v1 AuthorizationConfiguration");
	r = only(v, "it", known, err);
	jv_for_each (it, jv_get(v, "authorizers")) {
		CLEANUP_FREE char *at = xasprintf("authorizers[%u]", n++);

		if (r == 0)
			r = read_authorizer(it.value, at, c, err);
	}
	if (r == 0 && !n)
		r = err_sys(err, EINVAL,
			    "authorizers: Required value: at least one authorization mode must be "
			    "defined");
	return r;
}

/* ---- the options ---- */

static int read_single(const struct authz_options *o, struct authz_remote_conf *c, struct err *err)
{
	struct authz_webhook_conf *w = ARRAY_PUSH(c->webhooks, c->n_webhooks, c->cap_webhooks);

	*w = (struct authz_webhook_conf){.name = xstrdup("default"),
					 .allowed_ns = o->allowed_ns ? o->allowed_ns : ALLOWED_NS,
					 .denied_ns = o->denied_ns ? o->denied_ns : DENIED_NS,
					 .timeout_s = TIMEOUT_S};
	add_step(c, AUTHZ_NODE, 0);
	add_step(c, AUTHZ_RBAC, 0);
	add_step(c, AUTHZ_WEBHOOK, 0);
	return read_target(o->webhook_file, &w->target, err);
}

int authz_setup_read(const struct authz_options *o, struct authz_remote_conf *ret, struct err *err)
{
	struct authz_remote_conf c = {0};
	int r = 0;

	if (o->config_file && o->webhook_file)
		return err_sys(err, EINVAL,
			       "--authorization-config cannot go with "
			       "--authorization-webhook-config-file");
	if (!o->webhook_file && (o->version || o->allowed_ns || o->denied_ns))
		return err_sys(err, EINVAL,
			       "the --authorization-webhook options need "
			       "--authorization-webhook-config-file");
	if (o->version && strcmp(o->version, "v1") != 0)
		return err_sys(err, EINVAL, "--authorization-webhook-version: must be v1");
	if (o->config_file) {
		r = read_config(o->config_file, &c, err);
		if (r < 0)
			err_prefix(err, "--authorization-config %s: ", o->config_file);
	} else if (o->webhook_file) {
		r = read_single(o, &c, err);
		if (r < 0)
			err_prefix(err, "--authorization-webhook-config-file: ");
	}
	if (r < 0)
		authz_remote_conf_done(&c);
	else
		*ret = c;
	return r;
}
