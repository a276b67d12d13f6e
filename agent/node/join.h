/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_JOIN_H
#define KNARR_JOIN_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/*
 * Joining a cluster with a bootstrap token, as `kubeadm join` does: read the authority from
 * kube-public/cluster-info and compare it with the hash, send a CertificateSigningRequest (signer
 * kubernetes.io/kube-apiserver-client-kubelet, O=system:nodes, CN=system:node:NAME), wait for the
 * certificate, and write a kubeconfig file (0600) that holds all of it.
 */
struct uv_loop_s;
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
#endif
