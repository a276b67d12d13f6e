/* SPDX-License-Identifier: Apache-2.0 */
#include "master/authn_setup.h"
#include "lib/client/kubeconfig.h"
#include "lib/sys/file.h"

#include <fcntl.h>

#define CA_MAX (1u << 20)

static char *text_of(const struct buf *b)
{
	return b->len ? xstrndup(b->p, b->len) : NULL;
}

static int read_ca(const char *file, char **ret, struct err *err)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	int r = file_read(AT_FDCWD, file, CA_MAX, &pem);

	if (r < 0)
		return err_sys(err, -r, "--oidc-ca-file: cannot read %s: %s", file, strerror(-r));
	*ret = text_of(&pem);
	return 0;
}

static int read_webhook(const char *file, struct webhook_target *ret, struct err *err)
{
	struct kubeconfig k;
	int r = kubeconfig_load(file, NULL, &k, err);

	if (r < 0) {
		err_prefix(err, "--authentication-token-webhook-config-file: ");
		return r;
	}
	*ret = (struct webhook_target){.url = xstrdup(k.server),
				       .ca_pem = text_of(&k.ca_pem),
				       .cert_pem = text_of(&k.cert_pem),
				       .key_pem = text_of(&k.key_pem)};
	kubeconfig_done(&k);
	if (!str_starts(str_of(ret->url), STR("https://")))
		return err_sys(err, EINVAL,
			       "--authentication-token-webhook-config-file: %s: the server must be "
			       "an https URL",
			       file);
	return 0;
}

int authn_setup_read(struct authn_options *o, const struct clock *clock, struct authn_setup *ret,
		     const struct authn_remote_conf **ret_remote, struct err *err)
{
	int r = 0;

	*ret = (struct authn_setup){.remote.cache_ns = o->cache_ns};
	*ret_remote = NULL;
	if (o->issuer) {
		ret->oidc = (struct oidc_conf){.issuer = o->issuer,
					       .client_id = o->client_id,
					       .username_claim = o->username_claim,
					       .username_prefix = o->username_prefix,
					       .groups_claim = o->groups_claim,
					       .groups_prefix = o->groups_prefix,
					       .required = option_list_end(&o->required),
					       .clock = clock};
		if (o->ca_file)
			r = read_ca(o->ca_file, &ret->ca_pem, err);
		ret->remote.oidc = &ret->oidc;
		ret->remote.oidc_ca_pem = ret->ca_pem;
	} else if (o->client_id || o->username_claim || o->groups_claim || o->ca_file) {
		r = err_sys(err, EINVAL, "the --oidc options need --oidc-issuer-url");
	}
	if (r == 0 && o->webhook_file) {
		r = read_webhook(o->webhook_file, &ret->webhook, err);
		ret->remote.webhook = &ret->webhook;
	}
	if (r == 0 && (ret->remote.oidc || ret->remote.webhook))
		*ret_remote = &ret->remote;
	if (r < 0)
		authn_setup_done(ret);
	return r;
}

void authn_setup_done(struct authn_setup *c)
{
	webhook_target_done(&c->webhook);
	free(TAKE(c->ca_pem));
}
