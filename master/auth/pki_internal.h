/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KNARR_AUTH_PKI_INTERNAL_H
#define KNARR_AUTH_PKI_INTERNAL_H
#include "master/auth/pki.h"

#include <openssl/crypto.h>
/* What pki.c and pki_rotate.c share. */
#define PKI_CA_VALID_NS (3650ull * 86400 * NSEC_PER_SEC)
#define PKI_KEYS_MAX 4

struct pki {
	int dirfd;
	char *dir;
	const struct clock *clock;
	struct cert_pair ca;
	struct buf ca_pem;
	struct buf trust_pem; /* ca_pem, then those that are trusted besides */
	size_t ca_len; /* of ca_pem in it */
	/* Of service accounts: the first one signs, all check; ends with NULL. */
	EVP_PKEY *sa_keys[PKI_KEYS_MAX + 1];
	enum pki_stage stage;
	bool changed; /* the files are not what was read any more */
};

static inline void pki_pem_done(struct buf *b)
{
	OPENSSL_cleanse(b->p, b->len);
	buf_done(b);
}
/* NAME and suffix of a file in the directory. 1: read, 0: not there. */
int pki_read_pem(const struct pki *p, const char *name, const char *suffix, struct buf *out,
		 struct err *err);
int pki_write_pem(const struct pki *p, const char *name, const char *suffix, struct str pem,
		  mode_t mode, struct err *err);
/* Before anything else is read: finish a change that was cut off. */
int pki_rotate_mend(struct pki *p, struct err *err);
/* Behind ca and the first key of service accounts: what there is besides, and the stage. */
int pki_rotate_open(struct pki *p, struct err *err);
#endif
