/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_PKI_H
#define KNARR_AUTH_PKI_H
#include "master/auth/cert.h"
/*
 * The cluster's certificate authority and everything signed by it, kept as files in one directory
 * (0700) under the names kubeadm gives them:
 *
 *	ca.crt ca.key			the authority: serving, client and kubelet certificates
 *	sa.pub sa.key			signs service-account tokens (ES256)
 *	apiserver.crt .key		this master's serving certificate
 *	apiserver-kubelet-client.*	with which the master calls the agents' node API
 *	admin.*				the first administrator: O=system:masters
 *
 * pki_open makes what is missing. A certificate is replaced when less than a third of its life is
 * left or its names have changed, the authority too (keeping its key, so that what it has signed
 * stays good). An administrator's own ca.crt/ca.key in the directory are used as they are.
 *
 * Everything blocks for a few file writes and belongs to start-up and to a daily timer.
 */
struct pki;

/* `clock` is borrowed for the life of the pki. Fails with a message naming the file. */
int pki_open(const char *dir, const struct clock *clock, struct pki **ret, struct err *err);
struct pki *pki_free(struct pki *p);

/* The authority's certificate. Borrowed; changes only in pki_renew. */
struct str pki_ca_pem(const struct pki *p);
const struct cert_pair *pki_ca(const struct pki *p);
/* The key that signs service-account tokens. Borrowed. */
EVP_PKEY *pki_sa_key(const struct pki *p);
/* The authority, then those that are trusted besides while it is being rotated. Borrowed. */
struct str pki_trust_pem(const struct pki *p);
/* The keys that service-account tokens are checked by: pki_sa_key, then others; ends with NULL. */
EVP_PKEY *const *pki_sa_keys(const struct pki *p);
/* "sha256:<hex>" for `knarr-agent --join ... --ca-hash`. */
void pki_ca_hash(const struct pki *p, struct buf *out);

/*
 * The certificate and key kept as NAME.crt and NAME.key: read if they are there, fit the spec and
 * are far from their end; made otherwise. Returns 1 when new ones were made, 0 when not. Both
 * buffers are cleared, then filled with PEM.
 */
int pki_ensure(struct pki *p, const char *name, const struct cert_spec *spec, struct buf *cert_pem,
	       struct buf *key_pem, struct err *err);

/* Replace the authority's certificate when it is due; 1 when it was. */
int pki_renew_ca(struct pki *p, struct err *err);

/*
 * Sign a PKCS#10 request: subject and alternative names as the caller has approved them in `spec`,
 * the key from the request. Appends PEM.
 */
int pki_sign_request(struct pki *p, struct str csr_pem, const struct cert_spec *spec,
		     struct buf *cert_pem, struct err *err);

/*
 * Write a kubeconfig (mode 0600) for `server` ("https://127.0.0.1:6443") with the authority and
 * the given client pair inside, context "NAME@knarr". `more` (ends with NULL, may be NULL): the
 * other masters, which Knarr's own programs turn to when that one is away ("knarr-servers").
 */
int pki_write_kubeconfig(const struct pki *p, const char *path, const char *server,
			 const char *const *more, const char *name, struct str cert_pem,
			 struct str key_pem, struct err *err);
/*
 * Rotation of the authority and of the service accounts' key, in steps that each master takes and
 *is started anew after. In the directory, and in the names of what is trusted:
 *
 *	steady		ca, sa
 *	prepared	and ca-next, sa-next: trusted, but they sign nothing yet
 *	switched	ca, sa are those that were next; ca-old.crt, sa-old.pub are still trusted,
 *			their keys are gone; ca-former.txt has the hashes of all that were replaced
 *
 * The functions change files alone: what the process does changes with its next start. -EBUSY: it
 * has to be started first; -EINVAL: not in this stage. A crash in between does no harm.
 */
enum pki_stage { PKI_STEADY, PKI_PREPARED, PKI_SWITCHED };
enum pki_stage pki_stage(const struct pki *p); /* as the process works; see pki_changed */
const char *pki_stage_name(enum pki_stage s);
bool pki_changed(const struct pki *p); /* the files are in another one already */
/* PEM of the next authority; empty buffers are filled, others are those of another master's. */
struct pki_next {
	struct buf ca_key, ca_cert, sa_key;
};
void pki_next_done(struct pki_next *n);
/* Again with the same does nothing; with empty buffers it fills in what there is. */
int pki_prepare(struct pki *p, struct pki_next *io, struct err *err);
int pki_cancel(struct pki *p, struct err *err); /* what was prepared, before the switch */
int pki_switch(struct pki *p, struct err *err);
int pki_finish(struct pki *p, struct err *err);
DEFINE_CLEANUP(struct pki *, pki_freep, pki_free)
#endif
