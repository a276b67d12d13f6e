/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/codec.h"
#include "lib/sys/file.h"
#include "master/auth/pki_internal.h"

#define RESTART "this master has to be started anew first, to work by what was changed last"

void pki_next_done(struct pki_next *n)
{
	pki_pem_done(&n->ca_key);
	pki_pem_done(&n->sa_key);
	buf_done(&n->ca_cert);
}

enum pki_stage pki_stage(const struct pki *p)
{
	return p->stage;
}

const char *pki_stage_name(enum pki_stage s)
{
	return s == PKI_PREPARED ? "prepared" : s == PKI_SWITCHED ? "switched" : "steady";
}

bool pki_changed(const struct pki *p)
{
	return p->changed;
}

/* ---- files ---- */

static bool has(const struct pki *p, const char *file)
{
	return faccessat(p->dirfd, file, F_OK, 0) == 0;
}

static int sync_dir(const struct pki *p, struct err *err)
{
	return fsync(p->dirfd) == 0
		       ? 0
		       : err_sys(err, errno, "cannot sync %s: %s", p->dir, strerror(errno));
}

static int remove_files(const struct pki *p, const char *const *files, struct err *err)
{
	for (; *files; files++)
		if (unlinkat(p->dirfd, *files, 0) < 0 && errno != ENOENT)
			return err_sys(err, errno, "cannot remove %s/%s: %s", p->dir, *files,
				       strerror(errno));
	return sync_dir(p, err);
}

static int rename_file(const struct pki *p, const char *from, const char *to, struct err *err)
{
	if (renameat(p->dirfd, from, p->dirfd, to) < 0)
		return err_sys(err, errno, "cannot rename %s/%s: %s", p->dir, from,
			       strerror(errno));
	return 0;
}

/* ---- opening ---- */

static const struct {
	const char *from, *to;
} switched[] = {
	{"ca-next.key", "ca.key"},
	{"sa-next.key", "sa.key"},
	{"sa-next.pub", "sa.pub"},
	{"ca-next.crt", "ca.crt"}, /* last: as long as it is there, there is something to do */
};

static int do_switch(const struct pki *p, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(switched); i++)
		if (has(p, switched[i].from))
			r = rename_file(p, switched[i].from, switched[i].to, err);
	return r < 0 ? r : sync_dir(p, err);
}

int pki_rotate_mend(struct pki *p, struct err *err)
{
	if (has(p, "ca-next.crt") && has(p, "ca-old.crt"))
		return do_switch(p, err);
	return 0;
}

static int add_trusted(struct pki *p, const char *name, struct err *err)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	int r = pki_read_pem(p, name, ".crt", &pem, err);

	if (r > 0)
		buf_addstr(&p->trust_pem, buf_str(&pem));
	return r;
}

static int add_sa_key(struct pki *p, const char *name, struct err *err)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	int r = pki_read_pem(p, name, ".pub", &pem, err);
	EVP_PKEY *key;
	size_t n = 0;

	if (r <= 0)
		return r;
	key = cert_public_from_pem(buf_str(&pem), err);
	if (!key) {
		err_prefix(err, "%s/%s.pub: ", p->dir, name);
		return -EINVAL;
	}
	while (p->sa_keys[n])
		n++;
	p->sa_keys[n] = key;
	return 1;
}

int pki_rotate_open(struct pki *p, struct err *err)
{
	int next, old, r;

	p->ca_len = p->ca_pem.len;
	buf_addstr(&p->trust_pem, buf_str(&p->ca_pem));
	next = add_trusted(p, "ca-next", err);
	old = next < 0 ? next : add_trusted(p, "ca-old", err);
	if (old < 0)
		return old;
	p->stage = next ? PKI_PREPARED : old ? PKI_SWITCHED : PKI_STEADY;
	r = next ? add_sa_key(p, "sa-next", err) : 0;
	return r >= 0 && old ? add_sa_key(p, "sa-old", err) : r;
}

/* ---- the steps ---- */

static int make_next(const struct pki *p, struct pki_next *n, struct err *err)
{
	CLEANUP(cert_pkey_freep) EVP_PKEY *ca = cert_key_new(err);
	CLEANUP(cert_pkey_freep) EVP_PKEY *sa = ca ? cert_key_new(err) : NULL;
	CLEANUP(cert_x509_freep) X509 *x = NULL;
	char name[32];

	/* Another name than the old one's, so that nobody takes one for the other. */
	snprintf(name, sizeof(name), "knarr-ca-%08x", (unsigned)rng_u64(&rng_system));
	x = sa ? cert_ca_new(ca, name, p->clock, PKI_CA_VALID_NS, err) : NULL;
	if (!x)
		return -EINVAL;
	cert_key_to_pem(ca, &n->ca_key);
	cert_key_to_pem(sa, &n->sa_key);
	cert_to_pem(x, &n->ca_cert);
	return 0;
}

static int check_next(const struct pki_next *n, struct buf *ret_pub, struct err *err)
{
	CLEANUP(cert_pkey_freep) EVP_PKEY *ca = cert_key_from_pem(buf_str(&n->ca_key), err);
	CLEANUP(cert_pkey_freep)
	EVP_PKEY *sa = ca ? cert_key_from_pem(buf_str(&n->sa_key), err) : NULL;
	CLEANUP(cert_x509_freep) X509 *x = sa ? cert_from_pem(buf_str(&n->ca_cert), err) : NULL;
	bool fits = x && X509_check_private_key(x, ca) == 1;

	cert_err(NULL, "");
	if (!x)
		return -EINVAL;
	if (!fits)
		return err_sys(err, EINVAL,
			       "the next authority's key is not that of its certificate");
	cert_public_to_pem(sa, ret_pub);
	return 0;
}

