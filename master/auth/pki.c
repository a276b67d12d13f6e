/* SPDX-License-Identifier: Apache-2.0 */
#include "master/auth/pki_internal.h"
#include "lib/base/codec.h"
#include "lib/sys/file.h"

#define PEM_MAX (64 * 1024)

struct pki *pki_free(struct pki *p)
{
	if (!p)
		return NULL;
	if (p->dirfd >= 0)
		close(p->dirfd);
	free(p->dir);
	cert_pair_done(&p->ca);
	buf_done(&p->ca_pem);
	buf_done(&p->trust_pem);
	for (size_t i = 0; p->sa_keys[i]; i++)
		EVP_PKEY_free(p->sa_keys[i]);
	free(p);
	return NULL;
}

int pki_read_pem(const struct pki *p, const char *name, const char *suffix, struct buf *out,
		 struct err *err)
{
	CLEANUP_FREE char *file = xasprintf("%s%s", name, suffix);
	int r = file_read(p->dirfd, file, PEM_MAX, out);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "cannot read %s/%s: %s", p->dir, file, strerror(-r));
	return 1;
}

int pki_write_pem(const struct pki *p, const char *name, const char *suffix, struct str pem,
		  mode_t mode, struct err *err)
{
	CLEANUP_FREE char *file = xasprintf("%s%s", name, suffix);
	int r = file_write_atomic(p->dirfd, file, pem, mode);

	if (r < 0)
		return err_sys(err, -r, "cannot write %s/%s: %s", p->dir, file, strerror(-r));
	return 0;
}

/* The private key NAME.key, made and written (with NAME.pub if asked) when it is not there. */
static int ensure_key(const struct pki *p, const char *name, bool public_too, EVP_PKEY **ret,
		      struct err *err)
{
	CLEANUP(pki_pem_done) struct buf pem = BUF_INIT;
	CLEANUP(pki_pem_done) struct buf pub = BUF_INIT;
	CLEANUP(cert_pkey_freep) EVP_PKEY *key = NULL;
	int r = pki_read_pem(p, name, ".key", &pem, err);

	if (r < 0)
		return r;
	key = r ? cert_key_from_pem(buf_str(&pem), err) : cert_key_new(err);
	if (!key) {
		err_prefix(err, "%s/%s.key: ", p->dir, name);
		return -EINVAL;
	}
	if (!r) {
		if (public_too) {
			cert_public_to_pem(key, &pub);
			r = pki_write_pem(p, name, ".pub", buf_str(&pub), 0644, err);
			if (r < 0)
				return r;
		}
		cert_key_to_pem(key, &pem);
		r = pki_write_pem(p, name, ".key", buf_str(&pem), 0600, err);
		if (r < 0)
			return r;
	}
	*ret = TAKE(key);
	return 0;
}

static int make_ca(struct pki *p, struct err *err)
{
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	/* One that is renewed keeps its name: what it signed has it. */
	CLEANUP_FREE char *name =
		p->ca.cert ? cert_name_cn(X509_get_subject_name(p->ca.cert)) : NULL;
	CLEANUP(cert_x509_freep)
	X509 *x = cert_ca_new(p->ca.key, name ? name : "knarr-ca", p->clock, PKI_CA_VALID_NS, err);
	int r;

	if (!x)
		return -EINVAL;
	cert_to_pem(x, &pem);
	r = pki_write_pem(p, "ca", ".crt", buf_str(&pem), 0644, err);
	if (r < 0)
		return r;
	X509_free(p->ca.cert);
	p->ca.cert = TAKE(x);
	buf_done(&p->ca_pem);
	if (p->trust_pem.len) {
		CLEANUP(buf_done) struct buf rest = BUF_INIT;

		buf_addstr(&rest, str_skip(buf_str(&p->trust_pem), p->ca_len));
		buf_clear(&p->trust_pem);
		buf_addstr(&p->trust_pem, buf_str(&pem));
		buf_addstr(&p->trust_pem, buf_str(&rest));
		p->ca_len = pem.len;
	}
	p->ca_pem = pem;
	pem = BUF_INIT;
	return 1;
}

static int open_ca(struct pki *p, struct err *err)
{
	int r = ensure_key(p, "ca", false, &p->ca.key, err);

	if (r < 0)
		return r;
	r = pki_read_pem(p, "ca", ".crt", &p->ca_pem, err);
	if (r < 0)
		return r;
	if (!r)
		return make_ca(p, err);
	p->ca.cert = cert_from_pem(buf_str(&p->ca_pem), err);
	if (!p->ca.cert) {
		err_prefix(err, "%s/ca.crt: ", p->dir);
		return -EINVAL;
	}
	if (X509_check_private_key(p->ca.cert, p->ca.key) != 1) {
		cert_err(NULL, "");
		return err_sys(err, EINVAL, "%s/ca.key is not the key of %s/ca.crt", p->dir,
			       p->dir);
	}
	return pki_renew_ca(p, err);
}

int pki_renew_ca(struct pki *p, struct err *err)
{
	return cert_wants_renewal(p->ca.cert, p->clock) ? make_ca(p, err) : 0;
}

