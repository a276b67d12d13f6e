/* SPDX-License-Identifier: Apache-2.0 */
#include "master/cluster/join.h"
#include "lib/client/authority.h"
#include "lib/client/client.h"
#include "lib/http/client.h"
#include "lib/json/json_scan.h"
#include "lib/json/jv.h"
#include "lib/json/jw.h"
#include "lib/sys/file.h"
#include "master/auth/cert.h"

#include <uv.h>

#define FILE_NAME "master.json"
#define FILE_MAX 65536u
#define PATIENCE_NS (30 * NSEC_PER_SEC)
#define RETRY_US 300000
#define ANSWER_MAX (1u << 20)

/* ---- the file ---- */

void member_file_done(struct member_file *f)
{
	free(f->name);
	free(f->service_cidr);
	free(f->cluster_cidr);
	free(f->domain);
	free(f->node_ports);
	free(f->peers);
	*f = (struct member_file){0};
}

static uint64_t parse_id(struct jv v)
{
	CLEANUP_FREE char *text = jv_strdup(v);
	char *end;
	uint64_t id;

	if (!text || !*text)
		return 0;
	id = strtoull(text, &end, 16);
	return *end ? 0 : id;
}

static void from_json(struct jv v, struct member_file *f)
{
	*f = (struct member_file){.id = parse_id(jv_get(v, "id")),
				  .cluster = parse_id(jv_get(v, "cluster")),
				  .name = jv_strdup(jv_get(v, "name")),
				  .joined = jv_bool(jv_get(v, "joined"), false),
				  .removed = jv_bool(jv_get(v, "removed"), false),
				  .service_cidr = jv_strdup(jv_get(v, "serviceCIDR")),
				  .cluster_cidr = jv_strdup(jv_get(v, "clusterCIDR")),
				  .domain = jv_strdup(jv_get(v, "clusterDomain")),
				  .node_ports = jv_strdup(jv_get(v, "nodePortRange")),
				  .peers = jv_strdup(jv_get(v, "peers"))};
}

int member_file_read(const char *data_dir, struct member_file *ret, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" FILE_NAME, data_dir);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	int r = file_read(AT_FDCWD, path, FILE_MAX, &b);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "cannot read %s: %s", path, strerror(-r));
	if (json_scan(buf_str(&b), NULL, NULL) == 0) {
		from_json(jv_of(buf_str(&b)), ret);
		if (ret->id && ret->name)
			return 1;
		member_file_done(ret);
	}
	return err_sys(err, EINVAL, "%s is damaged", path);
}

static void member(struct jw *w, const char *key, const char *value)
{
	if (value)
		jw_member_str(w, key, str_of(value));
}

