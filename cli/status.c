/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/session.h"
#include "lib/json/jw.h"

struct status_options {
	struct cli_common common;
};

static const struct option_row rows[] = {
	CLI_COMMON_ROWS(struct status_options, common),
	CLI_OUTPUT_ROW(struct status_options, common),
};
static const struct options_spec spec = {
	"knarrctl status",
	"",
	"Shows the cluster's health at a glance; exits with 1 when something is not well.",
	rows,
	ARRAY_SIZE(rows),
	NULL};

/* What a look at the cluster found. */
struct health {
	char *version;
	bool ready;
	size_t nodes, nodes_ready;
	size_t pods, pods_running, pods_pending, pods_failed, pods_done;
	size_t deployments, deployments_available;
	size_t masters, voters, masters_alive; /* masters 0: not known */
	char *leader;
};

static bool condition(struct jv obj, const char *type)
{
	jv_for_each (it, jv_path(obj, "status.conditions"))
		if (jv_eqs(jv_get(it.value, "type"), type))
			return jv_eqs(jv_get(it.value, "status"), "True");
	return false;
}

/* Only administrators are told. */
static void look_at_masters(struct session *s, struct health *h)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (session_get(s, "/knarr/v1/members", &b, NULL) < 0)
		return;
	jv_for_each (m, jv_get(jv_of(buf_str(&b)), "members")) {
		h->masters++;
		h->voters += jv_eqs(jv_get(m.value, "role"), "voter");
		h->masters_alive += jv_bool(jv_get(m.value, "alive"), false);
		if (jv_bool(jv_get(m.value, "leader"), false) && !h->leader)
			h->leader = jv_strdup(jv_get(m.value, "name"));
	}
}

static int look(struct session *s, struct health *h, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct session_req ready = {.method = "GET", .path = "/readyz", .accept = "*/*"};
	int r = session_get(s, "/version", &b, err);

	if (r < 0)
		return r;
	h->version = jv_strdup(jv_get(jv_of(buf_str(&b)), "gitVersion"));
	h->ready = session_do(s, &ready, NULL, NULL) == 0;
	buf_clear(&b);
	look_at_masters(s, h);
	r = session_get(s, "/api/v1/nodes", &b, err);
	if (r < 0)
		return r;
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items")) {
		h->nodes++;
		h->nodes_ready += condition(it.value, "Ready");
	}
	buf_clear(&b);
	r = session_get(s, "/api/v1/pods", &b, err);
	if (r < 0)
		return r;
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items")) {
		struct jv phase = jv_path(it.value, "status.phase");

		h->pods++;
		h->pods_running += jv_eqs(phase, "Running");
		h->pods_pending += jv_eqs(phase, "Pending");
		h->pods_failed += jv_eqs(phase, "Failed");
		h->pods_done += jv_eqs(phase, "Succeeded");
	}
	buf_clear(&b);
	r = session_get(s, "/apis/apps/v1/deployments", &b, err);
	if (r < 0)
		return r;
	jv_for_each (it, jv_get(jv_of(buf_str(&b)), "items")) {
		h->deployments++;
		h->deployments_available += condition(it.value, "Available");
	}
	return 0;
}

static void as_json(struct session *s, const struct health *h, struct buf *out)
{
	struct jw w = jw_start(out);

	jw_begin_object(&w);
	jw_member_str(&w, "server", str_of(session_server(s)));
	jw_member_str(&w, "version", str_of(h->version));
	jw_member_bool(&w, "ready", h->ready);
	if (h->masters) {
		jw_key(&w, "masters");
		jw_begin_object(&w);
		jw_member_i64(&w, "total", (int64_t)h->masters);
		jw_member_i64(&w, "voters", (int64_t)h->voters);
		jw_member_i64(&w, "answer", (int64_t)h->masters_alive);
		jw_member_str(&w, "leader", str_of(h->leader));
		jw_end_object(&w);
	}
	jw_key(&w, "nodes");
	jw_begin_object(&w);
	jw_member_i64(&w, "total", (int64_t)h->nodes);
	jw_member_i64(&w, "ready", (int64_t)h->nodes_ready);
	jw_end_object(&w);
	jw_key(&w, "pods");
	jw_begin_object(&w);
	jw_member_i64(&w, "total", (int64_t)h->pods);
	jw_member_i64(&w, "running", (int64_t)h->pods_running);
	jw_member_i64(&w, "pending", (int64_t)h->pods_pending);
	jw_member_i64(&w, "failed", (int64_t)h->pods_failed);
	jw_member_i64(&w, "succeeded", (int64_t)h->pods_done);
	jw_end_object(&w);
	jw_key(&w, "deployments");
	jw_begin_object(&w);
	jw_member_i64(&w, "total", (int64_t)h->deployments);
	jw_member_i64(&w, "available", (int64_t)h->deployments_available);
	jw_end_object(&w);
	jw_end_object(&w);
}

static void print(struct session *s, const struct health *h, enum cli_output how)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;

	if (how == CLI_JSON || how == CLI_YAML) {
		as_json(s, h, &b);
		cli_print_object(buf_str(&b), how);
		return;
	}
	printf("Server:       %s (%s), %s\n", session_server(s), h->version ? h->version : "?",
	       h->ready ? "ready" : "NOT ready");
	if (h->masters)
		printf("Masters:      %zu answer of %zu, %zu vote, %s leads\n", h->masters_alive,
		       h->masters, h->voters, h->leader ? h->leader : "none");
	printf("Nodes:        %zu ready of %zu\n", h->nodes_ready, h->nodes);
	printf("Pods:         %zu: %zu running, %zu pending, %zu failed, %zu succeeded\n", h->pods,
	       h->pods_running, h->pods_pending, h->pods_failed, h->pods_done);
	printf("Deployments:  %zu available of %zu\n", h->deployments_available, h->deployments);
}

int cmd_status(int argc, char **argv, void *user)
{
	struct status_options o = {0};
	CLEANUP(session_closep) struct session *s = NULL;
	CLEANUP_FREE const char **args = NULL;
	struct health h = {0};
	struct err err = ERR_INIT;
	enum cli_output how;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("status", &err) + 1;
	if (n)
		return cli_usage("status", "takes no arguments");
	how = cli_output_parse(o.common.output, &err);
	if ((int)how < 0)
		return cli_fail("status", &err) + 1;
	r = session_open(&o.common, &s, &err);
	if (!r)
		r = look(s, &h, &err);
	if (r < 0)
		return cli_fail("status", &err);
	print(s, &h, how);
	free(h.version);
	free(h.leader);
	return h.ready && h.masters_alive == h.masters && h.nodes_ready == h.nodes &&
			       h.deployments_available == h.deployments
		       ? 0
		       : 1;
}
