/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/api/discovery.h"
#include "lib/base/cidr.h"
#include "lib/api/openapi.h"
#include "lib/base/kubernetes.h"
#include "lib/json/jw.h"
#include "master/apiserver/aggregate.h"
#include "master/apiserver/docs.h"
#include "master/apiserver/metrics.h"
#include "master/apiserver/verbs.h"
#include "master/auth/jwt.h"

#include <sys/utsname.h>

/* Everything that is no resource. One row a path; "/x/" also takes what is behind it. */
#define JSON_TYPE "application/json"

static enum api_discovery_form discovery_form(struct request *r)
{
	return api_discovery_accept(r->accept_text.p ? r->accept_text : STR(""));
}

/* "/apis/apps/v1/" is "/apis/apps/v1". */
static struct str without_slash(struct str path)
{
	return str_ends(path, STR("/")) ? str_n(path.p, path.len - 1) : path;
}

static void get_api(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	enum api_discovery_form form = discovery_form(r);
	CLEANUP_FREE char *addr = host_port_join(r->srv->conf.advertise_address, r->srv->conf.port);

	rest = without_slash(rest);
	if (rest.len) {
		if (api_discovery_resources(server_kinds(r->srv), STR(""), rest, &b) < 0)
			respond_not_served(r);
		else
			respond_buf(r, 200, JSON_TYPE, &b);
		return;
	}
	api_discovery_core(server_kinds(r->srv), form, addr, &b);
	respond_buf(r, 200, api_discovery_content_type(form), &b);
}

static void get_apis(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	enum api_discovery_form form = discovery_form(r);
	struct str group;
	int e;

	rest = without_slash(rest);
	if (!rest.len) {
		api_discovery_groups(server_kinds(r->srv), form, &b);
		aggregate_add_groups(r->srv, form, &b);
		respond_buf(r, 200, api_discovery_content_type(form), &b);
		return;
	}
	str_split(&rest, '/', &group);
	e = rest.p && rest.len ? api_discovery_resources(server_kinds(r->srv), group, rest, &b)
			       : api_discovery_group(server_kinds(r->srv), group, &b);
	if (e < 0 && !(rest.p && rest.len))
		e = aggregate_group(r->srv, group, &b);
	if (e < 0)
		respond_not_served(r);
	else
		respond_buf(r, 200, JSON_TYPE, &b);
}

static bool accepts(const struct request *r, const char *word)
{
	CLEANUP_FREE char *text = str_dup(r->accept_text);

	return text && strstr(text, word);
}

static void get_openapi_v2(struct request *r, struct str rest)
{
	docs_get(r, accepts(r, "proto-openapi") ? DOCS_V2_PB : DOCS_V2_JSON, STR(""), STR(""));
}

static void get_openapi_v3(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct str first, group = STR(""), all = rest;

	if (!rest.len) {
		api_openapi_v3_index(server_kinds(r->srv), &b);
		aggregate_add_openapi(r->srv, &b);
		respond_buf(r, 200, JSON_TYPE, &b);
		return;
	}
	str_split(&rest, '/', &first);
	if (str_eqs(first, "apis") && rest.len)
		str_split(&rest, '/', &group);
	if (!str_starts(all, STR("api")) || !rest.p)
		respond_not_served(r);
	else
		docs_get(r, DOCS_V3, group, rest);
}

static void get_version(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw w = jw_start(&b);
	struct utsname u;
	char platform[sizeof(u.machine) + 8];

	uname(&u);
	snprintf(platform, sizeof(platform), "linux/%s",
		 !strcmp(u.machine, "x86_64")    ? "amd64"
		 : !strcmp(u.machine, "aarch64") ? "arm64"
						 : u.machine);
	jw_begin_object(&w);
	jw_member_str(&w, "major", STR(KUBERNETES_MAJOR));
	jw_member_str(&w, "minor", STR(KUBERNETES_MINOR));
	jw_member_str(&w, "gitVersion", STR(KUBERNETES_VERSION));
	jw_member_str(&w, "gitCommit", STR("knarr-" VERSION));
	jw_member_str(&w, "gitTreeState", STR("clean"));
	jw_member_str(&w, "buildDate", STR("1970-01-01T00:00:00Z"));
	jw_member_str(&w, "goVersion", STR("none"));
	jw_member_str(&w, "compiler", STR("gcc"));
	jw_member_str(&w, "platform", str_of(platform));
	jw_end_object(&w);
	respond_buf(r, 200, JSON_TYPE, &b);
}

/* ---- health ---- */

static bool check_ping(const struct apiserver *s)
{
	return true;
}

