/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_AUTHZ_SETUP_H
#define KNARR_MASTER_AUTHZ_SETUP_H
#include "master/apiserver/authz_remote.h"
/* The options about who may do what, made into what the API server takes. */
struct authz_options {
	const char *config_file; /* an AuthorizationConfiguration; NULL: none */
	const char *webhook_file; /* a kubeconfig; asked after the node rules and the roles */
	const char *version; /* of the questions: v1 */
	uint64_t allowed_ns, denied_ns; /* for how long answers are kept; 0: 5 min, 30 s */
};
/*
 * Reads the files. ret->n_steps stays 0 when no option asks for anything; authz_remote_conf_done
 * ends it. Errors name the option, the file and the field.
 */
int authz_setup_read(const struct authz_options *o, struct authz_remote_conf *ret, struct err *err);
#endif