int pki_open(const char *dir, const struct clock *clock, struct pki **ret, struct err *err)
{
	CLEANUP(pki_freep) struct pki *p = NEW(struct pki);
	int r;

	p->dirfd = -1;
	p->dir = xstrdup(dir);
	p->clock = clock;
	p->ca_pem = p->trust_pem = BUF_INIT;
	r = dir_make(dir, 0700);
	if (r < 0)
		return err_sys(err, -r, "cannot make %s: %s", dir, strerror(-r));
	p->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd < 0)
		return err_sys(err, errno, "cannot open %s: %s", dir, strerror(errno));
	r = pki_rotate_mend(p, err);
	if (r >= 0)
		r = open_ca(p, err);
	if (r >= 0)
		r = ensure_key(p, "sa", true, &p->sa_keys[0], err);
	if (r >= 0)
		r = pki_rotate_open(p, err);
	if (r < 0)
		return r;
	*ret = TAKE(p);
	return 0;
}

struct str pki_ca_pem(const struct pki *p)
{
	return buf_str(&p->ca_pem);
}

struct str pki_trust_pem(const struct pki *p)
{
	return buf_str(&p->trust_pem);
}

EVP_PKEY *const *pki_sa_keys(const struct pki *p)
{
	return p->sa_keys;
}

const struct cert_pair *pki_ca(const struct pki *p)
{
	return &p->ca;
}

EVP_PKEY *pki_sa_key(const struct pki *p)
{
	return p->sa_keys[0];
}

void pki_ca_hash(const struct pki *p, struct buf *out)
{
	cert_spki_hash(p->ca.cert, out);
}

/* Does what is on disk still serve? Anything unreadable is simply made anew. */
static bool still_good(const struct pki *p, const struct cert_spec *spec, struct str cert_pem,
		       struct str key_pem)
{
	CLEANUP(cert_x509_freep) X509 *x = cert_from_pem(cert_pem, NULL);
	CLEANUP(cert_pkey_freep) EVP_PKEY *key = cert_key_from_pem(key_pem, NULL);
	CLEANUP_FREE char *cn = x ? cert_name_cn(X509_get_subject_name(x)) : NULL;
	bool good = x && key && X509_check_private_key(x, key) == 1 &&
		    X509_verify(x, p->ca.key) == 1 && !cert_wants_renewal(x, p->clock) &&
		    cert_has_sans(x, spec->sans) && str_eq(str_of(cn), str_of(spec->common_name));

	cert_err(NULL, "");
	return good;
}

int pki_ensure(struct pki *p, const char *name, const struct cert_spec *spec, struct buf *cert_pem,
	       struct buf *key_pem, struct err *err)
{
	CLEANUP(cert_x509_freep) X509 *x = NULL;
	CLEANUP(cert_pkey_freep) EVP_PKEY *key = NULL;
	int r, k;

	buf_clear(cert_pem);
	buf_clear(key_pem);
	r = pki_read_pem(p, name, ".crt", cert_pem, err);
	k = r < 0 ? r : pki_read_pem(p, name, ".key", key_pem, err);
	if (k < 0)
		return k;
	if (r && k && still_good(p, spec, buf_str(cert_pem), buf_str(key_pem)))
		return 0;
	key = cert_key_new(err);
	x = key ? cert_issue(&p->ca, key, spec, p->clock, err) : NULL;
	if (!x)
		return -EINVAL;
	buf_clear(cert_pem);
	buf_clear(key_pem);
	cert_to_pem(x, cert_pem);
	cert_key_to_pem(key, key_pem);
	r = pki_write_pem(p, name, ".key", buf_str(key_pem), 0600, err);
	if (r == 0)
		r = pki_write_pem(p, name, ".crt", buf_str(cert_pem), 0644, err);
	return r < 0 ? r : 1;
}

int pki_sign_request(struct pki *p, struct str csr_pem, const struct cert_spec *spec,
		     struct buf *cert_pem, struct err *err)
{
	CLEANUP(cert_req_freep) X509_REQ *req = cert_req_from_pem(csr_pem, err);
	CLEANUP(cert_x509_freep) X509 *x = NULL;

	if (!req)
		return -EINVAL;
	x = cert_issue(&p->ca, X509_REQ_get0_pubkey(req), spec, p->clock, err);
	if (!x)
		return -EINVAL;
	cert_to_pem(x, cert_pem);
	return 0;
}

static void add_base64(struct buf *out, const char *key, struct str pem)
{
	buf_addf(out, "    %s: ", key);
	base64_encode(pem, out);
	buf_addc(out, '\n');
}

int pki_write_kubeconfig(const struct pki *p, const char *path, const char *server,
			 const char *const *more, const char *name, struct str cert_pem,
			 struct str key_pem, struct err *err)
{
	CLEANUP(pki_pem_done) struct buf b = BUF_INIT;
	int r;

	buf_adds(&b, "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n");
	add_base64(&b, "certificate-authority-data", buf_str(&p->trust_pem));
	if (more && *more)
		buf_adds(&b, "    knarr-servers:\n");
	for (; more && *more; more++)
		buf_addf(&b, "    - %s\n", *more);
	buf_addf(&b, "    server: %s\n  name: knarr\n", server);
	buf_addf(&b, "contexts:\n- context:\n    cluster: knarr\n    user: %s\n  name: %s@knarr\n",
		 name, name);
	buf_addf(&b, "current-context: %s@knarr\npreferences: {}\nusers:\n- name: %s\n  user:\n",
		 name, name);
	add_base64(&b, "client-certificate-data", cert_pem);
	add_base64(&b, "client-key-data", key_pem);
	r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	if (r < 0)
		return err_sys(err, -r, "cannot write %s: %s", path, strerror(-r));
	return 0;
}
