/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JOIN_H
#define KNARR_JOIN_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * The agent's own certificate.
 *
 * Joining with a bootstrap token (kubernetes.io/docs/reference/access-authn-authz/
 * kubelet-tls-bootstrapping): the authority is the self-signed certificate of the chain which the
 * master shows, if its public key has the expected hash. Then, as `system:bootstrappers`, send a
 * CertificateSigningRequest (signer kubernetes.io/kube-apiserver-client-kubelet, O=system:nodes,
 * CN=system:node:NAME), wait for the certificate, and write a kubeconfig file (0600) with all of
 * it.
 *
 * Renewal: the same request with the present certificate, when about four fifths of its life are
 * over.
 */
struct uv_loop_s;
struct client;
struct kubeconfig;

struct join_conf {
	const char *server; /* "https://10.0.0.1:6443" */
	const char *token; /* "abcdef.0123456789abcdef" */
	const char
		*ca_hash; /* "sha256:<hex of the SPKI>"; NULL: trust what answers, with a warning */
	const char *node_name, *kubeconfig;
	struct uv_loop_s *loop;
	struct timers *timers; /* driven by the loop */
};
/* Runs the loop until it is done or 2 minutes have passed. */
int join_cluster(const struct join_conf *conf, struct err *err);

struct renewer;
struct renewer_conf {
	struct client *client;
	struct timers *timers;
	const struct kubeconfig *kc; /* what is in use; borrowed */
	const char *node_name, *path; /* of the kubeconfig file, which is replaced */
	void (*renewed)(void *user); /* the file holds a new certificate: begin to use it */
	void *user;
};
/* NULL when the kubeconfig holds no node's certificate (an administrator's is not ours to renew).
 */
struct renewer *renewer_start(const struct renewer_conf *conf);
struct renewer *renewer_stop(struct renewer *r);
#endif
