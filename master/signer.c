/* SPDX-License-Identifier: Apache-2.0 */
#include "master/signer.h"
#include "lib/base/codec.h"
#include "lib/base/log.h"
#include "lib/client/informer.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "master/auth/user.h"

#define YEAR_S (365 * 86400)
#define SANS_MAX 32

enum who { WHO_NOBODY, WHO_BOOTSTRAPPER, WHO_NODE };

static const struct signer_row {
	const char *name;
	bool server, client, node_subject, approve_bootstrapper, approve_node;
} signers[] = {
	{"kubernetes.io/kube-apiserver-client-kubelet", false, true, true, true, true},
	/* Its names are what the node says they are: never without somebody looking. */
	{"kubernetes.io/kubelet-serving", true, false, true, false, false},
	{"kubernetes.io/kube-apiserver-client", false, true, false, false, false},
};

struct signer {
	struct pki *pki;
	struct client *client;
	struct informers *set;
	uint64_t max_ns;
};

static const struct signer_row *row_of(struct jv csr)
{
	struct jv name = jv_path(csr, "spec.signerName");

	for (size_t i = 0; i < ARRAY_SIZE(signers); i++)
		if (jv_eqs(name, signers[i].name))
			return &signers[i];
	return NULL;
}

static bool has_condition(struct jv csr, const char *type)
{
	jv_for_each (c, jv_path(csr, "status.conditions"))
		if (jv_eqs(jv_get(c.value, "type"), type))
			return true;
	return false;
}

static bool has_group(struct jv csr, const char *group)
{
	jv_for_each (g, jv_path(csr, "spec.groups"))
		if (jv_eqs(g.value, group))
			return true;
	return false;
}

/* May the one who asks have this subject without anybody looking? */
static enum who requester(struct jv csr, const char *cn)
{
	if (has_group(csr, "system:bootstrappers"))
		return WHO_BOOTSTRAPPER;
	if (has_group(csr, "system:nodes") && jv_eqs(jv_path(csr, "spec.username"), cn))
		return WHO_NODE;
	return WHO_NOBODY;
}

static void answered(void *user, const struct err *e, struct str body)
{
	if (e->errnum && e->errnum != ENOENT && e->errnum != EAGAIN)
		log_warn("cannot answer a certificate request: %s", err_text(e));
}

static void patch_conditions(struct signer *s, struct str name, struct jv csr, const char *sub,
			     const char *type, const char *reason, const char *message,
			     struct str certificate)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	char now[TIME_LEN + 1];

	time_format(client_real_ns(s->client), now);
	jw_begin_object(&w);
	jw_key(&w, "status");
	jw_begin_object(&w);
	if (type) {
		jw_key(&w, "conditions");
		jw_begin_array(&w);
		jv_for_each (c, jv_path(csr, "status.conditions"))
			jw_raw(&w, jv_raw(c.value));
		jw_begin_object(&w);
		jw_member_str(&w, "type", str_of(type));
		jw_member_str(&w, "status", STR("True"));
		jw_member_str(&w, "reason", str_of(reason));
		jw_member_str(&w, "message", str_of(message));
		jw_member_str(&w, "lastUpdateTime", str_of(now));
		jw_end_object(&w);
		jw_end_array(&w);
	}
	if (certificate.len) {
		CLEANUP(buf_done) struct buf text = BUF_INIT;

		base64_encode(certificate, &text);
		jw_member_str(&w, "certificate", buf_str(&text));
	}
	jw_end_object(&w);
	jw_end_object(&w);
	client_merge(s->client, &client_csrs, STR_NULL, name, sub, buf_str(&b), answered, s);
}

