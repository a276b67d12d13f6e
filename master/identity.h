/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_IDENTITY_H
#define KNARR_MASTER_IDENTITY_H
#include "lib/http/tls.h"
#include "master/auth/pki.h"
#include "master/apiserver/apiserver.h"
/*
 * This master's own certificates and the kubeconfig of its administrator: made at the first start,
 * looked at once a day, and replaced in the running servers long before they end. Also the signer
 * of the agents' certificates, where the process leads.
 */
struct identity;

struct identity_conf {
	struct pki *pki; /* borrowed */
	struct timers *timers; /* borrowed */
	const char *config_dir; /* admin.conf is written here */
	const char *bind, *advertise; /* advertise NULL: found by the default route */
	const char *service_cidr, *domain;
	const char *const *sans; /* further names */
	size_t n_sans;
	uint64_t member_id; /* of this master, for the others */
	uint64_t sign_ns; /* how long certificates signed on request are good for; 0: a year */
};
struct peers;

/* The address to be advertised: the given one, the bound one, or that of the default route. */
char *identity_find_address(const char *bind, const char *advertise);
int identity_open(const struct identity_conf *conf, struct identity **ret, struct err *err);
struct identity *identity_free(struct identity *i);
/* Borrowed. */
struct tls_ctx *identity_server_tls(struct identity *i);
struct tls_ctx *identity_kubelet_tls(struct identity *i);
struct tls_ctx *identity_peer_tls(struct identity *i); /* towards other masters' API */
/* Certificate and key with which this master is known to the others; renewed there by itself. */
struct str identity_peer_cert(const struct identity *i);
struct str identity_peer_key(const struct identity *i);
void identity_set_peers(struct identity *i, struct peers *peers);
/* The address that is advertised. */
const char *identity_address(const struct identity *i);
/* Write CONFIG_DIR/admin.conf. */
int identity_write_admin(struct identity *i, uint16_t port, struct err *err);
/* The API of the other masters, for admin.conf, which is written again when they are others. */
void identity_set_servers(struct identity *i, const char *const *urls, size_t n);

/*
 * Approve and sign the certificate requests of agents (signers kubernetes.io/kube-apiserver-client-
 * kubelet and kubernetes.io/kubelet-serving) and sign what somebody approved. Works through the
 * API with the given transport until stopped.
 */
void identity_start_signer(struct identity *i, struct transport *t, struct timers *timers);
void identity_stop_signer(struct identity *i);
#endif
