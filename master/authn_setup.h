/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_AUTHN_SETUP_H
#define KNARR_MASTER_AUTHN_SETUP_H
#include "lib/sys/options.h"
#include "master/apiserver/authn_remote.h"
/* The options about tokens that others judge, made into what the API server takes. */
struct authn_options {
	const char *issuer, *client_id, *username_claim, *username_prefix, *groups_claim,
		*groups_prefix, *ca_file; /* --oidc-*; issuer NULL: none */
	struct option_list required;
	const char *webhook_file; /* a kubeconfig; NULL: none */
	uint64_t cache_ns;
};
struct authn_setup {
	struct authn_remote_conf remote;
	struct oidc_conf oidc;
	struct webhook_target webhook;
	char *ca_pem;
};
/*
 * Reads the files. *ret_remote is NULL when no option asks for anything, else points into ret,
 * which authn_setup_done ends. Errors name the option or the file.
 */
int authn_setup_read(struct authn_options *o, const struct clock *clock, struct authn_setup *ret,
		     const struct authn_remote_conf **ret_remote, struct err *err);
void authn_setup_done(struct authn_setup *c);
#endif