/* The request's own alternative names, for serving certificates. */
static void collect_sans(X509_REQ *req, char **sans)
{
	STACK_OF(X509_EXTENSION) *exts = X509_REQ_get_extensions(req);
	size_t n = 0;

	cert_request_sans(exts, sans, SANS_MAX, &n);
	sans[n] = NULL;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static void sign(struct signer *s, struct str name, struct jv csr, const struct signer_row *row,
		 struct str pem, X509_REQ *req, const char *cn)
{
	CLEANUP(err_done) struct err e = ERR_INIT;
	CLEANUP(buf_done) struct buf cert = BUF_INIT;
	char *sans[SANS_MAX + 1] = {NULL}, *orgs[9] = {NULL};
	int64_t valid_s = jv_i64(jv_path(csr, "spec.expirationSeconds"), YEAR_S);
	struct cert_spec spec = {.common_name = cn,
				 .organizations = (const char *const *)orgs,
				 .sans = (const char *const *)sans,
				 .server = row->server,
				 .client = row->client,
				 .valid_ns =
					 (uint64_t)MIN(MAX(valid_s, 600), YEAR_S) * NSEC_PER_SEC};

	spec.valid_ns = MIN(spec.valid_ns, s->max_ns);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(orgs); i++)
		if (!(orgs[i] = cert_name_org(X509_REQ_get_subject_name(req), i)))
			break;
	if (row->server)
		collect_sans(req, sans);
	if (pki_sign_request(s->pki, pem, &spec, &cert, &e) < 0)
		patch_conditions(s, name, csr, "status", "Failed", "SignerValidationFailure",
				 err_text(&e), STR_NULL);
	else
		patch_conditions(s, name, csr, "status", NULL, NULL, NULL, buf_str(&cert));
	for (size_t i = 0; orgs[i]; i++)
		free(orgs[i]);
	for (size_t i = 0; sans[i]; i++)
		free(sans[i]);
}

/* CN=system:node:NAME and O=system:nodes, nothing else. */
static bool is_node_subject(X509_REQ *req, const char *cn)
{
	CLEANUP_FREE char *org = cert_name_org(X509_REQ_get_subject_name(req), 0);
	CLEANUP_FREE char *second = cert_name_org(X509_REQ_get_subject_name(req), 1);

	return cn && org && !second && !strcmp(org, "system:nodes") &&
	       str_starts(str_of(cn), STR("system:node:")) && strlen(cn) > strlen("system:node:");
}

/*
 * Who may approve must not become master by it (CertificateSubjectRestriction), nor get the keys of
 * the cluster as one that is to join.
 */
static bool asks_for_masters(X509_REQ *req)
{
	char *org;

	for (size_t i = 0; (org = cert_name_org(X509_REQ_get_subject_name(req), i)); i++) {
		bool yes = !strcmp(org, GROUP_MASTERS) || !strcmp(org, GROUP_PEERS) ||
			   !strcmp(org, GROUP_MASTER_JOINERS);

		free(org);
		if (yes)
			return true;
	}
	return false;
}

static void look(struct signer *s, struct object *o)
{
	struct jv csr = jv_of(o->bytes);
	const struct signer_row *row = row_of(csr);
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	CLEANUP(cert_req_freep) X509_REQ *req = NULL;
	CLEANUP_FREE char *cn = NULL;
	bool approved = has_condition(csr, "Approved");
	enum who who;

	if (!row || has_condition(csr, "Denied") || has_condition(csr, "Failed") ||
	    jv_text(jv_path(csr, "status.certificate")).len)
		return;
	if (base64_decode(jv_text(jv_path(csr, "spec.request")), &pem) == 0)
		req = cert_req_from_pem(buf_str(&pem), NULL);
	cn = req ? cert_name_cn(X509_REQ_get_subject_name(req)) : NULL;
	if (!cn || asks_for_masters(req) || (row->node_subject && !is_node_subject(req, cn)))
		return;
	if (approved) {
		sign(s, o->name, csr, row, buf_str(&pem), req, cn);
		return;
	}
	who = requester(csr, cn);
	if ((who == WHO_BOOTSTRAPPER && row->approve_bootstrapper) ||
	    (who == WHO_NODE && row->approve_node))
		patch_conditions(
			s, o->name, csr, "approval", "Approved", "AutoApproved",
			"Auto approving kubelet client certificate after SubjectAccessReview.",
			STR_NULL);
}

static void added(void *user, struct object *o)
{
	look(user, o);
}

static void updated(void *user, struct object *old, struct object *o)
{
	look(user, o);
}

static const struct informer_handler handler = {.added = added, .updated = updated};

struct signer *signer_start(struct pki *pki, struct transport *t, struct timers *timers,
			    uint64_t max_ns)
{
	struct client_conf conf = {
		.transport = t, .timers = timers, .user_agent = "knarr-master/csr-signer"};
	struct signer *s = NEW(struct signer);

	s->pki = pki;
	s->max_ns = max_ns ? max_ns : YEAR_S * NSEC_PER_SEC;
	s->client = client_new(&conf);
	s->set = informers_new(s->client);
	informer_handle(informers_get(s->set, &client_csrs), &handler, s);
	informers_start(s->set);
	return s;
}

struct signer *signer_stop(struct signer *s)
{
	if (!s)
		return NULL;
	informers_free(s->set);
	client_free(s->client);
	free(s);
	return NULL;
}