static bool check_store(const struct apiserver *s)
{
	struct store_stats st;

	store_stats(s->store, &st);
	return !st.disk_full;
}

static bool check_ready(const struct apiserver *s)
{
	return s->ready;
}

static bool check_leader(const struct apiserver *s)
{
	return !s->lost;
}

static bool check_shutdown(const struct apiserver *s)
{
	return !s->stopping;
}

static const struct {
	const char *name;
	bool (*ok)(const struct apiserver *s);
	bool only_ready;
} checks[] = {
	{"ping", check_ping, false},
	{"store", check_store, true},
	{"poststarthook/bootstrap", check_ready, true},
	{"leader", check_leader, true},
	{"shutdown", check_shutdown, true},
};

static void health(struct request *r, const char *path, struct str one, bool ready)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	bool all = true, found = !one.len;

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		bool ok;

		if ((checks[i].only_ready && !ready) || (one.len && !str_eqs(one, checks[i].name)))
			continue;
		ok = checks[i].ok(r->srv);
		found = true;
		all &= ok;
		buf_addf(&b, "[%c]%s %s\n", ok ? '+' : '-', checks[i].name,
			 ok ? "ok" : "failed: reason withheld");
	}
	if (!found) {
		respond_not_served(r);
		return;
	}
	buf_addf(&b, "%s check %s\n", path, all ? "passed" : "failed");
	if (all && !query_bool(&r->query, "verbose"))
		respond_text(r, 200, "text/plain; charset=utf-8", STR("ok"));
	else
		respond_text(r, all ? 200 : 500, "text/plain; charset=utf-8", buf_str(&b));
}

static void get_healthz(struct request *r, struct str rest)
{
	health(r, "healthz", rest, false);
}

static void get_livez(struct request *r, struct str rest)
{
	health(r, "livez", rest, false);
}

static void get_readyz(struct request *r, struct str rest)
{
	health(r, "readyz", rest, true);
}

static void get_metrics(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	metrics_write(r->srv, &b);
	respond_buf(r, 200, "text/plain; version=0.0.4; charset=utf-8", &b);
}

static void get_jwks(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	jwt_key_set(r->srv->authn.sa_keys, &b, NULL);
	respond_buf(r, 200, "application/jwk-set+json", &b);
}

static void get_openid(struct request *r, struct str rest)
{
	CLEANUP_FREE char *at = host_port_join(r->srv->conf.advertise_address, r->srv->conf.port);
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_addf(&b,
		 "{\"issuer\":\"%s\",\"jwks_uri\":\"https://%s/openid/v1/jwks\","
		 "\"response_types_supported\":[\"id_token\"],\"subject_types_supported\":["
		 "\"public\"],"
		 "\"id_token_signing_alg_values_supported\":[\"%s\"]}",
		 r->srv->issuer, at, jwt_alg(r->srv->authn.sa_key));
	respond_buf(r, 200, JSON_TYPE, &b);
}

static void get_root(struct request *r, struct str rest);

static const struct {
	const char *path;
	void (*run)(struct request *r, struct str rest);
	bool tree; /* also what lies beneath */
} paths[] = {
	{"/api", get_api, true},
	{"/apis", get_apis, true},
	{"/openapi/v2", get_openapi_v2, false},
	{"/openapi/v3", get_openapi_v3, true},
	{"/version", get_version, true},
	{"/healthz", get_healthz, true},
	{"/livez", get_livez, true},
	{"/readyz", get_readyz, true},
	{"/metrics", get_metrics, false},
	{"/openid/v1/jwks", get_jwks, false},
	{"/.well-known/openid-configuration", get_openid, false},
	{"/", get_root, false},
};

static void get_root(struct request *r, struct str rest)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	buf_adds(&b, "{\"paths\":[");
	for (size_t i = 0; i + 1 < ARRAY_SIZE(paths); i++)
		buf_addf(&b, "%s\"%s\"", i ? "," : "", paths[i].path);
	buf_adds(&b, "]}");
	respond_buf(r, 200, JSON_TYPE, &b);
}

void paths_run(struct request *r)
{
	struct str path = r->info.path, rest;

	if (!str_eqs(r->method, "GET") && !str_eqs(r->method, "HEAD")) {
		respond_not_allowed(r);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct str p = str_of(paths[i].path);

		if (!str_starts(path, p))
			continue;
		rest = str_skip(path, p.len);
		if (rest.len && (!paths[i].tree || rest.p[0] != '/'))
			continue;
		paths[i].run(r, str_skip(rest, 1));
		return;
	}
	respond_not_served(r);
}
