/* SPDX-License-Identifier: Apache-2.0 */
/* The authority's rotation: each master is told the same step, one after the other. */
#include "cli/session.h"
#include "lib/base/codec.h"
#include "lib/json/jw.h"
#include "lib/json/yaml.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define PATH "/knarr/v1/ca"
#define MASTERS_MAX 32

struct ca_options {
	struct cli_common common;
	const char *stage;
	bool force;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct ca_options, common),
	{"stage", 0, OPTION_STRING, offsetof(struct ca_options, stage), "NAME",
	 "rotate: prepare, switch, finish or cancel"},
	{"force", 0, OPTION_FLAG, offsetof(struct ca_options, force), NULL,
	 "rotate: although masters or nodes have not followed the step before"},
};
static const struct options_spec spec = {
	"knarrctl ca",
	"status | rotate --stage NAME",
	"Replaces the cluster's authority and the key of its service accounts.",
	rows,
	ARRAY_SIZE(rows),
	"ROTATING THE AUTHORITY in knarr-master(8) says what to do between the stages."};

struct master {
	struct session *s;
	char *url;
	struct buf status;
};
struct masters {
	struct master v[MASTERS_MAX];
	size_t n;
};

static void masters_done(struct masters *m)
{
	for (size_t i = 0; i < m->n; i++) {
		session_close(m->v[i].s);
		free(m->v[i].url);
		buf_done(&m->v[i].status);
	}
}

static int open_one(struct masters *m, const struct cli_common *c, struct str url, struct err *err)
{
	struct master *x = &m->v[m->n];
	int r;

	if (m->n == MASTERS_MAX)
		return err_sys(err, E2BIG, "more than %d masters", MASTERS_MAX);
	*x = (struct master){.url = str_dup(url), .status = BUF_INIT};
	m->n++;
	r = session_open_at(c, x->url, &x->s, err);
	if (r == 0)
		r = session_get(x->s, PATH, &x->status, err);
	if (r < 0)
		err_prefix(err, "%s: ", x->url);
	return r;
}

/* Every master must answer: a step that one of them does not take leaves it behind. */
static int open_masters(struct session *s, const struct cli_common *c, struct masters *m,
			struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = session_get(s, "/knarr/v1/members", &b, err);

	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "members"))
		if (r == 0)
			r = open_one(m, c, jv_text(jv_get(it.value, "url")), err);
	return r < 0 || m->n ? r : err_sys(err, ENOENT, "the cluster names no master");
}

/* What nodes say that trust what they are to trust (agent/node/join.c). */
static int wanted(struct session *s, struct buf *hash, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, text = BUF_INIT, json = BUF_INIT, pem = BUF_INIT;
	uint8_t md[32];
	int r = session_get(s, "/api/v1/namespaces/kube-public/configmaps/cluster-info", &b, err);

	if (r == 0)
		r = yaml_to_json(jv_str(jv_path(jv_of(buf_str(&b)), "data.kubeconfig"), &text),
				 &json, err);
	if (r == 0)
		r = base64_decode(
			jv_text(jv_path(jv_of(buf_str(&json)),
					"clusters[0].cluster.certificate-authority-data")),
			&pem);
	if (r == 0 && EVP_Digest(pem.p, pem.len, md, NULL, EVP_sha256(), NULL) == 1)
		hex_encode(str_n((const char *)md, sizeof(md)), hash);
	return r;
}

/* Prints the nodes that have not followed yet; how many. */
static int nodes_behind(struct session *s, size_t *ret, size_t *ret_all, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT, hash = BUF_INIT;
	int r = wanted(s, &hash, err);

	*ret = *ret_all = 0;
	if (r == 0)
		r = session_get(s, "/api/v1/nodes", &b, err);
	if (r < 0)
		return r;
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items")) {
		struct jv meta = jv_get(it.value, "metadata");
		struct str has = jv_text(jv_get(jv_get(meta, "annotations"), "knarr.io/authority"));

		++*ret_all;
		if (str_eq(has, buf_str(&hash)))
			continue;
		printf("node %.*s has not followed yet\n", STR_ARG(jv_text(jv_get(meta, "name"))));
		++*ret;
	}
	return 0;
}