int member_file_write(const char *data_dir, const struct member_file *f, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/" FILE_NAME, data_dir);
	CLEANUP_FREE char *id = xasprintf("%016" PRIx64, f->id);
	CLEANUP_FREE char *cluster = xasprintf("%016" PRIx64, f->cluster);
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	int r;

	jw_begin_object(&w);
	member(&w, "id", id);
	member(&w, "cluster", f->cluster ? cluster : NULL);
	member(&w, "name", f->name);
	jw_member_bool(&w, "joined", f->joined);
	if (f->removed)
		jw_member_bool(&w, "removed", true);
	member(&w, "serviceCIDR", f->service_cidr);
	member(&w, "clusterCIDR", f->cluster_cidr);
	member(&w, "clusterDomain", f->domain);
	member(&w, "nodePortRange", f->node_ports);
	member(&w, "peers", f->peers);
	jw_end_object(&w);
	buf_addc(&b, '\n');
	r = file_write_atomic(AT_FDCWD, path, buf_str(&b), 0600);
	return r < 0 ? err_sys(err, -r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

/* ---- asking ---- */

struct asking {
	const struct master_join_conf *conf;
	struct buf body, answer;
	int status, err;
	bool over;
	char why[200];
};

static void make_body(const struct master_join_conf *c, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	member(&w, "name", c->name);
	member(&w, "peer", c->peer);
	member(&w, "url", c->url);
	member(&w, "version", PACKAGE_VERSION);
	member(&w, "wants", c->standby ? "standby" : "voter");
	member(&w, "replaces", c->replaces);
	jw_end_object(&w);
}

static void on_response(struct http_call *call, int status, void *user)
{
	(void)call;
	((struct asking *)user)->status = status;
}

static void on_data(struct http_call *call, struct str data, void *user)
{
	struct asking *a = user;

	(void)call;
	if (a->answer.len + data.len <= ANSWER_MAX)
		buf_addstr(&a->answer, data);
}

static void on_end(struct http_call *call, int err, void *user)
{
	struct asking *a = user;

	a->over = true;
	a->err = err;
	str_copy(a->why, sizeof(a->why), str_of(http_call_error(call)));
}

static int ask_once(struct asking *a, struct tls_ctx *tls, struct err *err)
{
	static const struct http_call_ops ops = {on_response, on_data, on_end};
	struct http_header type = HTTP_HEADER("content-type", STR("application/json"));
	struct http_call_req req = {.method = "POST",
				    .path = "/knarr/v1/join",
				    .headers = &type,
				    .n_headers = 1,
				    .body = buf_str(&a->body),
				    .timeout_ns = PATIENCE_NS};
	struct http_client_conf hc = {.endpoints = &a->conf->server,
				      .n_endpoints = 1,
				      .tls = tls,
				      .bearer_token = str_of(a->conf->token),
				      .wait_timeout_ns = 1};
	struct http_client *c;
	uv_loop_t loop;
	int r;

	uv_loop_init(&loop);
	hc.loop = &loop;
	r = http_client_new(&hc, &c, err);
	if (r == 0) {
		a->over = false;
		a->status = 0;
		buf_clear(&a->answer);
		http_client_request(c, &req, &ops, a);
		while (!a->over)
			uv_run(&loop, UV_RUN_ONCE);
		http_client_free(c);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return r;
}

static int ask(struct asking *a, struct tls_ctx *tls, struct err *err)
{
	uint64_t until = clock_mono_ns(&clock_system) + PATIENCE_NS;
	int r;

	for (;;) {
		r = ask_once(a, tls, err);
		if (r < 0)
			return r;
		if (a->err == 0 && a->status / 100 == 2)
			return 0;
		/* No leader just now, or too much to do: it was not done. */
		if (a->err || (a->status != 503 && a->status != 429) ||
		    clock_mono_ns(&clock_system) > until)
			break;
		usleep(RETRY_US);
	}
	if (a->err)
		return err_sys(err, -a->err, "--join: %s: %s", a->conf->server, a->why);
	if (a->status == 401)
		return err_sys(err, EACCES,
			       "--token: the cluster does not know this token, or it has ended: "
			       "knarrctl token create --master, on a master, makes one");
	if (a->status == 403)
		return err_sys(err, EACCES,
			       "--token: this token is not one for masters: knarrctl token create "
			       "--master, on a master, makes one");
	r = client_status_to_err(a->status, buf_str(&a->answer), err);
	err_prefix(err, "--join: ");
	return r;
}

/* ---- what came back ---- */

static int write_pki(const char *dir, struct jv v, struct err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = {{"ca.key", 0600}, {"sa.key", 0600}, {"ca.crt", 0644}};
	int r = dir_make(dir, 0700);

	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(files); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, files[i].name);
		CLEANUP_FREE char *pem = jv_strdup(jv_get(v, files[i].name));

		if (!pem)
			return err_sys(err, EPROTO, "--join: the answer has no %s", files[i].name);
		r = file_write_atomic(AT_FDCWD, path, str_of(pem), files[i].mode);
		OPENSSL_cleanse(pem, strlen(pem));
	}
	return r < 0 ? err_sys(err, -r, "cannot write the keys beneath %s: %s", dir, strerror(-r))
		     : 0;
}

static char *others(struct jv v)
{
	struct buf b = BUF_INIT;

	jv_for_each (it, jv_get(v, "members")) {
		CLEANUP_FREE char *id = jv_strdup(jv_get(it.value, "id"));
		CLEANUP_FREE char *peer = jv_strdup(jv_get(it.value, "peer"));

		if (id && peer && !jv_eqs(jv_get(it.value, "role"), "none"))
			buf_addf(&b, "%s%s %s", b.len ? " " : "", id, peer);
	}
	return buf_take(&b);
}

static int keep(const struct master_join_conf *conf, struct str json, struct member_file *ret,
		struct err *err)
{
	CLEANUP_FREE char *pki = xasprintf("%s/pki", conf->data_dir);
	struct jv v = jv_of(json);
	int r;

	if (json_scan(json, NULL, NULL) < 0)
		return err_sys(err, EPROTO, "--join: %s answered no JSON", conf->server);
	from_json(v, ret);
	ret->joined = true;
	free(ret->peers);
	ret->peers = others(v);
	r = !ret->id || !ret->name ? err_sys(err, EPROTO, "--join: the answer has no id")
				   : write_pki(pki, v, err);
	if (r == 0)
		r = member_file_write(conf->data_dir, ret, err);
	if (r < 0)
		member_file_done(ret);
	return r;
}

/* The options of a start may still name an authority that has been replaced since. */
static bool is_former(const char *data_dir, const char *ca_hash)
{
	CLEANUP_FREE char *path = xasprintf("%s/pki/ca-former.txt", data_dir);
	CLEANUP(buf_done) struct buf text = BUF_INIT;
	struct str rest, line;

	if (file_read(AT_FDCWD, path, FILE_MAX, &text) < 0)
		return false;
	rest = buf_str(&text);
	while (str_split(&rest, '\n', &line))
		if (line.len && str_eqs(line, ca_hash))
			return true;
	return false;
}

int master_join_check(const char *data_dir, const char *ca_hash, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/pki/ca.crt", data_dir);
	CLEANUP(buf_done) struct buf pem = BUF_INIT;
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	CLEANUP(cert_x509_freep) X509 *x = NULL;

	if (file_read(AT_FDCWD, path, FILE_MAX, &pem) < 0)
		return 0;
	x = cert_from_pem(buf_str(&pem), NULL);
	if (!x)
		return 0;
	cert_spki_hash(x, &hash);
	if (!ca_hash || !strcmp(hash.p, ca_hash) || is_former(data_dir, ca_hash))
		return 0;
	return err_sys(
		err, EEXIST,
		"--join: %s belongs to another cluster, whose authority has %s; take it away "
		"first (knarrctl reset)",
		data_dir, hash.p);
}

int master_join(const struct master_join_conf *conf, struct member_file *ret, struct err *err)
{
	CLEANUP_FREE char *store = xasprintf("%s/store", conf->data_dir);
	CLEANUP(buf_done) struct buf ca = BUF_INIT;
	struct asking a = {.conf = conf};
	struct tls_ctx *tls = NULL;
	int r;

	if (!conf->token || !conf->ca_hash)
		return err_sys(err, EINVAL,
			       "--join needs --token and --ca-hash: knarrctl token create --master "
			       "--print-join, on a master, prints both");
	r = master_join_check(conf->data_dir, conf->ca_hash, err);
	if (r == 0 && access(store, F_OK) == 0)
		r = err_sys(err, EEXIST,
			    "--join: there is a store in %s already: this is a cluster of its own; "
			    "take it away first (knarrctl reset)",
			    conf->data_dir);
	if (r == 0)
		r = authority_fetch(conf->server, conf->ca_hash, &ca, err);
	if (r == 0)
		r = tls_client_new(&(struct tls_conf){.ca_pem = buf_str(&ca)}, &tls, err);
	if (r < 0)
		return r;
	buf_init(&a.body);
	buf_init(&a.answer);
	make_body(conf, &a.body);
	r = ask(&a, tls, err);
	if (r == 0)
		r = keep(conf, buf_str(&a.answer), ret, err);
	OPENSSL_cleanse(a.answer.p, a.answer.len);
	buf_done(&a.body);
	buf_done(&a.answer);
	tls_ctx_unref(tls);
	return r;
}
