/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_NODE_CSR_H
#define KNARR_NODE_CSR_H
#include "lib/base/err.h"
#include "lib/base/timers.h"
/* One CertificateSigningRequest for a node's client certificate, from a new key to the answer. */
struct csr;
struct client;
/* r 0: both PEM texts, borrowed. -EACCES: denied; -ETIMEDOUT after 90 s. Runs exactly once. */
typedef void csr_fn(void *user, int r, struct str cert_pem, struct str key_pem,
		    const struct err *err);
/* NULL (err filled) when a key cannot be made. */
struct csr *csr_start(struct client *c, struct timers *timers, const char *node_name, csr_fn *done,
		      void *user, struct err *err);
struct csr *csr_cancel(struct csr *c);
/* Key of a certificate's life: when it ends, and when it began (real time). -EINVAL. */
int csr_cert_times(struct str cert_pem, int64_t *ret_from_ns, int64_t *ret_to_ns);
#endif
