/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bootstrap tokens: Secrets of type bootstrap.kubernetes.io/token in kube-system, as kubeadm makes
 * them (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens).
 */
#include "cli/session.h"
#include "lib/base/cidr.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/json/jw.h"

#define ID_LEN 6
#define SECRET_LEN 16
#define TTL_NODE_NS (24 * 3600 * NSEC_PER_SEC)
#define TTL_MASTER_NS (15 * 60 * NSEC_PER_SEC)
#define TTL_MASTER_MAX_NS TTL_NODE_NS
#define SECRETS "/api/v1/namespaces/kube-system/secrets"

struct token_options {
	struct cli_common common;
	uint64_t ttl_ns;
	const char *description;
	bool print_join, master;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct token_options, common),
	CLI_OUTPUT_ROW(struct token_options, common),
	{"ttl", 0, OPTION_DURATION, offsetof(struct token_options, ttl_ns), "TIME",
	 "how long a new token is good (default 24h; 0 for ever)"},
	{"description", 0, OPTION_STRING, offsetof(struct token_options, description), "TEXT",
	 "what a new token is for"},
	{"print-join", 0, OPTION_FLAG, offsetof(struct token_options, print_join), NULL,
	 "create: print the command with which a node joins"},
	{"master", 0, OPTION_FLAG, offsetof(struct token_options, master), NULL,
	 "create: for one more master, not for a node (default --ttl 15m)"},
};
static const struct options_spec spec = {
	"knarrctl token",
	"create | list | delete ID",
	"Administers the tokens with which nodes and masters join the cluster.",
	rows,
	ARRAY_SIZE(rows),
	"create prints the token; with it, on the new node:\n"
	"  knarrctl join https://MASTER:6443 --token TOKEN --ca-hash sha256:..."};

static void random_text(char *out, size_t n)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < n; i++)
		out[i] = set[rng_below(&rng_system, sizeof(set) - 1)];
	out[n] = 0;
}

static void token_body(enum token_use use, uint64_t ttl_ns, const char *description, const char *id,
		       const char *secret, struct buf *body)
{
	struct jw w = jw_start(body);
	CLEANUP_FREE char *name = xasprintf("bootstrap-token-%s", id);

	jw_begin_object(&w);
	jw_member_str(&w, "apiVersion", STR("v1"));
	jw_member_str(&w, "kind", STR("Secret"));
	jw_key(&w, "metadata");
	jw_begin_object(&w);
	jw_member_str(&w, "name", str_of(name));
	jw_member_str(&w, "namespace", STR("kube-system"));
	jw_end_object(&w);
	jw_member_str(&w, "type", STR("bootstrap.kubernetes.io/token"));
	jw_key(&w, "stringData");
	jw_begin_object(&w);
	jw_member_str(&w, "token-id", str_of(id));
	jw_member_str(&w, "token-secret", str_of(secret));
	jw_member_str(&w, "usage-bootstrap-authentication", STR("true"));
	if (use == TOKEN_MASTER) {
		jw_member_str(&w, "usage-knarr-master-join", STR("true"));
	} else {
		jw_member_str(&w, "usage-bootstrap-signing", STR("true"));
		jw_member_str(&w, "auth-extra-groups",
			      STR("system:bootstrappers:knarr:default-node-token"));
	}
	if (description)
		jw_member_str(&w, "description", str_of(description));
	if (ttl_ns) {
		char t[TIME_LEN + 1];

		time_format(clock_real_ns(&clock_system) + (int64_t)ttl_ns, t);
		jw_member_str(&w, "expiration", str_of(t));
	}
	jw_end_object(&w);
	jw_end_object(&w);
}

int token_create(struct session *s, enum token_use use, uint64_t ttl_ns, const char *description,
		 char ret[TOKEN_LEN + 1], struct err *err)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	char id[ID_LEN + 1], secret[SECRET_LEN + 1];
	struct session_req req = {.method = "POST", .path = SECRETS};
	int r;

	random_text(id, ID_LEN);
	random_text(secret, SECRET_LEN);
	token_body(use, ttl_ns, description, id, secret, &body);
	req.body = buf_str(&body);
	r = session_do(s, &req, NULL, err);
	if (!r)
		snprintf(ret, TOKEN_LEN + 1, "%s.%s", id, secret);
	return r;
}

/* Where other machines find a master: the endpoint of the `kubernetes` Service, if it has one. */
static void join_server(struct session *s, struct buf *out)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jv slice;
	struct str address;

	if (session_get(s, "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
			&b, NULL) == 0) {
		slice = jv_of(buf_str(&b));
		address = jv_text(jv_path(slice, "endpoints[0].addresses[0]"));
		if (address.len) {
			CLEANUP_FREE char *host = str_dup(address);
			CLEANUP_FREE char *at = host_port_join(
				host, (unsigned)jv_i64(jv_path(slice, "ports[0].port"), 6443));

			buf_addf(out, "https://%s", at);
			return;
		}
	}
	buf_adds(out, session_server(s));
}

