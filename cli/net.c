/* SPDX-License-Identifier: Apache-2.0 */
/* What this node's network does, read from the pinned maps: it works while the agent is down. */
#include "cli/cli.h"
#include "lib/json/jw.h"
#include "net/counters.h"
#include "net/lb.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/utsname.h>

struct net_options {
	const char *node_name, *run_dir, *output;
};

static const struct option_row rows[] = {
	{"node-name", 0, OPTION_STRING, offsetof(struct net_options, node_name), "NAME",
	 "as given to knarr-agent (default: the host name)"},
	{"run-dir", 0, OPTION_STRING, offsetof(struct net_options, run_dir), "DIR",
	 "the agent's run-time folder (default /run/knarr/agent)"},
	{"output", 'o', OPTION_STRING, offsetof(struct net_options, output), "FORMAT",
	 "json or yaml (default: a table)"},
};
static const struct options_spec spec = {
	"knarrctl net",
	"services | counters",
	"Shows the services this node balances, or what its BPF programs counted.",
	rows,
	ARRAY_SIZE(rows),
	NULL};

static void address_text(struct ip_addr addr, uint16_t port, struct buf *out)
{
	char text[IP_TEXT];

	if (ip_eq(addr, ip_of4(0)))
		buf_addf(out, "*:%u", port);
	else
		buf_addf(out, ip_is4(addr) ? "%s:%u" : "[%s]:%u", ip_addr_format(addr, text), port);
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "TCP" : protocol == IPPROTO_UDP ? "UDP" : "?";
}

static int add_row(const struct lb_front_view *f, void *user)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cli_table *t = user;

	address_text(f->key.addr, f->key.port, &b);
	cli_table_add(t, buf_str(&b));
	cli_table_add(t, str_of(protocol_name(f->key.proto)));
	buf_clear(&b);
	if (f->affinity_s)
		buf_addf(&b, "%us", f->affinity_s);
	else
		buf_adds(&b, "none");
	cli_table_add(t, buf_str(&b));
	buf_clear(&b);
	for (size_t i = 0; i < f->n_backends; i++) {
		if (i)
			buf_addc(&b, ',');
		address_text(f->backends[i].addr, f->backends[i].port, &b);
	}
	cli_table_add(t, b.len ? buf_str(&b) : STR("<none>"));
	return 0;
}

static int add_json(const struct lb_front_view *f, void *user)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct jw *w = user;

	jw_begin_object(w);
	address_text(f->key.addr, f->key.port, &b);
	jw_member_str(w, "address", buf_str(&b));
	jw_member_str(w, "protocol", str_of(protocol_name(f->key.proto)));
	jw_member_i64(w, "affinitySeconds", f->affinity_s);
	jw_member_bool(w, "external", f->external);
	jw_key(w, "backends");
	jw_begin_array(w);
	for (size_t i = 0; i < f->n_backends; i++) {
		buf_clear(&b);
		address_text(f->backends[i].addr, f->backends[i].port, &b);
		jw_str(w, buf_str(&b));
	}
	jw_end_array(w);
	jw_end_object(w);
	return 0;
}

static int services(const struct net_options *o, enum cli_output how, struct err *err)
{
	struct lb_conf conf = {.node = o->node_name, .run_dir = o->run_dir};
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cli_table t = {.columns = 4};
	struct jw w = jw_start(&b);
	struct lb *lb;
	int r = lb_open_view(&conf, &lb, err);

	if (r < 0)
		return r;
	if (how == CLI_JSON || how == CLI_YAML) {
		jw_begin_object(&w);
		jw_key(&w, "services");
		jw_begin_array(&w);
		r = lb_each(lb, add_json, &w);
		jw_end_array(&w);
		jw_end_object(&w);
		cli_print_object(buf_str(&b), how);
	} else {
		cli_table_add(&t, STR("ADDRESS"));
		cli_table_add(&t, STR("PROTOCOL"));
		cli_table_add(&t, STR("AFFINITY"));
		cli_table_add(&t, STR("BACKENDS"));
		r = lb_each(lb, add_row, &t);
		cli_table_print(&t);
	}
	lb_close(lb);
	return r < 0 ? err_sys(err, r, "cannot read the maps: %s", strerror(-r)) : 0;
}

static int counters(const struct net_options *o, enum cli_output how, struct err *err)
{
	CLEANUP(buf_done) struct buf b = BUF_INIT;
	struct cli_table t = {.columns = 4};
	struct jw w = jw_start(&b);
	struct net_counters c;
	int r = net_counters_read(o->node_name, o->run_dir, &c, err);

	if (r < 0)
		return r;
	jw_begin_object(&w);
	cli_table_add(&t, STR("REASON"));
	cli_table_add(&t, STR("COUNT"));
	cli_table_add(&t, STR("REFUSED"));
	cli_table_add(&t, STR("MEANING"));
	for (int i = 0; i < NET_REASON_MAX; i++) {
		CLEANUP_FREE char *n = xasprintf("%" PRIu64, c.n[i]);

		if (!c.n[i])
			continue;
		jw_member_i64(&w, net_reason_name(i), (int64_t)c.n[i]);
		cli_table_add(&t, str_of(net_reason_name(i)));
		cli_table_add(&t, str_of(n));
		cli_table_add(&t, net_reason_is_drop(i) ? STR("yes") : STR("no"));
		cli_table_add(&t, str_of(net_reason_help(i)));
	}
	jw_end_object(&w);
	if (how == CLI_JSON || how == CLI_YAML)
		cli_print_object(buf_str(&b), how);
	else
		cli_table_print(&t);
	return 0;
}

int cmd_net(int argc, char **argv, void *user)
{
	struct net_options o = {.run_dir = "/run/knarr/agent"};
	CLEANUP_FREE const char **args = NULL;
	struct err err = ERR_INIT;
	enum cli_output how;
	struct utsname u;
	size_t n;
	int r = options_parse(&spec, argc, argv, &o, &args, &n, &err);

	if (r == OPTIONS_DONE)
		return 0;
	if (r < 0)
		return cli_fail("net", &err) + 1;
	how = cli_output_parse(o.output, &err);
	if ((int)how < 0)
		return cli_fail("net", &err) + 1;
	uname(&u);
	if (!o.node_name)
		o.node_name = u.nodename;
	if (n == 1 && strcmp(args[0], "services") == 0)
		r = services(&o, how, &err);
	else if (n == 1 && strcmp(args[0], "counters") == 0)
		r = counters(&o, how, &err);
	else
		return cli_usage("net", "services or counters?");
	return r < 0 ? cli_fail("net", &err) : 0;
}