static int read_next(const struct pki *p, struct pki_next *ret, struct err *err)
{
	int r = pki_read_pem(p, "ca-next", ".crt", &ret->ca_cert, err);

	if (r > 0)
		r = pki_read_pem(p, "ca-next", ".key", &ret->ca_key, err);
	return r > 0 ? pki_read_pem(p, "sa-next", ".key", &ret->sa_key, err) : r;
}

static int again(const struct pki *p, struct pki_next *io, struct err *err)
{
	CLEANUP(pki_next_done) struct pki_next have = {BUF_INIT, BUF_INIT, BUF_INIT};
	int r = read_next(p, &have, err);

	if (r < 0)
		return r;
	if (io->ca_cert.len && !str_eq(buf_str(&io->ca_cert), buf_str(&have.ca_cert)))
		return err_sys(err, EEXIST,
			       "another authority is prepared here already: cancel that first");
	if (!io->ca_cert.len) {
		buf_addstr(&io->ca_cert, buf_str(&have.ca_cert));
		buf_addstr(&io->ca_key, buf_str(&have.ca_key));
		buf_addstr(&io->sa_key, buf_str(&have.sa_key));
	}
	return 0;
}

int pki_prepare(struct pki *p, struct pki_next *io, struct err *err)
{
	CLEANUP(buf_done) struct buf pub = BUF_INIT;
	int r = 0;

	if (has(p, "ca-next.crt"))
		return again(p, io, err);
	if (p->changed)
		return err_sys(err, EBUSY, RESTART);
	if (p->stage != PKI_STEADY)
		return err_sys(err, EINVAL, "a rotation is under way (%s): finish it first",
			       pki_stage_name(p->stage));
	if (!io->ca_cert.len)
		r = make_next(p, io, err);
	if (r == 0)
		r = check_next(io, &pub, err);
	if (r == 0)
		r = pki_write_pem(p, "sa-next", ".key", buf_str(&io->sa_key), 0600, err);
	if (r == 0)
		r = pki_write_pem(p, "sa-next", ".pub", buf_str(&pub), 0644, err);
	if (r == 0)
		r = pki_write_pem(p, "ca-next", ".key", buf_str(&io->ca_key), 0600, err);
	if (r == 0)
		r = pki_write_pem(p, "ca-next", ".crt", buf_str(&io->ca_cert), 0644, err);
	if (r == 0)
		p->changed = true;
	return r;
}

int pki_cancel(struct pki *p, struct err *err)
{
	static const char *const files[] = {"ca-next.crt", "ca-next.key", "sa-next.pub",
					    "sa-next.key", NULL};

	if (!has(p, "ca-next.crt") || has(p, "ca-old.crt"))
		return err_sys(err, EINVAL, "nothing is prepared that could be cancelled");
	p->changed = true;
	return remove_files(p, files, err);
}

/* A master that is told at every start to have joined an authority of this hash has not changed. */
static int remember_former(const struct pki *p, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, hash = BUF_INIT;
	int r = pki_read_pem(p, "ca-former", ".txt", &b, err);

	cert_spki_hash(p->ca.cert, &hash);
	if (r < 0 || memmem(b.p, b.len, hash.p, hash.len))
		return MIN(r, 0);
	buf_addf(&b, "%s\n", hash.p);
	return pki_write_pem(p, "ca-former", ".txt", buf_str(&b), 0644, err);
}

int pki_switch(struct pki *p, struct err *err)
{
	CLEANUP(buf_done) struct buf sa = BUF_INIT;
	int r;

	if (p->stage == PKI_PREPARED && has(p, "ca-old.crt"))
		return do_switch(p, err); /* asked once more */
	if (p->changed)
		return err_sys(err, EBUSY, RESTART);
	if (p->stage != PKI_PREPARED)
		return err_sys(err, EINVAL, "no other authority is prepared (the stage is %s)",
			       pki_stage_name(p->stage));
	cert_public_to_pem(p->sa_keys[0], &sa);
	r = remember_former(p, err);
	if (r == 0)
		r = pki_write_pem(p, "sa-old", ".pub", buf_str(&sa), 0644, err);
	/* From here on it is done, by the next start at the latest. */
	if (r == 0)
		r = pki_write_pem(p, "ca-old", ".crt", buf_str(&p->ca_pem), 0644, err);
	if (r == 0) {
		p->changed = true;
		r = do_switch(p, err);
	}
	return r;
}

int pki_finish(struct pki *p, struct err *err)
{
	static const char *const files[] = {"sa-old.pub", "ca-old.crt", NULL};

	if (p->stage == PKI_SWITCHED && !has(p, "ca-old.crt"))
		return 0; /* asked once more */
	if (p->changed)
		return err_sys(err, EBUSY, RESTART);
	if (p->stage != PKI_SWITCHED)
		return err_sys(err, EINVAL, "there is no old authority (the stage is %s)",
			       pki_stage_name(p->stage));
	p->changed = true;
	return remove_files(p, files, err);
}