int token_join_command(struct session *s, enum token_use use, uint64_t ttl_ns,
		       const char *description, const char *more, struct buf *out, struct err *err)
{
	CLEANUP(buf_done) struct buf hash = BUF_INIT;
	CLEANUP(buf_done) struct buf server = BUF_INIT;
	char token[TOKEN_LEN + 1];
	int r = session_ca_hash(s, &hash, err);

	if (!r)
		r = token_create(s, use, ttl_ns, description, token, err);
	if (r < 0)
		return r;
	join_server(s, &server);
	buf_addf(out, "knarrctl join %s%s --token %s --ca-hash %s%s", server.p,
		 use == TOKEN_MASTER ? " --master" : "", token, hash.p, more ? more : "");
	return 0;
}

static int create(struct session *s, const struct token_options *o, struct err *err)
{
	enum token_use use = o->master ? TOKEN_MASTER : TOKEN_NODE;
	CLEANUP(buf_done) struct buf line = BUF_INIT;
	char token[TOKEN_LEN + 1];
	int r;

	if (o->print_join)
		r = token_join_command(s, use, o->ttl_ns, o->description, NULL, &line, err);
	else
		r = token_create(s, use, o->ttl_ns, o->description, token, err);
	if (!r)
		puts(o->print_join ? line.p : token);
	return r;
}

static void decoded(struct jv data, const char *name, struct buf *out)
{
	buf_clear(out);
	base64_decode(jv_text(jv_get(data, name)), out);
}

static void add_row(struct cli_table *t, struct jv data)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	CLEANUP(buf_done) struct buf ttl = BUF_INIT;
	int64_t until;

	decoded(data, "token-id", &b);
	cli_table_add(t, buf_str(&b));
	decoded(data, "expiration", &b);
	if (b.len && time_parse(buf_str(&b), &until) == 0)
		duration_human(until - clock_real_ns(&clock_system), &ttl);
	cli_table_add(t, ttl.len ? buf_str(&ttl) : STR("<forever>"));
	cli_table_add(t, b.len ? buf_str(&b) : STR("<never>"));
	decoded(data, "description", &b);
	cli_table_add(t, b.len ? buf_str(&b) : STR("<none>"));
}

static int list(struct session *s, enum cli_output how, struct err *err)
{
	CLEANUP(buf_done) struct buf body = BUF_INIT;
	struct cli_table t = {.columns = 4};
	int r = session_get(s, SECRETS "?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken",
			    &body, err);

	if (r < 0)
		return r;
	if (how == CLI_JSON || how == CLI_YAML) {
		cli_print_object(buf_str(&body), how);
		return 0;
	}
	cli_table_add(&t, STR("ID"));
	cli_table_add(&t, STR("TTL"));
	cli_table_add(&t, STR("EXPIRES"));
	cli_table_add(&t, STR("DESCRIPTION"));
	jv_for_each (it, jv_get(jv_of(buf_str(&body)), "items"))
		add_row(&t, jv_get(it.value, "data"));
	cli_table_print(&t);
	return 0;
}

static int remove_token(struct session *s, const char *id, struct err *err)
{
	struct session_req req = {.method = "DELETE"};
	CLEANUP_FREE char *path = NULL;
	int r;

	/* "abcdef.0123456789abcdef" names the token by its first part. */
	if (strcspn(id, ".") != ID_LEN)
		return err_sys(err, EINVAL,
			       "\"%s\" is no token: six characters name one (see "
			       "knarrctl token list)",
			       id);
	path = xasprintf(SECRETS "/bootstrap-token-%.*s", ID_LEN, id);
	req.path = path;
	r = session_do(s, &req, NULL, err);
	if (!r)
		printf("token %.*s deleted\n", ID_LEN, id);
	return r;
}

int cmd_token(int argc, char **argv, void *user)
{
	struct token_options o = {.ttl_ns = UINT64_MAX};
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	enum cli_output how;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("token", &err) + 1;
	how = cli_output_parse(o.common.output, &err);
	if ((int)how < 0)
		return cli_fail("token", &err) + 1;
	if (!n)
		return cli_usage("token", "create, list or delete?");
	if (o.ttl_ns == UINT64_MAX)
		o.ttl_ns = o.master ? TTL_MASTER_NS : TTL_NODE_NS;
	if (o.master && (!o.ttl_ns || o.ttl_ns > TTL_MASTER_MAX_NS))
		return cli_usage("token", "--ttl: a token for a master is good for a day at most");
	r = session_open(&o.common, &s, &err);
	if (r < 0)
		return cli_fail("token", &err);
	if (strcmp(args[0], "create") == 0 && n == 1)
		r = create(s, &o, &err);
	else if (strcmp(args[0], "list") == 0 && n == 1)
		r = list(s, how, &err);
	else if (strcmp(args[0], "delete") == 0 && n == 2)
		r = remove_token(s, args[1], &err);
	else
		return cli_usage("token", "expected create, list, or delete ID");
	return r < 0 ? cli_fail("token", &err) : 0;
}