/* Prints how far everybody is; *ret_behind: how many have to be waited for. */
static int status(struct session *s, const struct masters *m, size_t *ret_behind, struct err *err)
{
	size_t behind = 0, all = 0;
	int r;

	*ret_behind = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct jv v = jv_of(buf_str(&m->v[i].status));
		bool restart = jv_bool(jv_get(v, "restart"), false);
		unsigned n = 0;

		printf("master %.*s: %.*s%s\n", STR_ARG(jv_text(jv_get(v, "master"))),
		       STR_ARG(jv_text(jv_get(v, "stage"))),
		       restart ? ", to be started anew: systemctl restart knarr-master" : "");
		jv_for_each (t, jv_get(v, "trusted"))
			printf("  %s %.*s %.*s\n", n++ ? "trusts" : "signs ",
			       STR_ARG(jv_text(jv_get(t.value, "hash"))),
			       STR_ARG(jv_text(jv_get(t.value, "name"))));
		*ret_behind += restart;
	}
	r = nodes_behind(s, &behind, &all, err);
	if (r == 0)
		printf("nodes: %zu of %zu have followed\n", all - behind, all);
	*ret_behind += behind;
	return r;
}

/* The first one makes the keys, the others get them. */
static int rotate(struct masters *m, const char *stage, struct err *err)
{
	CLEANUP(buf_done) struct buf answer = BUF_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++) {
		CLEANUP(buf_done) struct buf body = BUF_INIT, got = BUF_INIT;
		static const char *const keys[] = {"ca.crt", "ca.key", "sa.key"};
		struct jw w = jw_start(&body);
		struct jv first = jv_of(buf_str(&answer));
		struct session_req req = {.method = "POST", .path = PATH};

		jw_begin_object(&w);
		jw_member_str(&w, "stage", str_of(stage));
		for (size_t k = 0; i && k < ARRAY_SIZE(keys); k++)
			if (jv_exists(jv_get(first, keys[k])))
				jw_member_raw(&w, keys[k], jv_raw(jv_get(first, keys[k])));
		jw_end_object(&w);
		req.body = buf_str(&body);
		r = session_do(m->v[i].s, &req, i ? &got : &answer, err);
		if (r < 0)
			err_prefix(err, "%s: ", m->v[i].url);
		else
			printf("%s: done\n", m->v[i].url);
		OPENSSL_cleanse(body.p, body.len);
		OPENSSL_cleanse(got.p, got.len);
	}
	OPENSSL_cleanse(answer.p, answer.len);
	if (r == 0)
		printf("now start the masters anew, one after the other, then wait until "
		       "\"knarrctl ca status\" shows that all have followed\n");
	return r;
}

static int run(const struct ca_options *o, struct err *err)
{
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP(masters_done) struct masters m = {.n = 0};
	size_t behind = 0;
	int r = session_open(&o->common, &s, err);

	if (r == 0)
		r = open_masters(s, &o->common, &m, err);
	if (r == 0)
		r = status(s, &m, &behind, err);
	if (r < 0 || !o->stage)
		return r;
	/* A step that was taken by some only can be taken again by all. */
	if (behind && !o->force && strcmp(o->stage, "cancel") != 0 &&
	    strcmp(o->stage, "prepare") != 0)
		return err_sys(err, EBUSY,
			       "not all have followed the step before; --force goes on all the "
			       "same, and leaves those behind");
	return rotate(&m, o->stage, err);
}

int cmd_ca(int argc, char **argv, void *user)
{
	struct ca_options o = {0};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);
	bool rotates;

	(void)user;
	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("ca", &err) + 1;
	rotates = n == 1 && !strcmp(args[0], "rotate");
	if (n != 1 || (!rotates && strcmp(args[0], "status") != 0) || rotates != !!o.stage)
		return cli_usage("ca", "status, or rotate --stage NAME?");
	return run(&o, &err) < 0 ? cli_fail("ca", &err) : 0;
}
