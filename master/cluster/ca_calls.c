/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/json/json_scan.h"
#include "lib/json/jw.h"
#include "master/cluster/members_internal.h"

#include <openssl/pem.h>

/*
 * /knarr/v1/ca of each master for itself: at which step of a rotation of the authority it is
 * (auth/pki.h), and the next step. The keys of what was prepared go back to the administrator who
 * asked, for the other masters: he may as well have one more master join and get them all.
 */

static void write_trusted(struct jw *w, struct str pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
	X509 *x;

	jw_key(w, "trusted");
	jw_begin_array(w);
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		CLEANUP_FREE char *cn = cert_name_cn(X509_get_subject_name(x));
		CLEANUP(buf_done) struct buf hash = BUF_INIT;

		cert_spki_hash(x, &hash);
		jw_begin_object(w);
		jw_member_str(w, "name", cn ? str_of(cn) : STR(""));
		jw_member_str(w, "hash", buf_str(&hash));
		jw_end_object(w);
		X509_free(x);
	}
	cert_err(NULL, "");
	BIO_free(bio);
	jw_end_array(w);
}

static void write_status(const struct members *m, const struct pki_next *next, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "kind", STR("Authority"));
	jw_member_str(&w, "master", str_of(m->conf.name));
	jw_member_str(&w, "stage", str_of(pki_stage_name(pki_stage(m->conf.pki))));
	jw_member_bool(&w, "restart", pki_changed(m->conf.pki));
	write_trusted(&w, pki_trust_pem(m->conf.pki));
	if (next && next->ca_cert.len) {
		jw_member_str(&w, "ca.crt", buf_str(&next->ca_cert));
		jw_member_str(&w, "ca.key", buf_str(&next->ca_key));
		jw_member_str(&w, "sa.key", buf_str(&next->sa_key));
	}
	jw_end_object(&w);
}

static void read_pem(struct jv v, const char *name, struct buf *out)
{
	CLEANUP_FREE char *pem = jv_strdup(jv_get(v, name));

	if (pem)
		buf_adds(out, pem);
}

static int take_step(struct members *m, struct jv v, struct pki_next *next, struct err *e)
{
	struct jv stage = jv_get(v, "stage");

	read_pem(v, "ca.crt", &next->ca_cert);
	read_pem(v, "ca.key", &next->ca_key);
	read_pem(v, "sa.key", &next->sa_key);
	if (jv_eqs(stage, "prepare"))
		return pki_prepare(m->conf.pki, next, e);
	buf_clear(&next->ca_cert);
	if (jv_eqs(stage, "switch"))
		return pki_switch(m->conf.pki, e);
	if (jv_eqs(stage, "finish"))
		return pki_finish(m->conf.pki, e);
	if (jv_eqs(stage, "cancel"))
		return pki_cancel(m->conf.pki, e);
	return err_sys(e, EINVAL, "stage: none of prepare, switch, finish, cancel");
}

void members_call_ca(struct members *m, const struct members_req *req,
		     const struct members_reply *re)
{
	CLEANUP(pki_next_done) struct pki_next next = {BUF_INIT, BUF_INIT, BUF_INIT};
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = 0;

	if (!str_eqs(req->method, "GET")) {
		if (json_scan(req->body, NULL, &e) < 0)
			r = -EINVAL;
		else
			r = take_step(m, jv_of(req->body), &next, &e);
	}
	if (r < 0) {
		e.http_code = 409;
		re->fail(re->user, &e);
		return;
	}
	write_status(m, &next, &b);
	re->answer(re->user, 200, &b);
}
