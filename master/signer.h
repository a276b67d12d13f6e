/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_MASTER_SIGNER_H
#define KNARR_MASTER_SIGNER_H
#include "lib/base/timers.h"
#include "lib/client/transport.h"
#include "master/auth/pki.h"
/*
 * Approves and signs CertificateSigningRequests (certificates.k8s.io/v1), as the CSR controllers
 * of Kubernetes do:
 *
 *	kubernetes.io/kube-apiserver-client-kubelet	an agent's client certificate; approved for
 *			bootstrappers (any node) and for a node itself
 *	kubernetes.io/kubelet-serving			an agent's serving certificate; approved for
 *			the node itself
 *	kubernetes.io/kube-apiserver-client		a user's; only signed, a person approves it
 *
 * The one part outside the API server's core that holds the authority's key.
 */
struct signer;
/* Certificates are good for `max_ns` at most (0: a year). */
struct signer *signer_start(struct pki *pki, struct transport *t, struct timers *timers,
			    uint64_t max_ns);
struct signer *signer_stop(struct signer *s); /* NULL is fine; returns NULL */
#endif
